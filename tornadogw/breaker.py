"""A breaker: closed until a run of failures opens it, then shut to all for a while, then one probe decides. No clock.

Only calls that began after it opened say anything about it: what was under way before tells of the time before.
"""

from __future__ import annotations

import math
from typing import Self

__all__ = ["FAILURES", "FIRST", "LONGEST", "PROBE", "SPREAD", "Breaker"]

FAILURES = 5
"""Failures in a row that open it."""
FIRST = 10.0
"""Seconds for which it is open at first; each probe that fails doubles them."""
LONGEST = 120.0
"""Seconds for which it is open at most."""
SPREAD = 0.25
"""Share by which a time may be longer or shorter, so that upstreams are not probed in step."""
PROBE = 60.0
"""Seconds after which a probe that has not come back is not waited for any more."""


class Breaker:
    """One upstream's model, or one key. Moments are seconds of one clock."""

    __slots__ = ("_failures", "_until", "disabled", "opened", "openings", "probed")

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0
        self.openings = 0
        """How often it has opened since it was closed."""
        self.opened = 0.0
        """When it did so last."""
        self.disabled = False
        """It opened because something has to be mended: nobody waits for its end."""
        self.probed = False
        """A probe is under way."""

    @classmethod
    def told(cls, *, openings: int, opened: float, until: float, disabled: bool) -> Self:
        """One that opened elsewhere."""
        breaker = cls()
        breaker.openings, breaker.opened, breaker._until, breaker.disabled = openings, opened, until, disabled
        return breaker

    @property
    def is_open(self) -> bool:
        """It has opened, and no probe has closed it."""
        return self.openings > 0

    def wait(self, now: float) -> float:
        """Seconds until somebody may try; 0: now; infinite: when it is mended, or when the time of its probe comes."""
        if self._until <= now:
            return 0.0
        return math.inf if self.disabled else self._until - now

    def left_open(self, now: float) -> float:
        """Seconds until a probe may be sent, below 0 if it might have been."""
        return self._until - now

    def enter(self, now: float) -> None:
        """A call begins. If the breaker is open, it is the probe, and nobody else may try until it is back."""
        if self.is_open:
            self._until, self.probed = now + PROBE, True

    def failed(self, began: float, now: float, luck: float) -> bool:
        """A call that began at `began` failed; whether that opens the breaker. `luck` is drawn from 0 to 1."""
        if not self.concerns(began):
            return False
        self._failures += 1
        if self._failures < FAILURES and not self.is_open:
            return False
        self.open(now, luck)
        return True

    def open(self, now: float, luck: float) -> None:
        """Shut it to all, for longer than the last time."""
        seconds = min(LONGEST, FIRST * 2.0**self.openings)
        self.openings += 1
        self.opened, self.probed = now, False
        self._until = now + seconds * (1 + SPREAD * (2 * luck - 1))

    def disable(self, now: float, seconds: float) -> None:
        """Shut it until it is mended; after so many seconds one call looks whether it is."""
        self.disabled = True
        self.openings += 1
        self.opened, self.probed, self._until = now, False, now + seconds

    def concerns(self, began: float) -> bool:
        """Whether a call that began at `began` says anything about it."""
        return not self.is_open or began >= self.opened

    def left(self, began: float, now: float) -> None:
        """A call ended without a word about the upstream: if it was the probe, the next one is."""
        if self.is_open and began >= self.opened:
            self._until, self.probed = now, False
