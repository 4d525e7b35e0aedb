"""The audit log: who changed money, keys, plans, roles or status, when, and from what to what.

Every service of this folder writes it in the transaction of the change itself, if that is one. Nothing is ever removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.checks import checked_count
from tornadogw.store.ports import Entry
from tornadogw.store.trade import Audited, AuditStore

__all__ = ["Audit"]

_DAY = 86_400
_MOST_DAYS, _MOST_ENTRIES = 36_600, 10_000


class Audit:
    """Reads the log. Raises `UsageError` for a wrong argument or an unknown account."""

    def __init__(self, store: AuditStore, accounts: Accounts, *, now: Callable[[], float] = time.time) -> None:
        self._store, self._accounts, self._now = store, accounts, now

    async def page(self, wanted: Audited, *, limit: int = 50) -> tuple[Sequence[Entry], float | None]:
        """The latest lines before `wanted.until`, newest first, and before when the next ones are; None: none are."""
        return await self._store.page(wanted, limit)

    async def note(self, entry: Entry) -> None:
        """A line for what changes no document that could be changed in the same transaction."""
        await self._store.add(entry)

    async def entries(self, email: str | None = None, *, days: int = 30) -> Sequence[Entry]:
        """What was done to the account (None: at all) in the last `days`, oldest first; the latest 10 000 of them."""
        checked_count("days", days, _MOST_DAYS, zh="天数", field="days")
        account_id = None if email is None else (await self._accounts.show(email)).id
        return await self._store.entries(account_id, self._now() - days * _DAY, _MOST_ENTRIES)
