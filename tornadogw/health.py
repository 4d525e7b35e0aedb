"""What is cooling down or disabled, per key and per upstream's model, in this process."""

from __future__ import annotations

import math
from collections.abc import Callable

from tornadogw.types import Failure

__all__ = ["Health"]

Place = tuple[str, str]
"""(credential or upstream name, model or ""): where a failure hurts."""


class Health:
    """Remembers until when a place is to be left alone. Bounded by the configured keys and models."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[Place, float] = {}

    def note(self, failure: Failure, *, upstream: str, credential: str, model: str) -> None:
        """Only `cool` and `disable` leave a mark; a client's mistake never does."""
        if failure.kind == "disable":
            self._mark(_place(failure, upstream, credential, model), math.inf)
        elif failure.kind == "cool":
            self._mark(_place(failure, upstream, credential, model), self._clock() + failure.seconds)

    def wait(self, *, upstream: str, credential: str, model: str) -> float:
        """Seconds until this key may be used for this model; 0: now; infinite: not before an operator acts."""
        if not self._until:  # all is well, as nearly always
            return 0.0
        places = ((credential, ""), (credential, model), (upstream, model))
        until = max(self._until.get(place, 0.0) for place in places)
        return max(0.0, until - self._clock())

    def _mark(self, place: Place, until: float) -> None:
        self._until[place] = max(until, self._until.get(place, 0.0))


def _place(failure: Failure, upstream: str, credential: str, model: str) -> Place:
    if failure.scope == "key":
        return credential, ""
    return (credential if failure.scope == "key+model" else upstream), model
