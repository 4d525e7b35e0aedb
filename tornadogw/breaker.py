"""A breaker: closed until a run of failures opens it, then shut to all for a while, then one probe decides. No clock.

Only calls that began after it opened say anything about it: what was under way before tells of the time before.
"""

from __future__ import annotations

__all__ = ["FAILURES", "FIRST", "LONGEST", "PROBE", "SPREAD", "Breaker"]

FAILURES = 5
"""Failures in a row that open it."""
FIRST = 10.0
"""Seconds for which it is open at first; each probe that fails doubles them."""
LONGEST = 120.0
"""Seconds for which it is open at most."""
SPREAD = 0.25
"""Share by which a time may be longer or shorter, so that processes do not probe in step."""
PROBE = 60.0
"""Seconds after which a probe that has not come back is not waited for any more."""


class Breaker:
    """One upstream's model. Moments are seconds of one clock."""

    __slots__ = ("_failures", "_opened", "_openings", "_until")

    def __init__(self) -> None:
        self._failures = 0
        self._openings = 0
        self._opened = 0.0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """It has opened, and no probe has closed it."""
        return self._openings > 0

    def wait(self, now: float) -> float:
        """Seconds until somebody may try; 0: now."""
        return max(0.0, self._until - now)

    def enter(self, now: float) -> None:
        """A call begins. If the breaker is open, it is the probe, and nobody else may try until it is back."""
        if self.is_open:
            self._until = now + PROBE

    def failed(self, began: float, now: float, luck: float) -> bool:
        """A call that began at `began` failed; whether that opens the breaker. `luck` is drawn from 0 to 1."""
        if self.is_open and began < self._opened:
            return False
        self._failures += 1
        if self._failures < FAILURES and not self.is_open:
            return False
        seconds = min(LONGEST, FIRST * 2.0**self._openings)
        self._openings += 1
        self._opened = now
        self._until = now + seconds * (1 + SPREAD * (2 * luck - 1))
        return True

    def succeeded(self, began: float) -> bool:
        """A call that began at `began` was answered; whether all is well again."""
        return not self.is_open or began >= self._opened

    def left(self, began: float, now: float) -> None:
        """A call ended without a word about the upstream: if it was the probe, the next one is."""
        if self.is_open and began >= self._opened:
            self._until = now
