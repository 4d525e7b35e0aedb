"""A limit of time that moves with every read, for the price of an assignment."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

__all__ = ["Deadline"]

_EARLY = 0.001
"""Seconds that a loop's timer may come too soon: loops count in milliseconds."""


class Deadline:
    """As `asyncio.timeout_at`: raises TimeoutError out of its block, which it cancels once the moment `when` has come.

    `when` is a moment of the loop's clock; None: there is no limit. A limit that moves away keeps its timer, which goes
    on waiting when it fires too soon: an `asyncio.Timeout` makes a new one at each move, which costs 3 microseconds.
    """

    def __init__(self, when: float | None) -> None:
        self._when = when
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0  # requests to cancel the task that are not ours
        self._timer: asyncio.TimerHandle | None = None
        self._fires = 0.0  # the moment of the timer
        self._expired = False

    def __enter__(self) -> Self:
        self._task = task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for a task")
        self._cancelling = task.cancelling()
        self.move(self._when)
        return self

    def move(self, when: float | None) -> None:
        """From now on the limit is `when`."""
        self._when = when
        if when is None or self._expired or (self._timer is not None and self._fires <= when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._fires = self._loop.call_at(when, self._fired), when

    def after(self, seconds: float) -> None:
        """From now on the limit is so far away."""
        self.move(self._loop.time() + seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._expired and self._task is not None:
            ours = self._task.uncancel() <= self._cancelling
            if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError from error

    def _fired(self) -> None:
        self._timer = None
        if self._when is None or self._task is None:
            return
        if self._when - self._loop.time() > _EARLY:
            self.move(self._when)
        else:
            self._expired = True
            self._task.cancel()
