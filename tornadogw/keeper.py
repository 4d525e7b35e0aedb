"""Keeps the leases of this process: renews them in time, gives back what nobody needs, settles what was lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from tornadogw.purse import Purse
from tornadogw.store.ports import StoreUnavailable

__all__ = ["Keeper"]

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds between two looks at all the leases."""
IDLE = 5.0
"""Seconds after which a lease that nobody uses is given back."""
_AT_ONCE = 4
"""Operations that run at the same time."""


class Keeper:
    """One task over the purses of a process. `start` it, `close` it."""

    def __init__(self, purses: Callable[[], Iterable[Purse]], forget: Callable[[Purse], None], seconds: float) -> None:
        """`forget` is told of a purse that holds nothing any more; `seconds`: how long leases last."""
        self._purses, self._forget, self._every = purses, forget, seconds / 3
        self._soon: set[Purse] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="keeper of leases")

    def look_at(self, purse: Purse) -> None:
        """Something of it may be given back, or settled, at once."""
        self._soon.add(purse)
        self._news.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def give_back(self) -> bool:
        """End every lease that nothing is under way on. False: the database is away, or some are left."""
        found = [await self._keep(purse, idle=0.0) for purse in list(self._purses())]
        return all(found)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TICK):
                    await self._news.wait()
            except TimeoutError:
                wanted = list(self._purses())
            else:
                wanted = list(self._soon)
            self._soon.clear()
            self._news.clear()
            async with asyncio.TaskGroup() as group:
                for purse in wanted:
                    if self._wants(purse):
                        group.create_task(self._keep(purse, idle=IDLE))

    def _wants(self, purse: Purse) -> bool:
        return bool(purse.old) or purse.lease is None or purse.surplus or self._is_old(purse) or _is_idle(purse, IDLE)

    def _is_old(self, purse: Purse) -> bool:
        return time.monotonic() - purse.asked > self._every

    async def _keep(self, purse: Purse, idle: float) -> bool:
        """What the purse needs now. False: it did not come to rest."""
        async with self._turn:
            try:
                if purse.old:
                    await purse.settle_old()
                if _is_idle(purse, idle):
                    if await purse.end():
                        self._forget(purse)
                        return True
                elif purse.surplus or self._is_old(purse):
                    await purse.renew()
            except StoreUnavailable:
                pass  # the lease lasts for a while, and its owner goes on asking
            except Exception:  # whatever it is, the other leases must be kept
                log.exception("a lease cannot be kept")
            return False


def _is_idle(purse: Purse, seconds: float) -> bool:
    """Nothing is under way on it, and nobody has asked for a while; at once if others may need it."""
    if purse.lease is None:
        return not purse.old
    return not purse.lease.busy and (purse.poor or time.monotonic() - purse.used > seconds)
