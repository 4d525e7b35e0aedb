"""Tries at one answer at the same time: the first that has something to say is heard, the others end.

Each try runs in a task of its own; the race owns them, and none is left when it is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self

from tornadogw.attempt import Client, Drain, RouteAttempt
from tornadogw.plan import Step
from tornadogw.types import Failure

__all__ = ["Lane", "Race"]

Story = Coroutine[Any, Any, Failure | None]


class Lane:
    """One try and its way to the client. `outrun`: another one was first."""

    __slots__ = ("attempt", "client", "outrun", "step")

    def __init__(self, attempt: RouteAttempt, step: Step, client: Client) -> None:
        self.attempt, self.step, self.client = attempt, step, client
        self.outrun = False


class Race:
    """`async with Race(client, won, waited) as race`: afterwards every try has ended."""

    def __init__(self, client: Client, won: Callable[[Lane], None], waited: Callable[[Lane, float], None]) -> None:
        """`won` is told who is heard, before a byte of it is; `waited` for how many seconds one was waited for until
        it was heard or outrun.
        """
        self._client, self._won, self._waited = client, won, waited
        self._running: dict[asyncio.Task[Failure | None], Lane] = {}
        self._began: dict[Lane, float] = {}
        self._first: asyncio.Future[None]
        self.winner: Lane | None = None

    async def __aenter__(self) -> Self:
        self._first = asyncio.get_running_loop().create_future()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
            for task in self._running:
                _unasked(task)

    def enter(self, lane: Lane, run: Callable[[Lane], Story], ended: Callable[[Lane], None]) -> None:
        """Begin one more try; `run` gives why it failed, None if its answer is whole. `ended` is told in any case."""
        lane.client = _Gate(self._client, self, lane)
        self._began[lane] = time.monotonic()
        task = asyncio.create_task(run(lane), name="try")
        task.add_done_callback(lambda _: ended(lane))  # even if it is cancelled before it runs
        self._running[task] = lane

    async def decided(self, seconds: float | None) -> bool:
        """Whether a try has won or ended within so many seconds; None: however long it takes."""
        news: list[asyncio.Future[Any]] = [self._first, *self._running]
        done, _ = await asyncio.wait(news, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    async def ended(self) -> tuple[Lane, Failure | None]:
        """The next try that ends and was not outrun, and how. Raises what it raised."""
        while True:
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                lane = self._running.pop(task)
                if not lane.outrun:
                    return lane, task.result()
                _unasked(task)

    @property
    def is_over(self) -> bool:
        """Nobody else can win."""
        return self.winner is not None or not self._running

    def claim(self, lane: Lane) -> None:
        """This one has something to say. Raises CancelledError if it comes too late."""
        if lane.outrun:
            raise asyncio.CancelledError
        if self.winner is None:
            self.winner = lane
            self._first.set_result(None)
            now = time.monotonic()
            self._waited(lane, now - self._began[lane])
            for task, other in self._running.items():
                if other is not lane:
                    other.outrun = True
                    self._waited(other, now - self._began[other])
                    task.cancel()
            self._won(lane)


def _unasked(task: asyncio.Task[Failure | None]) -> None:
    """It was the slower one, or nobody waits any more: why it ended is not asked."""
    if not task.cancelled():
        task.exception()


class _Gate:
    """The client as one try sees it: `announce` is the finish line."""

    __slots__ = ("_client", "_lane", "_race")

    def __init__(self, client: Client, race: Race, lane: Lane) -> None:
        self._client, self._race, self._lane = client, race, lane

    @property
    def started(self) -> bool:
        return self._client.started

    @property
    def gone(self) -> bool:
        return self._client.gone

    def announce(self, *, stream: bool, headers: Mapping[str, str], drain: Drain | None = None) -> None:
        self._race.claim(self._lane)
        self._client.announce(stream=stream, headers=headers, drain=drain)

    async def write(self, data: bytes) -> None:
        await self._client.write(data)

    async def finish(self, data: bytes) -> None:
        await self._client.finish(data)
