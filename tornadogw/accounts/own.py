"""What people do with their own account: another password, and an end to logins elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.logins import Logins
from tornadogw.accounts.tries import Tries
from tornadogw.errors import UsageError
from tornadogw.store.ports import Account, Entry

__all__ = ["Own"]


class Own:
    """Every method raises `UsageError` with what to do instead."""

    def __init__(
        self,
        accounts: Accounts,
        logins: Logins,
        tries: Tries,
        audit: Audit,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._accounts, self._logins, self._tries = accounts, logins, tries
        self._audit, self._now = audit, now

    async def prove(self, account: Account, password: str, *, address: str = "") -> None:
        """That it is the owner who asks, and not who found a browser open. Counted as a try to log in."""
        await self._tries.allow("login", account.email, address)
        if await self._accounts.log_in(account.email, password) is None:
            raise UsageError("this is not your password", zh="密码不正确", field="old_password")
        await self._tries.forgive("login", account.email, address)

    async def change_password(
        self, account: Account, old: str, new: str, *, login_id: str = "", address: str = "", by: str = ""
    ) -> None:
        """Ends every login but `login_id`."""
        await self.prove(account, old, address=address)
        await self._accounts.set_password(account.email, new, by=by)
        await self._logins.end_all(account, but=login_id)

    async def end_login(self, account: Account, login_id: str, *, by: str = "") -> None:
        if not await self._logins.end(account, login_id):
            raise UsageError("this login has ended already", zh="这个登录已经结束")
        await self._note(account, by)

    async def end_others(self, account: Account, login_id: str, *, by: str = "") -> None:
        """Every login but `login_id`."""
        await self._note(account, by)
        await self._logins.end_all(account, but=login_id)

    async def _note(self, account: Account, by: str) -> None:
        await self._audit.note(Entry(by=by, act="account.log_out", at=self._now(), account_id=account.id))
