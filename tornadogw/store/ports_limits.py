"""What limits over several processes need of MongoDB. As in `ports`: every method may raise `StoreUnavailable`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tornadogw.types import Value

__all__ = ["SLOTS", "LimitStore", "Share", "Took"]

SLOTS = 256
"""A window is counted in so many slots; what happened in a slot leaves the count when all of it is a window old."""


class Took(Value, frozen=True):
    """What a subject's common count says after `take`."""

    granted: int
    used: int
    """All of the last window, what was granted and what was owed included."""
    leaving: Sequence[tuple[float, int]] = ()
    """Seconds until an amount leaves the count, soonest first; only told when something was refused."""


class Share(Value, frozen=True):
    """A process's part of a number that all processes share."""

    mine: int
    others: int
    """What the other processes hold."""


class LimitStore(Protocol):
    """Counts that all processes share, by the database's clock.

    Each call ends within `seconds`. What a call that failed had granted is lost until it leaves the count.
    """

    async def take(
        self, subject: str, limit: int, need: int, owed: Sequence[tuple[int, int]], window: float, seconds: float
    ) -> Took:
        """Count what is `owed`, pairs of (slots ago, amount), in any case; then as much of `need` as `limit` leaves."""

    async def share(
        self, subject: str, process: str, want: int, keep: int, limit: int, ttl: float, seconds: float
    ) -> Share:
        """Hold `want` of `limit` for `ttl` seconds instead of what was held so far: as much as the others leave, and
        at least `keep`, which is in use whatever others hold.
        """
