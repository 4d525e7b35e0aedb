"""What is cooling down, disabled or failing, per key and per upstream's model: as this process saw it, or was told."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tornadogw.breaker import FAILURES, Breaker
from tornadogw.observe import mask
from tornadogw.types import Failure, Value

__all__ = ["RETRY", "Health", "Marks", "Place", "State", "Visit"]

log = logging.getLogger(__name__)

Place = tuple[str, str, str]
"""(upstream, name of a key or "", model or ""): where a failure hurts. With key and model: where a call is, too."""

RETRY = 3600.0
"""Seconds after which one call looks whether a disabled key is of use again."""
_APART = 0.1, 5.0
"""Share of a time, and seconds at most, by which who was told waits longer than who tells: as a rule one probes."""


class State(Value, frozen=True):
    """A breaker, as others are told of it. All in seconds before or after the moment of telling."""

    age: float
    """Since it opened or was closed."""
    openings: int = 0
    """0: it is closed."""
    wait: float = 0.0
    """Until a probe may be sent; below 0: that could have been done."""
    disabled: bool = False


class Marks(Value, frozen=True):
    """All that is known of a place."""

    cool: float = 0.0
    """Seconds for which it is still to be left alone, as the upstream said."""
    state: State | None = None
    """None: it neither opened nor was closed."""
    lifted: bool = False
    """Somebody has ended the cool-downs before this one."""


class Health:
    """Remembers until when a place is to be left alone. Bounded by the configured keys and models."""

    def __init__(self, clock: Callable[[], float], rng: random.Random, *, retry: float = RETRY) -> None:
        self._clock, self._rng, self._retry = clock, rng, retry
        self._until: dict[Place, float] = {}
        self._failing: dict[Place, Breaker] = {}
        """Breakers of places whose last call failed; the others are closed."""
        self._runs: dict[Place, _Run] = {}
        """Keys whose last call failed, and whose breaker is closed."""
        self._tell: Callable[[Place, bool], None] = _nobody

    # --- asked before each call ------------------------------------------------------------------------------------

    def wait(self, *, upstream: str, credential: str, model: str) -> float:
        """Seconds until this key may be used for this model; 0: now; infinite: not before an operator acts."""
        if not self._until and not self._failing:  # all is well, as nearly always
            return 0.0
        now, wait = self._clock(), 0.0
        for place in _places((upstream, credential, model)):
            if (until := self._until.get(place)) is not None:
                if until > now:
                    wait = max(wait, until - now)
                else:
                    del self._until[place]
            if (breaker := self._failing.get(place)) is not None:
                wait = max(wait, breaker.wait(now))
        return wait

    def is_probed(self, *, upstream: str, credential: str, model: str) -> bool:
        """Whether a call is under way that will show if this key may be used for this model again."""
        return any(breaker.probed for breaker in self._around((upstream, credential, model)))

    def enter(self, *, upstream: str, credential: str, model: str) -> Visit:
        """A call begins; its visit is told how it went."""
        now, where = self._clock(), (upstream, credential, model)
        if self._failing:
            for breaker in self._around(where):
                breaker.enter(now)
        regardless = bool(self._until) and self._until.get(_at_upstream(where), 0.0) > now
        return Visit(self, where, now, regardless=regardless)

    # --- told by visits --------------------------------------------------------------------------------------------

    def well(self, where: Place, began: float) -> None:
        """A call that began at `began` was answered."""
        if self._failing:
            for place in _places(where):
                self._close(place, began)
        if self._runs:
            upstream, key, _ = where
            self._runs.pop((upstream, key, ""), None)
            for (other, _, _), run in self._runs.items():
                if other == upstream and not run.others:
                    run.others, run.failures = True, 0

    def better(self, where: Place) -> None:
        """The upstream has answered although it was to be left alone."""
        self._until.pop(_at_upstream(where), None)

    def left(self, where: Place, began: float) -> None:
        """Nobody need wait for that call any more to know how the upstream is."""
        if self._failing:
            now = self._clock()
            for breaker in self._around(where):
                breaker.left(began, now)

    def failed(self, failure: Failure, where: Place, began: float, secrets: Sequence[str]) -> None:
        """`cool` and `disable` leave a mark, `elsewhere` counts towards breakers; a client's mistake never does."""
        hurt = _hurt(failure, where)
        if failure.kind == "elsewhere":
            self._count(_at_upstream(where), began)
            self._count_key(_at_key(where), began)
        elif failure.kind in ("client", "cannot"):
            self._understood(where, began)
        elif failure.kind == "disable":
            self.left(where, began)
            self._disable(failure, hurt, began, secrets)
        else:
            self.left(where, began)
            if failure.seconds > 0:
                self._cool(hurt, self._clock() + failure.seconds)
                self._tell(hurt, False)
            elif hurt[1]:
                self._count_key(_at_key(where), began, blamed=True)

    # --- between processes -----------------------------------------------------------------------------------------

    def listen(self, tell: Callable[[Place, bool], None]) -> None:
        """`tell` a place at which a mark was made here; True: its breaker opened, or was closed. It must not block."""
        self._tell = tell

    def marks(self, place: Place, changed: float | None) -> Marks:
        """What to tell of it. `changed`: the moment at which its breaker was; None: it was not."""
        now, breaker = self._clock(), self._failing.get(place)
        cool = max(0.0, self._until.get(place, 0.0) - now)
        if changed is None:
            return Marks(cool)
        if breaker is None or not breaker.is_open:
            return Marks(cool, State(now - changed))
        return Marks(cool, State(now - breaker.opened, breaker.openings, breaker.left_open(now), breaker.disabled))

    def hear(self, place: Place, marks: Marks, at: float) -> None:
        """Another process has made these marks; `at`: the moment that their seconds count from."""
        if marks.lifted and self._until.pop(place, 0.0) > at:
            log.info("%s: its cool-down was ended", _named(place))
        if marks.cool > 0:
            self._cool(place, at + marks.cool)
        if (state := marks.state) is None:
            return
        before = self._failing.get(place)
        if not state.openings:
            if before is not None and before.is_open:
                del self._failing[place]
                log.info("%s: all is well again, as another process found", _named(place))
            return
        share, most = _APART
        later = self._rng.random() * min(most, max(0.0, state.wait) * share)
        is_news = before is None or not before.is_open
        # What began while nobody here knew was no probe, though it began after it opened there.
        opened = self._clock() if is_news else at - state.age
        self._failing[place] = Breaker.told(
            openings=state.openings, opened=opened, until=at + state.wait + later, disabled=state.disabled
        )
        self._runs.pop(place, None)
        if is_news:
            what = "disabled" if state.disabled else "left alone"
            log.info("%s: %s for %.1f s, as another process found", _named(place), what, max(0.0, state.wait))

    def forget(self, gone: Callable[[Place], bool]) -> None:
        """Marks of places that are not there any more, or are others now. Others are told that nothing is open there:
        who starts later would hear of it.
        """
        for place in [place for place, breaker in self._failing.items() if gone(place) and breaker.is_open]:
            del self._failing[place]
            self._tell(place, True)
        for marks in (self._until, self._failing, self._runs):
            for place in [place for place in marks if gone(place)]:
                del marks[place]

    def now(self) -> float:
        """A moment of its clock, seconds."""
        return self._clock()

    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many places of each upstream are `cooling`, `open` or `disabled`."""
        now = self._clock()
        found: Counter[tuple[str, str]] = Counter()
        for (upstream, _, _), until in self._until.items():
            found[upstream, "cooling"] += until > now
        for (upstream, _, _), breaker in self._failing.items():
            if breaker.is_open:
                found[upstream, "disabled" if breaker.disabled else "open"] += 1
        return found

    # --- marks -----------------------------------------------------------------------------------------------------

    def _around(self, where: Place) -> list[Breaker]:
        return [breaker for place in _places(where) if (breaker := self._failing.get(place)) is not None]

    def _close(self, place: Place, began: float) -> None:
        breaker = self._failing.get(place)
        if breaker is not None and breaker.concerns(began):
            del self._failing[place]
            if breaker.is_open:
                log.info("%s: answers again", _named(place))
                self._tell(place, True)

    def _understood(self, where: Place, began: float) -> None:
        """The upstream is there and has read the request. Whether a disabled key is of use again, that does not say."""
        self._runs.pop(_at_key(where), None)
        for place in _places(where):
            breaker = self._failing.get(place)
            if breaker is not None and breaker.disabled:
                breaker.left(began, self._clock())
            else:
                self._close(place, began)

    def _count(self, place: Place, began: float) -> None:
        breaker, now = self._failing.get(place), self._clock()
        if breaker is None:
            breaker = self._failing[place] = Breaker()
        if breaker.disabled:
            breaker.left(began, now)
        elif breaker.failed(began, now, self._rng.random()):
            self._opened(place, breaker, now)

    def _count_key(self, place: Place, began: float, *, blamed: bool = False) -> None:
        """Only what fails while other keys work, or is said to be the key's fault, is held against a key."""
        if place in self._failing:
            self._count(place, began)
            return
        run = self._runs.get(place)
        if run is None:
            run = self._runs[place] = _Run()
        run.failures += 1
        run.others = run.others or blamed
        if run.failures >= FAILURES and run.others:
            del self._runs[place]
            breaker, now = Breaker(), self._clock()
            self._failing[place] = breaker
            breaker.open(now, self._rng.random())
            self._opened(place, breaker, now)

    def _opened(self, place: Place, breaker: Breaker, now: float) -> None:
        log.info("%s: left alone for %.1f s", _named(place), breaker.left_open(now))
        self._tell(place, True)

    def _disable(self, failure: Failure, place: Place, began: float, secrets: Sequence[str]) -> None:
        breaker = self._failing.get(place)
        if breaker is None:
            breaker = self._failing[place] = Breaker()
        if not breaker.concerns(began):  # one of several that were under way with it
            return
        known = breaker.disabled
        breaker.disable(self._clock(), self._retry)
        self._tell(place, True)
        log.log(
            logging.INFO if known else logging.WARNING,
            "%s is disabled: %s %s (%s). Mend the account or give another key, then `tornadogw upstreams --enable %s`; "
            "it is tried again in %.0f s",
            _named(place),
            failure.status or "",
            mask(failure.code, secrets),
            mask(failure.message, secrets),
            place[1] or place[0],
            self._retry,
        )

    def _cool(self, place: Place, until: float) -> None:
        self._until[place] = max(until, self._until.get(place, 0.0))


class Visit:
    """One call with one key at one upstream's model, which tells of its health, once."""

    __slots__ = ("_began", "_health", "_regardless", "_told", "_where")

    def __init__(self, health: Health, where: Place, began: float, *, regardless: bool = False) -> None:
        """`regardless`: of the upstream's model being left alone."""
        self._health, self._where, self._began = health, where, began
        self._told, self._regardless = False, regardless

    def well(self) -> None:
        """It was answered."""
        self._told = True
        if self._regardless:
            self._health.better(self._where)
        self._health.well(self._where, self._began)

    def failed(self, failure: Failure, secrets: Sequence[str] = ()) -> None:
        """It was not, for this reason; `secrets` are masked wherever that is told."""
        self._told = True
        self._health.failed(failure, self._where, self._began, secrets)

    def left(self) -> None:
        """It goes on or is over, and nobody need wait for it. Does nothing if more was told."""
        if not self._told:
            self._health.left(self._where, self._began)


class _Run:
    """Failures of a key in a row; those before another key of the upstream has answered do not count."""

    __slots__ = ("failures", "others")

    def __init__(self) -> None:
        self.failures, self.others = 0, False


def _nobody(_place: Place, _changed: bool) -> None:
    """Nobody listens."""


def _places(where: Place) -> tuple[Place, Place, Place]:
    """All at which a mark concerns a call there."""
    return _at_upstream(where), _at_key(where), where


def _at_upstream(where: Place) -> Place:
    return where[0], "", where[2]


def _at_key(where: Place) -> Place:
    return where[0], where[1], ""


def _hurt(failure: Failure, where: Place) -> Place:
    if failure.scope == "key":
        return _at_key(where)
    return where if failure.scope == "key+model" else _at_upstream(where)


def _named(place: Place) -> str:
    upstream, key, model = place
    words = [f"key {key}" if key else f"upstream {upstream}"]
    return ", ".join(words + [f"model {model}"] * bool(model))
