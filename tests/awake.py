"""How long something took, for a test that must not blame its subject for a machine that stood still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STEP = 0.01
MOST = 0.05
"""Seconds that count of one step at most: what is longer was not the subject's doing."""


class Awake:
    """`seconds` in which the loop was running. It runs beside what is measured, on the same loop."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def _count(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(STEP)
            self.seconds += min(MOST, time.monotonic() - before)


@asynccontextmanager
async def awake() -> AsyncIterator[Awake]:
    """`async with awake() as clock:`; a wait counts whole, a loop or a process that stands still hardly."""
    clock = Awake()
    counting = asyncio.create_task(clock._count())
    try:
        yield clock
    finally:
        counting.cancel()
        await asyncio.wait({counting})
