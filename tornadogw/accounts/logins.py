"""Who is logged in at the pages. A browser has a random token; the database has its digest."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence

import msgspec
from typing_extensions import override

from tornadogw.errors import NotAllowed
from tornadogw.store.ports import ROLES, Account, Entry, Role
from tornadogw.store.ports_people import Login, LoginStore

__all__ = ["Logins", "NewLogin", "digest", "may"]

AS_ANOTHER = 3600.0
"""Seconds for which an operator is logged in as somebody else."""
_AGENT = 200


class NewLogin(msgspec.Struct, frozen=True):
    """A login and its token, for the one time it is told."""

    login: Login
    token: str

    @override
    def __repr__(self) -> str:
        return f"NewLogin(login={self.login!r}, token=<masked>)"


def digest(token: str) -> str:
    """By what a token of 32 random bytes is stored: such a one is not guessed, so a plain digest will do."""
    return hashlib.sha256(token.encode()).hexdigest()


def may(account: Account, role: Role) -> bool:
    """Whether the account has `role` or a higher one."""
    return ROLES.index(account.role) >= ROLES.index(role)


def _above(operator: Account, account: Account) -> bool:
    """Whether the operator may be logged in as the account."""
    return may(operator, "operator") and not may(account, operator.role)


class Logins:
    """Begins and ends logins; whoever asks has been checked before."""

    def __init__(self, store: LoginStore, *, days: int = 14, now: Callable[[], float] = time.time) -> None:
        """`days`: that a login lasts."""
        self._store, self._seconds, self._now = store, days * 86400.0, now

    async def begin(self, account: Account, *, address: str = "", agent: str = "") -> NewLogin:
        """For somebody who has shown to be the account's owner."""
        return await self._begin(account, self._seconds, address=address, agent=agent, by="", entry=None)

    async def begin_as(
        self, account: Account, operator: Account, own: Login, *, address: str = "", agent: str = ""
    ) -> NewLogin:
        """An operator sees what the account sees, for an hour and while the `own` login lasts; the audit log says so.

        Raises `UsageError`.
        """
        if own.by:  # else the audit log would name the account that they act as
            raise NotAllowed("who is logged in as somebody else logs in as nobody else", zh="代登录时不能再代登录")
        if not may(operator, "operator"):
            raise NotAllowed("only operators log in as somebody else", zh="只有操作员可以代登录")
        if may(account, operator.role):
            raise NotAllowed(
                f"{account.email} has as many rights as you: nobody logs in as such a one",
                zh=f"{account.email} 的权限不低于您：不能代登录",
            )
        entry = Entry(by=operator.email, act="account.login_as", at=self._now(), account_id=account.id)
        return await self._begin(
            account, AS_ANOTHER, address=address, agent=agent, by=operator.email, entry=entry, own=own.id
        )

    async def find(self, token: str) -> tuple[Login, Account] | None:
        """Whose token this is, while the login lasts and the account is active; an operator's as somebody else, while
        the operator's own login lasts and the operator still has more rights.
        """
        found = await self._store.find(digest(token))
        if found is None or not found[1].active:
            return None
        login, account, operator = found
        if login.by and (operator is None or not operator.active or not _above(operator, account)):
            return None
        return login, account

    async def of(self, account: Account) -> Sequence[Login]:
        """Where the account is logged in, the newest first."""
        return await self._store.of_account(account.id)

    async def end(self, account: Account, login_id: str) -> bool:
        """False: there is no such login of the account."""
        return await self._store.remove(account.id, login_id)

    async def end_all(self, account: Account, *, but: str = "") -> None:
        """Everywhere, except at the login `but`: after a new password, say."""
        await self._store.remove_all(account.id, but=but)

    async def _begin(
        self, account: Account, seconds: float, *, address: str, agent: str, by: str, entry: Entry | None, own: str = ""
    ) -> NewLogin:
        token, now = secrets.token_urlsafe(32), self._now()
        login = Login(
            id=digest(token),
            account_id=account.id,
            created=now,
            seen=now,
            ends=now + seconds,
            address=address,
            agent=agent[:_AGENT],
            by=by,
        )
        await self._store.add(login, entry, own=own)
        return NewLogin(login, token)
