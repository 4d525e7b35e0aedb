"""A loop whose time is the test's own: nothing takes any, and a wait is over as soon as nothing else can happen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def own_time(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """For what needs no socket, thread or process: their news take time that this clock does not know of."""
    here: Any = loop
    now, select = loop.time(), here._selector.select

    def jump(timeout: float | None) -> Any:
        nonlocal now
        found = select(0 if timeout else timeout)
        if not found and timeout:
            now += timeout
        return found

    here.time, here._selector.select = lambda: now, jump
    try:
        yield
    finally:
        del here.time, here._selector.select
