"""What is cooling down, disabled or failing, per key and per upstream's model, in this process."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable

from tornadogw.breaker import Breaker
from tornadogw.types import Failure

__all__ = ["Health", "Visit"]

log = logging.getLogger(__name__)

Place = tuple[str, str]
"""(credential or upstream name, model or ""): where a failure hurts."""


class Health:
    """Remembers until when a place is to be left alone. Bounded by the configured keys and models."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock, self._rng = clock, rng
        self._until: dict[Place, float] = {}
        self._failing: dict[Place, Breaker] = {}
        """Breakers of upstreams' models whose last call failed; the others are closed."""

    def wait(self, *, upstream: str, credential: str, model: str) -> float:
        """Seconds until this key may be used for this model; 0: now; infinite: not before an operator acts."""
        if not self._until and not self._failing:  # all is well, as nearly always
            return 0.0
        now = self._clock()
        places = ((credential, ""), (credential, model), (upstream, model))
        until = max(self._until.get(place, 0.0) for place in places)
        breaker = self._failing.get((upstream, model))
        return max(0.0, until - now, 0.0 if breaker is None else breaker.wait(now))

    def enter(self, *, upstream: str, model: str) -> Visit:
        """A call begins; its visit is told how it went."""
        now = self._clock()
        if (breaker := self._failing.get((upstream, model))) is not None:
            breaker.enter(now)
        return Visit(self, (upstream, model), now)

    def well(self, place: Place, began: float) -> None:
        """The upstream has answered a call that began at `began`."""
        breaker = self._failing.get(place)
        if breaker is not None and breaker.succeeded(began):
            del self._failing[place]
            if breaker.is_open:
                log.info("upstream %s, model %s: answers again", *place)

    def left(self, place: Place, began: float) -> None:
        """Nobody need wait for that call any more to know how the upstream is."""
        if (breaker := self._failing.get(place)) is not None:
            breaker.left(began, self._clock())

    def failed(self, failure: Failure, place: Place, began: float, credential: str) -> None:
        """`cool` and `disable` leave a mark, `elsewhere` counts towards the breaker; a client's mistake never does."""
        if failure.kind == "elsewhere":
            self._count(place, began)
        elif failure.kind in ("client", "cannot"):
            self.well(place, began)
        else:
            seconds = math.inf if failure.kind == "disable" else failure.seconds
            self._mark(_hurt(failure, place, credential), self._clock() + seconds)

    def _count(self, place: Place, began: float) -> None:
        breaker = self._failing.get(place)
        if breaker is None:
            breaker = self._failing[place] = Breaker()
        now = self._clock()
        if breaker.failed(began, now, self._rng.random()):
            log.info("upstream %s, model %s: left alone for %.1f s", *place, breaker.wait(now))

    def _mark(self, place: Place, until: float) -> None:
        self._until[place] = max(until, self._until.get(place, 0.0))


class Visit:
    """One call at one upstream's model, which tells of its health, once."""

    __slots__ = ("_began", "_health", "_place", "_told")

    def __init__(self, health: Health, place: Place, began: float) -> None:
        self._health, self._place, self._began = health, place, began
        self._told = False

    def well(self) -> None:
        """It was answered."""
        self._told = True
        self._health.well(self._place, self._began)

    def failed(self, failure: Failure, credential: str) -> None:
        """It was not, for this reason; `credential` is the name of the key that was used."""
        if failure.kind in ("cool", "disable"):
            self.left()
        self._told = True
        self._health.failed(failure, self._place, self._began, credential)

    def left(self) -> None:
        """It goes on or is over, and nobody need wait for it. Does nothing if more was told."""
        if not self._told:
            self._health.left(self._place, self._began)


def _hurt(failure: Failure, place: Place, credential: str) -> Place:
    upstream, model = place
    if failure.scope == "key":
        return credential, ""
    return (credential if failure.scope == "key+model" else upstream), model
