"""The order of models behind `auto`: a score for each, the lowest first. Pure; docs/routing.md has the formula."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tornadogw.settings.tables import Auto
from tornadogw.types import Value

__all__ = ["MIDDLING", "Known", "best_first", "is_settled", "score"]

MIDDLING = 5.0
"""Seconds to the first event that count as half of the worst."""


class Known(Value, frozen=True):
    """What is known of one model when a request comes."""

    rank: int
    """The operator's, lower is better."""
    price: int = 0
    """What this request can cost there, micro-units."""
    errors: float = 0.0
    """Share of failed calls at its best route, 0 to 1; 1 if all routes are left alone."""
    first_event: float | None = None
    """Seconds at its fastest route; None: unknown, which counts as fast, so that it gets known."""
    spare: float = 0.0
    """Share of all capabilities that it has and the request does not need, 0 to 1."""


def score(weights: Auto, known: Known, dearest: int) -> float:
    """The lower, the better. `dearest`: the price that counts as 1, micro-units."""
    total = weights.rank * known.rank + weights.health * known.errors
    if weights.price and dearest:
        total += weights.price * known.price / dearest
    if known.first_event is not None:
        total += weights.latency * known.first_event / (known.first_event + MIDDLING)
    return total + weights.need * known.spare


def is_settled(weights: Auto, ranks: Sequence[int]) -> bool:
    """Whether the order of `ranks` stands while nothing fails: no time to first event can then outweigh a step."""
    gap = min((later - earlier for earlier, later in pairwise(ranks)), default=1)
    return not weights.price and not weights.need and weights.rank * gap > weights.latency


def best_first(weights: Auto, models: Sequence[Known]) -> list[int]:
    """Their places in `models`, best first; equal ones stay in their order."""
    dearest = max((known.price for known in models), default=0)
    scores = [score(weights, known, dearest) for known in models]
    return sorted(range(len(models)), key=scores.__getitem__)
