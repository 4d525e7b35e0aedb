"""How each upstream's model has done lately, as this process saw it: time to first event, calls in flight, errors.

Fed by exchanges, read by the router. Has a place for each configured route and no other; no task, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable

from tornadogw.types import Value

__all__ = ["DOUBT", "FADED", "HALF_LIFE", "MOST", "Figures", "Place", "Standing", "Stay"]

Place = tuple[str, str]
"""(upstream, the vendor's name of the model)"""

HALF_LIFE = 30.0
"""Seconds after which what was seen counts half."""
MOST = 20.0
"""Calls that the past counts for at most: a change shows after some calls, however many there were before."""
FADED = 0.1
"""Calls, after fading, below which nothing is known any more."""
DOUBT = 4.0
"""Good calls that are added to those seen, so that one failure alone is no verdict."""


class Figures(Value, frozen=True):
    """What is known of one place at one moment."""

    in_flight: int = 0
    """Calls that have begun and not ended."""
    first_event: float | None = None
    """Mean seconds to the first useful event; None: unknown or too long ago. Of whole answers: to the end."""
    errors: float = 0.0
    """Share of calls that failed through the upstream's or its key's fault, 0 to 1."""

    @property
    def known(self) -> bool:
        """Whether anything but the calls of this moment is known."""
        return self.first_event is not None or self.errors > 0


NOTHING = Figures()
FORGOTTEN = HALF_LIFE * math.log2(MOST / FADED) + 1
"""Seconds after which nothing of what was seen is left, however much it was."""
STEP = 0.25
"""Seconds in which fading is not worth the arithmetic."""


class Standing:
    """The moving figures of all places."""

    def __init__(self, places: Iterable[Place], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rows = {place: _Row() for place in places}
        self._calm_from = -math.inf

    def change(self, places: Iterable[Place], anew: Container[str] = ()) -> None:
        """These are the places from now on; of the upstreams `anew` nothing is known any more."""
        self._rows = {place: self._row(place, anew) for place in places}

    def _row(self, place: Place, anew: Container[str]) -> _Row:
        row = self._rows.get(place)
        return _Row() if row is None or place[0] in anew else row

    def figures(self, place: Place) -> Figures:
        """What is known now."""
        row = self._rows.get(place)
        return NOTHING if row is None or row.untouched else row.figures(self._clock())

    def quiet(self, place: Place) -> float:
        """Seconds since a call there showed anything; infinite: none has."""
        row = self._rows.get(place)
        return math.inf if row is None or row.untouched else self._clock() - row.at

    @property
    def calm(self) -> bool:
        """No failure of any place counts any more."""
        return self._clock() > self._calm_from

    def enter(self, place: Place) -> Stay:
        """A call begins. Whoever asks must call `left` when it is over, however it ends."""
        return Stay(self, self._rows.get(place) or _Row())  # one that is not configured counts nowhere

    def now(self) -> float:
        """A moment of its clock, seconds."""
        return self._clock()

    def alarm(self, now: float) -> None:
        """A call has failed."""
        self._calm_from = now + FORGOTTEN


class Stay:
    """One call at one place."""

    __slots__ = ("_began", "_here", "_row", "_standing")

    def __init__(self, standing: Standing, row: _Row) -> None:
        self._standing, self._row, self._here = standing, row, True
        self._began = standing.now()
        row.in_flight += 1
        row.untouched = False

    def heard(self) -> None:
        """The first useful event is here."""
        now = self._standing.now()
        self._row.heard(now - self._began, now)

    def ended(self, *, failed: bool) -> None:
        """It was answered, or failed through no fault of the request. Says nothing: it tells of the request only."""
        now = self._standing.now()
        self._row.ended(failed, now)
        if failed:
            self._standing.alarm(now)

    def left(self) -> None:
        """It is over. A second time does nothing."""
        if self._here:
            self._here = False
            self._row.in_flight -= 1


class _Row:
    """Sums that fade: `events` first events that took `seconds`, `calls` calls of which `failures` failed."""

    __slots__ = ("at", "calls", "events", "failures", "in_flight", "seconds", "untouched")

    def __init__(self) -> None:
        self.in_flight = 0
        self.untouched = True
        self.at = self.seconds = self.events = self.calls = self.failures = 0.0

    def figures(self, now: float) -> Figures:
        left = 0.5 ** ((now - self.at) / HALF_LIFE)
        heard = self.events * left >= FADED
        ended = self.failures and self.calls * left >= FADED
        return Figures(
            self.in_flight,
            self.seconds / self.events if heard else None,
            self.failures * left / (self.calls * left + DOUBT) if ended else 0.0,
        )

    def heard(self, seconds: float, now: float) -> None:
        self._fade(now)
        if self.events > MOST - 1:
            self.seconds *= (MOST - 1) / self.events
            self.events = MOST - 1
        self.seconds += seconds
        self.events += 1

    def ended(self, failed: bool, now: float) -> None:
        self._fade(now)
        if self.calls > MOST - 1:
            self.failures *= (MOST - 1) / self.calls
            self.calls = MOST - 1
        self.calls += 1
        self.failures += failed

    def _fade(self, now: float) -> None:
        if now - self.at < STEP:
            return
        left = 0.5 ** ((now - self.at) / HALF_LIFE)
        self.seconds *= left
        self.events *= left
        self.calls *= left
        self.failures *= left
        self.at = now
