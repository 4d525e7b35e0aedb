"""A gateway on a loop of its own thread: for clients that block, and for many tests with one gateway."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from tests.ports import free_ports
from tests.running import Running

T = TypeVar("T")


class Threaded:
    """`call` runs a coroutine where the gateway runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.gateway: Running
        self._loop = loop

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)


@contextmanager
def in_thread(gateway: AbstractAsyncContextManager[Running]) -> Iterator[Threaded]:
    """Opens the gateway on a loop of its own, and closes it there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gateway")
    thread.start()
    threaded = Threaded(loop)
    try:
        threaded.gateway = threaded.call(gateway.__aenter__())
        try:
            yield threaded
        finally:
            threaded.call(gateway.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def free_port() -> int:
    """A port of the loopback that nobody has."""
    return free_ports()
