"""Requests per window, exact in one process: a sliding log per subject."""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

__all__ = ["Verdict", "Windows", "format_reset"]


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Whether a request may pass, and what the rate-limit headers say of it."""

    allowed: bool
    limit: int
    remaining: int
    """Requests that may still pass at once."""
    reset: float
    """Seconds until a full window."""
    retry_after: int
    """Whole seconds after which a request will pass if none comes before; 0 when this one did."""


class Windows:
    """How many requests each subject has made within the last `window` seconds. Never more than its limit pass.

    Requests that were refused do not count. Subjects that have been silent for a window are forgotten as requests come
    in, so memory holds the requests of about one window.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, window: float = 60.0) -> None:
        self._clock = clock
        self._window = window
        self._passed: OrderedDict[str, list[float]] = OrderedDict()  # in order of the latest passed request

    def __len__(self) -> int:
        """Subjects in memory."""
        return len(self._passed)

    def take(self, subject: str, limit: int) -> Verdict:
        """Count a request of `subject`, who may make `limit` of them per window."""
        if limit < 1:
            return Verdict(False, limit, 0, self._window, max(1, math.ceil(self._window)))
        now = self._clock()
        log = self._passed.get(subject)
        if log is None:
            log = []
        elif log[0] <= now - self._window:
            del log[: bisect_right(log, now - self._window)]
        used = len(log)
        if used >= limit:
            return self._refused(log, limit, now)
        log.append(now)
        self._passed[subject] = log
        self._passed.move_to_end(subject)
        self._forget(now)
        return Verdict(True, limit, limit - used - 1, self._window, 0)

    def peek(self, subject: str, limit: int) -> Verdict | None:
        """The refusal that `take` would give; None: the request would pass."""
        now = self._clock()
        log = self._log(subject, now)
        return self._refused(log, limit, now) if len(log) >= limit else None

    def note(self, subject: str, amount: int = 1) -> None:
        """Count what passed by somebody else's word."""
        now = self._clock()
        log = self._log(subject, now)
        log.extend([now] * amount)
        self._passed[subject] = log
        self._passed.move_to_end(subject)
        self._forget(now)

    def recent(self, subject: str) -> Sequence[tuple[float, int]]:
        """Pairs of (seconds ago, requests) of the last window, oldest first."""
        now = self._clock()
        return [(now - at, 1) for at in self._log(subject, now)]

    def subjects(self) -> Sequence[str]:
        return list(self._passed)

    def _log(self, subject: str, now: float) -> list[float]:
        log = self._passed.get(subject, [])
        if log and log[0] <= now - self._window:
            del log[: bisect_right(log, now - self._window)]
        return log

    def _refused(self, log: Sequence[float], limit: int, now: float) -> Verdict:
        free_at = log[len(log) - limit] + self._window
        return Verdict(False, limit, 0, log[-1] + self._window - now, max(1, math.ceil(free_at - now)))

    def _forget(self, now: float) -> None:
        """Drop the two longest silent subjects if they are idle: more than can come in, so idle ones run out."""
        for _ in range(2):
            subject = next(iter(self._passed))
            if self._passed[subject][-1] > now - self._window:
                return
            del self._passed[subject]


def format_reset(seconds: float) -> str:
    """`12s`, `1m3s`: whole seconds, rounded up."""
    minutes, rest = divmod(math.ceil(max(0.0, seconds)), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
