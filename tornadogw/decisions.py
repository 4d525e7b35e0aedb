"""Records of decisions on their way into the database: in batches, behind the answers; what does not fit is dropped.

They explain and charge nothing, so nothing waits for them, and a long outage costs some of them.
"""

from __future__ import annotations

import asyncio
import logging

from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_decisions import Decision, DecisionStore

__all__ = ["Decisions"]

log = logging.getLogger(__name__)

EVERY = 0.25
"""Seconds between two batches."""
BATCH = 500
WAITING = 5000
"""Decisions that may wait for the database; more are dropped and counted."""
PAUSE = 1.0
"""Seconds before a batch that the database did not take is tried again."""
CLOSING = 3.0
"""Seconds that what waits gets at the end."""


class Decisions:
    """Owns the task that writes. One per process; with `keep` False it does nothing at all."""

    def __init__(self, store: DecisionStore, *, keep: bool) -> None:
        self._store = store
        self._waiting: list[Decision] = []
        self._news, self._rest, self._hurry = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._rest.set()
        self._task = asyncio.create_task(self._run(), name="decisions") if keep else None
        self.dropped = 0
        """Decisions that were not kept."""

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return self._task is not None

    def add(self, decision: Decision) -> None:
        """Take one; never waits."""
        if self._task is None:
            return
        if len(self._waiting) >= WAITING:
            self.dropped += 1
            return
        self._waiting.append(decision)
        self._rest.clear()
        self._news.set()

    async def rest(self) -> None:
        """Wait until nothing waits."""
        await self._rest.wait()

    async def close(self) -> None:
        """Write what waits, then stop."""
        if self._task is None:
            return
        self._hurry.set()
        try:
            async with asyncio.timeout(CLOSING):
                await self.rest()
        except TimeoutError:
            self.dropped += len(self._waiting)
        self._task.cancel()
        await asyncio.wait({self._task})
        if self.dropped:
            log.warning("%d records of decisions were not kept", self.dropped)

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            await self._pause(EVERY)
            batch = self._waiting[:BATCH]
            if not await self._written(batch):
                await self._pause(PAUSE)
                continue
            del self._waiting[: len(batch)]
            if not self._waiting:
                self._news.clear()
                self._rest.set()

    async def _written(self, batch: list[Decision]) -> bool:
        """Whether this batch is done with; False: the database is away."""
        try:
            self.dropped += await self._store.insert(batch)
        except StoreUnavailable:
            return False
        except Exception:  # to stop here would lose all that come later
            log.exception("records of decisions cannot be kept")
            self.dropped += len(batch)
        return True

    async def _pause(self, seconds: float) -> None:
        """Shorter once the end has come."""
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, 0.05))
            return
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass
