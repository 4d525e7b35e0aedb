"""What operators do with the accounts of others, and who may do what to whom.

Whoever acts has to be an operator, and to have more rights than the account; an owner may do everything, and nobody
else gives roles. The command line has no such rules: who has it has the database.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import Accounts, Credit
from tornadogw.accounts.addresses import Addresses
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.keys import KEEP, Keys, NewKey, Wanted
from tornadogw.accounts.logins import Logins, NewLogin
from tornadogw.accounts.subscriptions import Subscriptions
from tornadogw.accounts.two_factor import TwoFactor
from tornadogw.errors import NotAllowed, NotThere, UsageError
from tornadogw.store.ports import ROLES, Account, ApiKey, Entry, Role
from tornadogw.store.ports_people import Login
from tornadogw.store.trade import Standing
from tornadogw.types import Value

__all__ = ["Actor", "Desk", "NewPassword", "above"]

_LOGIN = 12
"""Characters of a login's id that the audit log has."""


class Actor(Value, frozen=True):
    """Who acts: at a page, or with an admin token."""

    by: str
    """For the audit log."""
    role: Role


class NewPassword(msgspec.Struct, frozen=True):
    """An account and its password, for the one time it is shown; empty: it has none."""

    account: Account
    password: str

    @override
    def __repr__(self) -> str:
        return f"NewPassword(account={self.account!r}, password=<masked>)"


def above(role: Role, other: Role) -> bool:
    """Whether who has `role` may change an account that has the role `other`."""
    if role == "owner":
        return True
    return ROLES.index(role) >= ROLES.index("operator") and ROLES.index(role) > ROLES.index(other)


class Desk:
    """Every method raises `UsageError` for what the actor may not do, a wrong argument, or an unknown account."""

    def __init__(
        self,
        accounts: Accounts,
        keys: Keys,
        subscriptions: Subscriptions,
        logins: Logins,
        audit: Audit,
        two_factor: TwoFactor,
        addresses: Addresses,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._accounts, self._keys, self._subscriptions = accounts, keys, subscriptions
        self._logins, self._audit, self._two_factor, self._now = logins, audit, two_factor, now
        self._addresses = addresses

    async def show(self, account_id: str) -> Account:
        """For everybody who may see the accounts of others."""
        account = await self._accounts.by_id(account_id)
        if account is None:
            raise NotThere("there is no such account", zh="没有这个账户")
        return account

    async def create(
        self, actor: Actor, email: str, *, role: str = "user", password: bool = False, language: str | None = None
    ) -> NewPassword:
        """A new account; `password`: with one by chance."""
        if role != "user":
            _needs_owner(actor)
        _needs_operator(actor)
        text = _by_chance() if password else ""
        account = await self._accounts.create(email, password=text or None, role=role, language=language, by=actor.by)
        return NewPassword(account, text)

    # --- money and plans ---------------------------------------------------------------------------------------------

    async def credit(
        self, actor: Actor, account_id: str, amount: str, *, reason: str, ref: str | None = None
    ) -> Credit:
        """Pay in, once a `ref`, and say why."""
        return await self._pay(
            actor,
            account_id,
            reason,
            lambda email: self._accounts.credit(email, amount, ref=ref, reason=reason.strip(), by=actor.by),
        )

    async def debit(self, actor: Actor, account_id: str, amount: str, *, reason: str, ref: str | None = None) -> Credit:
        """Take back, once a `ref`, and say why."""
        return await self._pay(
            actor,
            account_id,
            reason,
            lambda email: self._accounts.debit(email, amount, ref=ref, reason=reason.strip(), by=actor.by),
        )

    async def _pay(self, actor: Actor, account_id: str, reason: str, pay: Callable[[str], Awaitable[Credit]]) -> Credit:
        account = await self._changeable(actor, account_id)
        if not reason.strip():
            raise UsageError("say why: money is moved by hand for a reason", zh="请填写原因", field="reason")
        return await pay(account.email)

    async def subscribe(
        self,
        actor: Actor,
        account_id: str,
        plan: str,
        *,
        days: int | None = None,
        since: str | None = None,
        ref: str | None = None,
    ) -> Standing:
        """Give it a plan, once a `ref`."""
        account = await self._changeable(actor, account_id)
        return await self._subscriptions.subscribe(account.email, plan, days=days, since=since, ref=ref, by=actor.by)

    async def end_plan(self, actor: Actor, account_id: str) -> Standing:
        account = await self._changeable(actor, account_id)
        return await self._subscriptions.end(account.email, by=actor.by)

    async def set_zone(self, actor: Actor, account_id: str, zone: str) -> Standing:
        account = await self._changeable(actor, account_id)
        return await self._subscriptions.set_zone(account.email, zone, by=actor.by)

    # --- who it is ---------------------------------------------------------------------------------------------------

    async def set_language(self, actor: Actor, account_id: str, language: str | None) -> Account:
        account = await self._changeable(actor, account_id)
        return await self._accounts.set_language(account.email, language, by=actor.by)

    async def set_email(self, actor: Actor, account_id: str, email: str, *, login_id: str = "") -> Account:
        """The account is logged out everywhere but at `login_id`."""
        account = await self._changeable(actor, account_id)
        return await self._addresses.change(account, email, login_id=login_id, by=actor.by)

    async def disable(self, actor: Actor, account_id: str) -> Account:
        """Its logins end: none comes back when it is enabled."""
        account = await self._changeable(actor, account_id)
        disabled = await self._accounts.disable(account.email, by=actor.by)
        await self._logins.end_all(disabled)
        return disabled

    async def enable(self, actor: Actor, account_id: str) -> Account:
        account = await self._changeable(actor, account_id)
        return await self._accounts.enable(account.email, by=actor.by)

    async def set_role(self, actor: Actor, account_id: str, role: str) -> Account:
        """An owner's to do."""
        _needs_owner(actor)
        account = await self.show(account_id)
        return await self._accounts.set_role(account.email, role, by=actor.by)

    async def reset_password(self, actor: Actor, account_id: str) -> NewPassword:
        """A new one by chance; the account is logged out everywhere."""
        account = await self._changeable(actor, account_id)
        text = _by_chance()
        changed = await self._accounts.set_password(account.email, text, by=actor.by)
        await self._logins.end_all(account)
        return NewPassword(changed, text)

    async def end_two_factor(self, actor: Actor, account_id: str) -> None:
        """For who has lost the app and the recovery codes."""
        account = await self._changeable(actor, account_id)
        await self._two_factor.take_away(account, by=actor.by)

    async def log_out(self, actor: Actor, account_id: str) -> None:
        """Everywhere."""
        account = await self._changeable(actor, account_id)
        await self._audit.note(Entry(by=actor.by, act="account.log_out", at=self._now(), account_id=account.id))
        await self._logins.end_all(account)

    async def end_login(self, actor: Actor, account_id: str, login_id: str) -> bool:
        """Log it out at one browser. False: there is no such login."""
        account = await self._changeable(actor, account_id)
        ended = await self._logins.end(account, login_id)
        if ended:
            entry = Entry(
                by=actor.by, act="account.log_out", at=self._now(), account_id=account.id, subject=login_id[:_LOGIN]
            )
            await self._audit.note(entry)
        return ended

    async def log_in_as(
        self, operator: Account, own: Login, account_id: str, *, address: str = "", agent: str = ""
    ) -> NewLogin:
        """The operator, whose `own` login that is, sees for an hour what the account sees: nobody's who has as many
        rights.
        """
        account = await self.show(account_id)
        if not account.active:
            raise UsageError(f"the account {account.email} is disabled", zh=f"账户 {account.email} 已停用")
        return await self._logins.begin_as(account, operator, own, address=address, agent=agent)

    # --- keys --------------------------------------------------------------------------------------------------------

    async def create_key(self, actor: Actor, account_id: str, **properties: Any) -> NewKey:
        """`properties`: those of `Keys.create`."""
        account = await self._changeable(actor, account_id)
        return await self._keys.create(account.email, **properties, by=actor.by)

    async def change_key(
        self,
        actor: Actor,
        account_id: str,
        key_id: str,
        wanted: Wanted | Callable[[ApiKey], Wanted],
        *,
        expires: str = KEEP,
    ) -> ApiKey:
        """`wanted`, `expires`: those of `Keys.change`."""
        account = await self._changeable(actor, account_id)
        return await self._keys.change(account.email, key_id, wanted, expires=expires, by=actor.by)

    async def disable_key(self, actor: Actor, account_id: str, key_id: str) -> ApiKey:
        account = await self._changeable(actor, account_id)
        return await self._keys.disable(account.email, key_id, by=actor.by)

    async def enable_key(self, actor: Actor, account_id: str, key_id: str) -> ApiKey:
        account = await self._changeable(actor, account_id)
        return await self._keys.enable(account.email, key_id, by=actor.by)

    async def rotate_key(self, actor: Actor, account_id: str, key_id: str) -> NewKey:
        account = await self._changeable(actor, account_id)
        return await self._keys.rotate(account.email, key_id, by=actor.by)

    async def _changeable(self, actor: Actor, account_id: str) -> Account:
        _needs_operator(actor)
        account = await self.show(account_id)
        if not above(actor.role, account.role):
            raise NotAllowed(
                f"{account.email} has as many rights as you: an owner changes such a one",
                zh=f"{account.email} 的权限不低于您：请由所有者修改",
            )
        return account


def _needs_operator(actor: Actor) -> None:
    if ROLES.index(actor.role) < ROLES.index("operator"):
        raise NotAllowed("only operators change accounts of others", zh="只有操作员可以修改他人的账户")


def _needs_owner(actor: Actor) -> None:
    if actor.role != "owner":
        raise NotAllowed("only an owner gives roles", zh="只有所有者可以授予角色", field="role")


def _by_chance() -> str:
    """A password of 96 bits."""
    return secrets.token_urlsafe(12)
