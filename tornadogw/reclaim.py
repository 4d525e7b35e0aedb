"""Leases of processes that are gone without a word: what they did not spend goes back, what comes late is charged.

A lease is reclaimed when it has been over for longer than a restart takes, seen twice, with the database answering in
between: its owner, if it lives, has had its chance to renew it. Nobody needs to know who is alive.
"""

from __future__ import annotations

import asyncio
import logging

from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_money import LeaseStore, Overdue, Part

__all__ = ["Reclaimer"]

log = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between two looks."""
LATE_EVERY = 12
"""Looks between two looks at closed leases."""
KEPT = 7 * 86400.0
"""Seconds for which a closed lease is kept: events of it may still stand in the journal of a machine that is off."""


class Reclaimer:
    """One task; every process has one. `start` it, `close` it."""

    def __init__(self, store: LeaseStore, grace: float, *, every: float = EVERY, kept: float = KEPT) -> None:
        """`grace`: seconds after its end in which a lease is left alone."""
        self._store, self._grace, self._every, self._kept = store, grace, every, kept
        self._seen: frozenset[Overdue] = frozenset()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="reclaimer")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def look(self) -> int:
        """Reclaim what was overdue at the last look, too, and remember the rest; how many leases were reclaimed.

        Raises StoreUnavailable.
        """
        found = frozenset(await self._store.overdue(self._grace))
        again, self._seen = found & self._seen, found
        count = 0
        for each in again:
            part = Part(each.wallet.kind, each.wallet.id, each.lease)
            if await self._store.reclaim(each, await self._store.charged(part)):
                count += 1
        if count:
            log.warning("%d leases of processes that are gone were given back", count)
        return count

    async def look_at_late(self) -> None:
        """Settle closed leases whose events came later, and forget those that are old. Raises StoreUnavailable."""
        for each in await self._store.late(self._kept):
            part = Part(each.wallet.kind, each.wallet.id, each.lease)
            charged = await self._store.charged(part)
            if charged > each.settled:
                await self._store.close(part, charged)
            elif each.old:
                await self._store.forget(each)

    async def _run(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.look()
                looks += 1
                if looks % LATE_EVERY == 0:
                    await self.look_at_late()
            except StoreUnavailable:
                self._seen = frozenset()  # its owners could not renew either
            except Exception:  # whatever it is, what the dead hold must not stay held
                log.exception("leases cannot be reclaimed")
