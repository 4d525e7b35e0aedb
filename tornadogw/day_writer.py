"""Adds what has just been stored to the days of its accounts, once a second: many calls are one write.

An addition that fails is not repeated, it might count twice: the day is counted anew once it is closed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tornadogw.store.ports import StoreUnavailable

__all__ = ["DayWriter", "Days"]

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two writes."""


class Days(Protocol):
    """Where days are kept."""

    async def add(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add events that were stored for the first time. Raises StoreUnavailable."""


class DayWriter:
    """One per process. `start` it, `close` it after the last event."""

    def __init__(self, days: Days, *, every: float = EVERY) -> None:
        self._days, self._every = days, every
        self._waiting: list[Mapping[str, Any]] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="days")

    def add(self, events: Sequence[Mapping[str, Any]]) -> None:
        """These were new in the database."""
        self._waiting.extend(events)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        await self._write()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self._write()

    async def _write(self) -> None:
        events, self._waiting = self._waiting, []
        if not events:
            return
        try:
            await self._days.add(events)
        except StoreUnavailable:
            pass  # the days will be counted anew
        except Exception:  # whatever it is, later events are to be added
            log.exception("%d calls could not be added to their days", len(events))
