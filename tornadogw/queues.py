"""How many calls run at each upstream at once, and who waits for a place, in this process. First come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from tornadogw.types import Value

__all__ = ["Limit", "Queues"]


class Limit(Value, frozen=True):
    """What one upstream allows."""

    running: int
    """Calls at once."""
    waiting: int
    """Calls that may wait for a place."""
    seconds: float
    """How long each of them waits."""


class _Line:
    """One upstream's. Who runs is counted without a limit, too: one may be given while they do."""

    def __init__(self, limit: Limit | None = None) -> None:
        self.limit = limit
        self.running = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_full(self) -> bool:
        return self.limit is not None and self.running >= self.limit.running

    @property
    def has_room(self) -> bool:
        return self.limit is None or not self.is_full or len(self.waiting) < self.limit.waiting

    def admit(self) -> None:
        """Those who have waited longest, as far as there are places."""
        while self.waiting and not self.is_full:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self.running += 1


class Queues:
    """Knows the upstreams that have a limit; all others have room for everybody."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._lines = {upstream: _Line(limit) for upstream, limit in limits.items()}

    def change(self, limits: Mapping[str, Limit]) -> None:
        """These hold from now on. Who runs goes on; who waits is let in as far as there is room now."""
        for upstream, line in list(self._lines.items()):
            line.limit = limits.get(upstream)
            line.admit()
            if line.limit is None and not line.running:
                del self._lines[upstream]
        for upstream in limits.keys() - self._lines.keys():
            self._lines[upstream] = _Line(limits[upstream])

    def is_full(self, upstream: str) -> bool:
        """Whether a call would have to wait."""
        line = self._lines.get(upstream)
        return line is not None and line.is_full

    def has_room(self, upstream: str) -> bool:
        """Whether a call would be let in, or may wait."""
        line = self._lines.get(upstream)
        return line is None or line.has_room

    def lengths(self) -> Mapping[str, tuple[int, int]]:
        """Running and waiting calls of each upstream with a limit."""
        limited = ((upstream, line) for upstream, line in self._lines.items() if line.limit is not None)
        return {upstream: (line.running, len(line.waiting)) for upstream, line in limited}

    async def enter(self, upstream: str) -> bool:
        """Take a place, after a while if need be; False: there was none in time. Who has one must `leave`."""
        line = self._lines.get(upstream)
        if line is None:
            line = self._lines[upstream] = _Line()
        limit = line.limit
        if limit is None or not line.is_full:
            line.running += 1
            return True
        return line.has_room and await self._waited(upstream, line, limit.seconds)

    def leave(self, upstream: str) -> None:
        """Give the place back: to whoever has waited longest."""
        line = self._lines[upstream]
        line.running -= 1
        line.admit()

    async def _waited(self, upstream: str, line: _Line, seconds: float) -> bool:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError:
            return not turn.cancelled()  # the place came in the last moment
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave(upstream)
            raise
        finally:
            if turn in line.waiting:
                line.waiting.remove(turn)
        return True
