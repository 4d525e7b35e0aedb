"""Events on their way into the database: in batches, the same batch again until it is there, none given up.

Whoever hands an event over is told when it is durable. A batch that the database does not take at once is kept and
tried again; later events wait behind it, in memory and in the journal.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_money import Entry, EventStore
from tornadogw.types import Value

__all__ = ["Flusher", "Queued"]

log = logging.getLogger(__name__)

EVERY = 0.05
"""Seconds between two batches: what waits in memory is no older while the database is there."""
BATCH = 500
_PAUSES = (0.1, 5.0)
"""First and longest pause, in seconds, before a batch is tried again."""


class Queued(Value, frozen=True):
    """An event, and whom to tell when it is durable: once, soon after."""

    entry: Entry
    durable: Callable[[], None]


class Flusher:
    """One per process. `start` it; `close` gives up what the database does not take within a time."""

    def __init__(self, store: EventStore, inserted: Callable[[Sequence[Entry]], None]) -> None:
        """`inserted` is told the entries of each batch that were new; it must not block."""
        self._store, self._inserted = store, inserted
        self._queue: list[Queued] = []
        self._flushing = 0
        self._news, self._rest = asyncio.Event(), asyncio.Event()
        self._rest.set()
        self._task: asyncio.Task[None] | None = None
        self._away = False
        self._hurry = False

    def __len__(self) -> int:
        """Events that are not durable yet."""
        return len(self._queue) + self._flushing

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="flusher")

    def add(self, queued: Queued) -> None:
        self._queue.append(queued)
        self._news.set()
        self._rest.clear()

    async def flushed(self) -> None:
        """Wait until nothing is left."""
        self._hurry = True
        await self._rest.wait()

    async def close(self, seconds: float) -> int:
        """Wait for the rest, at most so long; how many events did not make it."""
        task, self._task = self._task, None
        if task is None:
            return len(self)
        try:
            async with asyncio.timeout(seconds):
                await self.flushed()
        except TimeoutError:
            pass
        task.cancel()
        await asyncio.wait({task})
        return len(self)

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            if not self._hurry:
                await asyncio.sleep(EVERY)
            batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
            self._flushing = len(batch)
            new = await self._insist([each.entry for each in batch])
            self._flushing = 0
            for each in batch:
                _tell(each)
            self._inserted([each.entry for each in batch if each.entry.id in new])
            if not self._queue:
                self._news.clear()
                self._rest.set()
                self._hurry = False

    async def _insist(self, entries: Sequence[Entry]) -> frozenset[str]:
        """Store the batch, however often it takes; the ids of what was new, as far as the last try tells."""
        pause = _PAUSES[0]
        while True:
            try:
                new = await self._store.insert(entries)
            except StoreUnavailable:
                if not self._away:
                    log.warning("the database is away: what was charged waits for it in the journal")
                self._away = True
            except Exception:  # whatever it is, to stop here would lose what is charged after it
                log.exception("events cannot be stored")
            else:
                self._away = False
                return new
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- spreads load, keeps no secret
            pause = min(pause * 2, _PAUSES[1])


def _tell(queued: Queued) -> None:
    """Whatever goes wrong with one that is told, the others must be, and later events must be stored."""
    try:
        queued.durable()
    except Exception:
        log.exception("call %s is stored, and its ledger does not know", queued.entry.record.id)
