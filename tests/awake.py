"""How long something took, for a test that must not blame its subject for a machine that stood still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tornadogw.store.mongo import Mongo

STEP = 0.01
STANDSTILL = 15.0
"""Seconds that a machine may stand still."""
MOST = 0.05
"""Seconds that count of one step at most: what is longer was not the subject's doing."""


class Awake:
    """`seconds` in which the loop was running. It runs beside what is measured, on the same loop."""

    def __init__(self, mongo: Mongo | None) -> None:
        self.seconds, self._mongo = 0.0, mongo

    async def _count(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(STEP)
            if self._mongo is not None:
                await self._mongo.ping()
            self.seconds += min(MOST, time.monotonic() - before)


@asynccontextmanager
async def awake(mongo: Mongo | None = None) -> AsyncIterator[Awake]:
    """`async with awake() as clock:`; a wait counts whole, a loop or a database that stands still hardly."""
    clock = Awake(mongo)
    counting = asyncio.create_task(clock._count())
    try:
        yield clock
    finally:
        counting.cancel()
        await asyncio.wait({counting})


@asynccontextmanager
async def within(seconds: float, mongo: Mongo) -> AsyncIterator[None]:
    """What is inside comes about within so many seconds, not counting those in which loop or database stood still."""
    async with asyncio.timeout(seconds + STANDSTILL), awake(mongo) as clock:
        yield
    assert clock.seconds < seconds
