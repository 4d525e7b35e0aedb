"""Signals as something to wait for, in a process without an event loop."""

from __future__ import annotations

import contextlib
import signal
import socket
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Signals"]

_ROOM = 4096
"""Signals taken at one look."""


class Signals:
    """The named signals are collected while this is open: `fileno` is readable when some came, `take` gives them.

    The end of a child is one of them (SIGCHLD). From the main thread only.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers
        self._before: dict[signal.Signals, Any] = {}
        self._wakeup = -1
        self._ours, self._kernels = socket.socketpair()

    def __enter__(self) -> Self:
        for end in (self._ours, self._kernels):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._kernels.fileno(), warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, _nothing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            _ = signal.signal(number, handler)
        _ = signal.set_wakeup_fd(self._wakeup)
        self._ours.close()
        self._kernels.close()

    def ignored(self, number: signal.Signals) -> bool:
        """Whether whoever started us wanted us not to hear of it."""
        return self._before.get(number) == signal.SIG_IGN

    def fileno(self) -> int:
        return self._ours.fileno()

    def take(self) -> tuple[int, ...]:
        """What came since the last look, in its order. Does not wait."""
        with contextlib.suppress(BlockingIOError):
            return tuple(self._ours.recv(_ROOM))
        return ()


def _nothing(number: int, frame: FrameType | None) -> None:
    """The interpreter writes the number where we read it; nothing else is to be done."""
