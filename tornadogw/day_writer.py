"""Adds calls to their days of usage: those of a second at a time, behind everything else.

What is not added when the process ends, or while the database is away, is not lost: until a day is closed only its
events are believed, and closing it counts them (`rebuild`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_money import Entry
from tornadogw.store.ports_usage import DayBook

__all__ = ["DayWriter"]

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two writes: the more calls are in one, the less each costs."""


class DayWriter:
    """One per process. `start` it, `close` it; neither `add` nor `mark` blocks."""

    def __init__(self, book: DayBook, *, every: float = EVERY) -> None:
        self._book, self._every = book, every
        self._added: list[Entry] = []
        self._marked: list[Entry] = []
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, entries: Sequence[Entry]) -> None:
        """Calls whose events were stored just now, for the first time."""
        self._added += entries
        if entries:
            self._news.set()

    def mark(self, entries: Sequence[Entry]) -> None:
        """Calls whose events are stored, and nobody knows whether they were added: their days are counted anew."""
        self._marked += entries
        if entries:
            self._news.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="writer of days")

    async def close(self) -> None:
        """What is left is added, if the database is there."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        with suppress(StoreUnavailable):
            await self._write()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            try:
                await self._write()
            except StoreUnavailable:
                log.info("usage of the last second is added when its day is closed: the database is away")
            except Exception:  # whatever it is, the next second's calls are others
                log.exception("usage of the last second is added when its day is closed")
            await asyncio.sleep(self._every)

    async def _write(self) -> None:
        """Not repeated: nobody knows how much of it was done."""
        added, self._added = self._added, []
        marked, self._marked = self._marked, []
        self._news.clear()
        if marked:
            try:
                await self._book.mark(marked)
            except StoreUnavailable:
                self.mark(marked)  # this may be repeated, that was not tried
                self.add(added)
                raise
        if added:
            await self._book.add(added)
