"""Tokens with which programs use the admin API: each may do what its scopes say, and never more than who made it.

A token is `tgw_admin_` and 32 random bytes; the database has its digest. Its rights are looked at anew each time: it
dies with its maker's account, and loses what its maker's role loses.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.checks import checked_label, parse_duration
from tornadogw.accounts.desk import Actor
from tornadogw.accounts.logins import digest, may
from tornadogw.errors import NotAllowed, NotThere, UsageError
from tornadogw.store.ports import Account, Entry, Role
from tornadogw.store.ports_people import AdminToken, AdminTokenStore
from tornadogw.types import Value

__all__ = ["PREFIX", "SCOPES", "AdminTokens", "Bearer", "NewToken", "of_role"]

PREFIX = "tgw_admin_"
SCOPES: Mapping[str, Role] = {
    "accounts:read": "reader",
    "accounts:write": "operator",
    "audit:read": "reader",
    "codes:read": "reader",
    "codes:write": "operator",
    "keys:read": "reader",
    "keys:write": "operator",
    "money:write": "operator",
    "plans:read": "reader",
    "plans:write": "operator",
    "roles:write": "owner",
    "settings:read": "reader",
    "tokens:read": "owner",
    "tokens:write": "owner",
    "upstreams:read": "reader",
    "upstreams:write": "operator",
    "usage:read": "reader",
}
"""What a token may do, and the role that whoever made it must have for that."""
OWNING = "roles:write"
"""Without it a token has no more rights than an operator: it changes nobody who is one."""
_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


class NewToken(msgspec.Struct, frozen=True):
    """A token and its text, for the one time it is shown."""

    token: AdminToken
    text: str

    @override
    def __repr__(self) -> str:
        return f"NewToken(token={self.token!r}, text=<masked>)"


class Bearer(Value, frozen=True):
    """Who has shown a token that is good."""

    token: AdminToken
    account: Account
    scopes: frozenset[str]
    """Those of the token that its maker's role still allows."""

    @property
    def actor(self) -> Actor:
        """As whom it acts."""
        role: Role = self.account.role
        if role == "owner" and OWNING not in self.scopes:
            role = "operator"
        return Actor(f"token {self.token.id} of {self.account.email}", role)


def of_role(account: Account) -> Sequence[str]:
    """The scopes that the account may give."""
    return [scope for scope, role in SCOPES.items() if may(account, role)]


class AdminTokens:
    """Every method raises `UsageError` for a wrong argument or an unknown thing."""

    def __init__(self, store: AdminTokenStore, accounts: Accounts, *, now: Callable[[], float] = time.time) -> None:
        self._store, self._accounts, self._now = store, accounts, now

    async def create(
        self,
        email: str,
        scopes: Sequence[str],
        *,
        label: str = "",
        expires: str | None = "90d",
        within: frozenset[str] | None = None,
        by: str = "",
    ) -> NewToken:
        """A token with at most the rights of the account. `expires`: a duration from now; None: never.

        `within`: the scopes of the token that asks for it, which gives none that it has not.
        """
        account = await self._accounts.show(email)
        checked = self._checked(scopes, account, within)
        now = self._now()
        token = AdminToken(
            id=secrets.token_hex(6),
            account_id=account.id,
            label=checked_label(label),
            scopes=checked,
            expires=None if expires is None else now + parse_duration(expires),
            created=now,
        )
        text = PREFIX + secrets.token_urlsafe(32)
        after = {"label": token.label, "scopes": list(checked), "expires": token.expires}
        entry = Entry(by=by, act="token.create", at=now, account_id=account.id, subject=token.id, after=after)
        await self._store.add(token, digest(text), entry)
        return NewToken(token, text)

    async def find(self, text: str) -> Bearer | None:
        """Whose token this is, and what it may do, if it is good at all. Text that is no token costs no look."""
        if not _FORM.fullmatch(text):
            return None
        found = await self._store.find(digest(text))
        if found is None:
            return None
        token, account = found
        over = token.expires is not None and token.expires <= self._now()
        if token.revoked is not None or over or not account.active:
            return None
        return Bearer(token, account, frozenset(token.scopes) & frozenset(of_role(account)))

    async def list(self, email: str | None = None) -> Sequence[AdminToken]:
        """Those of an account, None: all; the newest first."""
        account_id = None if email is None else (await self._accounts.show(email)).id
        return await self._store.list(account_id)

    async def revoke(self, token_id: str, *, by: str = "") -> AdminToken:
        """It is good for nothing from now on."""
        entry = Entry(by=by, act="token.revoke", at=self._now(), subject=token_id)
        token = await self._store.revoke(token_id, entry)
        if token is None:
            raise NotThere("there is no such token", zh="没有这个令牌", field="id")
        return token

    @staticmethod
    def _checked(scopes: Sequence[str], account: Account, within: frozenset[str] | None) -> tuple[str, ...]:
        checked = tuple(dict.fromkeys(scopes))
        unknown = next((scope for scope in checked if scope not in SCOPES), None)
        if unknown is not None or not checked:
            known = ", ".join(SCOPES)
            raise UsageError(
                f"there is no scope {(unknown or '')[:100]!r}: take some of {known}",
                zh=f"没有权限 {(unknown or '')[:100]!r}：请从 {known} 中选择",
                field="scopes",
            )
        for scope in checked:
            if not may(account, SCOPES[scope]):
                raise NotAllowed(
                    f"{account.email} may not do {scope}: it takes the role {SCOPES[scope]}",
                    zh=f"{account.email} 没有 {scope} 的权限：需要角色 {SCOPES[scope]}",
                    field="scopes",
                )
            if within is not None and scope not in within:
                raise NotAllowed(
                    f"this token gives nothing that it has not, such as {scope}",
                    zh=f"此令牌不能授予自己没有的权限：{scope}",
                    field="scopes",
                )
        return checked
