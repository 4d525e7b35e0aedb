"""What processes that share what they know of upstreams need of MongoDB. As in `ports`: every method may raise
`StoreUnavailable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tornadogw.types import Value

__all__ = ["HealthStore", "Heard", "Spot", "Told"]

Spot = tuple[str, str, str]
"""(upstream, fingerprint of a key or "", model or "")"""


class Told(Value, frozen=True):
    """What a process tells of one spot. Everything in seconds before or after the moment of telling."""

    spot: Spot
    key: str = ""
    """Name of the key, for people."""
    cool: float = 0.0
    """For which it is to be left alone; 0: says nothing."""
    lifts: int = 0
    """How often somebody has ended its cool-downs, as far as who tells knows: those with fewer are over."""
    age: float | None = None
    """Since its breaker opened or was closed; None: the rest says nothing."""
    openings: int = 0
    """How often it has opened since it was closed; 0: it was closed."""
    wait: float = 0.0
    """Until a probe may be sent; below 0: that could have been done."""
    disabled: bool = False


class Heard(Value, frozen=True):
    """What all processes know of one spot, at the moment of reading."""

    told: Told
    version: int
    """Greater after each change of the spot; comparable between spots, within a second."""
    stamp: str = ""
    """Changes whenever the word about the breaker is another one."""
    own_cool: bool = False
    """It was this process that told of the cool-down."""
    own_state: bool = False
    """It was this process that told how the breaker is."""


class HealthStore(Protocol):
    """Marks of all processes by the database's clock. Of the cool-downs with most lifts the one that ends last holds,
    of several words about a breaker the latest; so it makes no difference in which order they come.
    """

    async def tell(self, told: Sequence[Told]) -> Sequence[Heard]:
        """Add these, no two of one spot; what is known of their spots then. Safe to repeat soon."""

    async def claim(self, spot: Spot, seconds: float) -> bool:
        """Whether this process is to do what one of all does, each spot by itself: no other may for so long."""

    async def since(self, version: int) -> Sequence[Heard]:
        """All that may have changed since anything had this version."""
