"""When a second route is to start beside one that is slow to begin: as late as nearly all of its model's calls have.

Knows the last calls of each model that is hedged, in this process. No clock, no I/O.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

__all__ = ["Hedging"]

SHARE = 0.95
"""How many of a model's calls have begun to answer by the time a second route starts."""
ENOUGH = 20
"""Calls that must be known before anything is concluded from them."""
KEPT = 200
"""Calls of a model that are looked at."""
EVERY = 10
"""Calls after which its figure is made anew."""
ALLOWED = 0.2
"""Second starts for each call, in the long run: when all is slow, a second start helps nobody."""
SAVED = 20.0
"""Second starts that may come at once after a quiet time."""


class Hedging:
    """The patience with each model; only those that are given are hedged."""

    def __init__(self, models: Iterable[str]) -> None:
        self._models = {model: _Recent() for model in models}

    def following(self, models: Iterable[str]) -> Hedging:
        """Another one for these models, with what is known of those that were there."""
        new = Hedging(models)
        new._models |= {model: self._models[model] for model in new._models.keys() & self._models.keys()}
        return new

    def covers(self, model: str) -> bool:
        """Whether calls of the model are hedged at all."""
        return model in self._models

    def begun(self, model: str) -> float | None:
        """A call begins. Seconds after which a second one may start beside it; None: none may, too little is known or
        too many have.
        """
        recent = self._models[model]
        recent.saved = min(SAVED, recent.saved + ALLOWED)
        return recent.patience if recent.saved >= 1 else None

    def doubled(self, model: str) -> None:
        """A second one has started."""
        self._models[model].saved -= 1

    def heard(self, model: str, seconds: float) -> None:
        """A call began to answer after so long, or was given up as the slower one: it would have taken longer."""
        self._models[model].add(seconds)


class _Recent:
    """The last calls of one model."""

    __slots__ = ("_news", "_seconds", "patience", "saved")

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=KEPT)
        self._news = 0
        self.patience: float | None = None
        self.saved = SAVED

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)
        self._news += 1
        if len(self._seconds) >= ENOUGH and (self.patience is None or self._news >= EVERY):
            self._news = 0
            self.patience = sorted(self._seconds)[math.ceil(SHARE * len(self._seconds)) - 1]
