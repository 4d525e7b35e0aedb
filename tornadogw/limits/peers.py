"""Whether this process counts alone, and whether all the others know that it does not.

While there is one process, nobody asks the database. When a second comes, the first may not know for some seconds and
still grant the whole limit by itself. So whoever comes to others takes only its part of each limit until all of them
have registered here, in the database; and who was alone registers only after it has told what it let pass so far. Who
is left alone goes on asking for a window, until what others granted is over.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_limits import LimitStore

__all__ = ["Peers"]

log = logging.getLogger(__name__)

_SUBJECT = "processes"
_ANY = 2**31 - 1
TTL = 45.0
"""Seconds for which a process counts as registered; it renews that four times as often. A killed one should be counted
for as long as its start is.
"""
NOTICE = 1.0
"""Seconds between two looks for others while nobody asks."""
SECONDS = 1.0
"""How long one look may take."""
STEP = 0.25
"""Seconds between two looks for those who have not registered."""


class Peers:
    """This process among the others. `processes` tells how many there are, this one included; it must cost nothing.

    `tell` are awaited when this process ceases to be alone, `apart` are called when it is alone again.
    """

    def __init__(
        self,
        store: LimitStore | None,
        processes: Callable[[], int] = lambda: 1,
        *,
        clock: Callable[[], float] = time.monotonic,
        window: float = 60.0,
    ) -> None:
        self._store, self._processes, self._clock, self._window = store, processes, clock, window
        self.id = secrets.token_hex(8)
        self.settled = True
        """Whether every process is known to count in common."""
        self.tell: list[Callable[[], Awaitable[None]]] = []
        self.apart: list[Callable[[], None]] = []
        self._joined, self._was_alone = False, False
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def number(self) -> int:
        """Processes, as far as is known."""
        return max(1, self._processes())

    def alone(self) -> bool:
        """Whether this process may count by itself."""
        if self._joined:
            return False
        if self._store is None or self._processes() <= 1:
            self._was_alone = True
            return True
        self._joined, self.settled = True, self._was_alone
        self._task = asyncio.create_task(self._keep(self._store), name="limits of several processes")
        return False

    def open(self) -> None:
        """Notice others even while nobody asks this process for anything: they wait for it to know."""
        if self._store is not None:
            self._watch = asyncio.create_task(self._notice(), name="whether there are other processes")

    async def close(self) -> None:
        """This process is one of them no more."""
        for task in (self._watch, self._task):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        if self._joined and self._store is not None:
            await self._leave(self._store)

    async def _notice(self) -> None:
        while True:
            self.alone()
            await asyncio.sleep(NOTICE)

    async def _keep(self, store: LimitStore) -> None:
        """Registered for as long as there are others."""
        if self._was_alone:
            await self._introduce()
        seen = self._clock()
        while True:
            now, number = self._clock(), self._processes()
            if number > 1:
                seen = now
            elif now - seen > self._window:
                break
            try:
                others = (await store.share(_SUBJECT, self.id, 1, 1, _ANY, TTL, SECONDS)).others
                self.settled = self.settled or 1 + others >= number
            except StoreUnavailable:
                pass
            except Exception:
                log.exception("processes cannot be counted")
            await asyncio.sleep(min(TTL, self._window) / 4 if self.settled else STEP)
        await self._leave(store)
        self._joined, self._was_alone, self.settled = False, True, True
        for each in self.apart:
            each()

    async def _leave(self, store: LimitStore) -> None:
        with suppress(StoreUnavailable):
            await store.share(_SUBJECT, self.id, 0, 0, _ANY, TTL, SECONDS)

    async def _introduce(self) -> None:
        for each in self.tell:
            while True:
                try:
                    await each()
                    break
                except StoreUnavailable:
                    await asyncio.sleep(STEP)
