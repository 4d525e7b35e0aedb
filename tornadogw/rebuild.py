"""Closes days of usage: counts them anew from their events once they are over, each once, whichever node does it.

What processes add to a day while it lasts may be short by what one of them had not added when it was killed. A day that
gets an event after it was closed is counted once more.
"""

from __future__ import annotations

import asyncio
import logging

from tornadogw.errors import UsageError
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_usage import DayJobs

__all__ = ["Rebuild"]

log = logging.getLogger(__name__)

CLAIM = 1200.0
"""Seconds after which another node does what one has claimed: twice what one rebuild may take."""


class Rebuild:
    """The job. `start` it, `close` it; its owner is the gateway."""

    def __init__(self, store: DayJobs, by: str, *, every: float = 600.0) -> None:
        """`by`: who claims, a start's id; `every`: seconds between two looks."""
        self._store, self._by, self._every = store, by, every
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="rebuild of usage")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def once(self) -> int:
        """Close what is over; how many days this process closed. Raises `StoreUnavailable`."""
        closed = 0
        for day in await self._store.due():
            if await self._store.claim(day, self._by, CLAIM):
                try:
                    await self._store.rebuild(day, day)
                except UsageError:  # its events have expired since we asked: what was added is all that is known
                    log.info("usage of %s stays as it was added", day)
                await self._store.done(day)
                closed += 1
        if await self._store.claim("uses", self._by, CLAIM):
            await self._store.rebuild_uses()
            await self._store.done("uses")
        if await self._store.claim("late", self._by, self._every / 2):
            await self._store.rebuild_late()
        return closed

    async def _run(self) -> None:
        while True:
            try:
                if closed := await self.once():
                    log.info("closed %d days of usage", closed)
            except StoreUnavailable:
                log.info("days of usage are closed later: the database is away")
            except Exception:  # whatever it is, the next look may do better
                log.exception("days of usage cannot be closed")
            await asyncio.sleep(self._every)
