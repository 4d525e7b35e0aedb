"""What happens after an answer and must not hold it up: finished calls are told to the plugins, one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tornadogw.types import Record

__all__ = ["Aftermath"]

log = logging.getLogger(__name__)

WAITING = 10_000
"""Records that may wait for slow plugins; more are dropped and counted. The ledger has them all."""
CLOSING = 10.0
"""Seconds that what waits gets at the end."""


class Aftermath:
    """Owns the task that tells. Without a listener it does nothing at all."""

    def __init__(self, tell: Callable[[Record], Awaitable[None]] | None) -> None:
        self._tell = tell
        self._queue: asyncio.Queue[Record] = asyncio.Queue(WAITING)
        self._task = None if tell is None else asyncio.create_task(self._run(tell), name="aftermath")
        self._dropped = 0

    @property
    def listens(self) -> bool:
        """Whether anybody is told at all."""
        return self._tell is not None

    def finished(self, record: Record) -> None:
        """Take one record; never waits."""
        if self._tell is None:
            return
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            self._dropped += 1

    async def close(self) -> None:
        """Tell what waits, then stop."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(CLOSING):
                await self._queue.join()
        except TimeoutError:
            self._dropped += self._queue.qsize() + 1  # the one that is being told
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._dropped:
            log.warning("%d finished calls were not told to the plugins: they are too slow", self._dropped)

    async def _run(self, tell: Callable[[Record], Awaitable[None]]) -> None:
        while True:
            record = await self._queue.get()
            try:
                await tell(record)
            finally:
                self._queue.task_done()
