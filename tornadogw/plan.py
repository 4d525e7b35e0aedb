"""The walk over the routes that may answer one request: who is asked next, who once more, and why others were not.

No sockets, no clock but that of the health it asks.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from tornadogw.catalogue import ModelEntry, RouteEntry
from tornadogw.errors import GatewayError, NoUpstream
from tornadogw.types import Attempt, Credential, Failure, Value
from tornadogw.wallets import Offer

__all__ = ["FULL", "MAX_ATTEMPTS", "WAIT", "Candidate", "Cooling", "Crowded", "Plan", "Shortlist", "Step", "told_of"]

MAX_ATTEMPTS = 6
"""Upstream calls that one request may cause."""
WAIT = 5.0
"""Seconds that a request waits at most for the only route that it has: what asks for more is not waited for."""
FULL = 1.0
"""Seconds after which a client may ask again where no place was free."""
OVERLOADED = 10.0
"""Seconds that vendors give an overloaded upstream that does not say how long. Nobody knows: one more try is due."""
BACK_OFF = 0.1, 0.5
"""Shortest and longest pause, in seconds, before a route that failed is asked once more."""
LOOK = 0.05
"""Seconds after which it is looked again whether somebody else's probe has come back."""
_OURS = frozenset(
    "timeout connect reset lost tls protocol unreadable truncated empty balance disabled unsupported context "
    "context_length_exceeded content_filter model_not_found different resumed full".split()
) | {"cooling down"}
"""Reasons in our own words; a vendor's own stay in the record."""


class Cooling(Protocol):
    """Who knows which keys and models are to be left alone."""

    def wait(self, *, upstream: str, credential: str, model: str) -> float:
        """Seconds until this key may be used for this model; 0: now; infinite: not before an operator acts."""

    def is_probed(self, *, upstream: str, credential: str, model: str) -> bool:
        """Whether a call is under way that will show if it may."""


class Crowded(Protocol):
    """Who knows which upstreams have no place left."""

    def is_full(self, upstream: str) -> bool:
        """A call would have to wait."""

    def has_room(self, upstream: str) -> bool:
        """A call would be let in, or may wait."""


class Candidate(Value, frozen=True):
    """One route that can serve this request, and what it may cost at most, in micro-units."""

    model: ModelEntry
    route: RouteEntry
    bound: int

    @property
    def offer(self) -> Offer:
        """For whoever must pay for it."""
        return Offer(self.model.name, self.bound)


class Step(Value, frozen=True):
    """What to try next, and how many seconds from now."""

    candidate: Candidate
    credential: Credential
    pause: float = 0.0
    regardless: bool = False
    """Although the route is being left alone."""


class Shortlist(Value, frozen=True):
    """Who can serve a request, best first, and who could but for something that the record tells."""

    candidates: Sequence[Candidate]
    dropped: Sequence[Attempt] = ()

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def __getitem__(self, at: int) -> Candidate:
        return self.candidates[at]


class Plan:
    """The next route to try, one after the other. Another key of a route that failed may be asked, and, before another
    model is, the route that is soonest ready is asked once more: after a pause, and not if it let us wait in vain.
    """

    def __init__(
        self,
        shortlist: Shortlist,
        covered: Callable[[Offer], bool],
        health: Cooling,
        crowd: Crowded,
        rng: random.Random,
        *,
        any_model: bool = False,
    ) -> None:
        """`any_model`: the models of the candidates are as good as routes of one."""
        self.attempts: list[Attempt] = list(shortlist.dropped)
        """What was tried and what was skipped, for the record."""
        self._todo = [candidate for candidate in shortlist if covered(candidate.offer)]
        self._health, self._crowd = health, crowd
        self._rng = rng
        self._asked: set[tuple[int, str]] = set()
        self._given_up: set[int] = set()
        self._waits: list[float] = []
        self._told: list[GatewayError | None] = []
        self._any_model = any_model
        self._again: list[Step] = []
        self._repeated: set[str] = set()
        self._count = 0
        for candidate in shortlist:
            if candidate not in self._todo:
                self._skip(candidate, "balance")

    def __iter__(self) -> Iterator[Step]:
        while self._count < MAX_ATTEMPTS and (step := self._next()) is not None:
            self._count += 1
            yield step

    def beside(self, step: Step) -> Step | None:
        """Another upstream to be asked at the same time as `step`, if one is free that would be as good."""
        for candidate in self._todo if self._count < MAX_ATTEMPTS else ():
            upstream = candidate.route.upstream
            if upstream == step.candidate.route.upstream or self._model(candidate) != self._model(step.candidate):
                continue
            if (usable := self._usable(candidate)) and not self._crowd.is_full(upstream):
                self._count += 1
                return self._given(candidate, usable)
        return None

    def outrun(self, step: Step) -> None:
        """Somebody else was faster: nothing speaks against this one, and it may be asked if the other fails."""
        self._asked.discard((id(step.candidate.route), step.credential.name))

    @property
    def is_last(self) -> bool:
        """Nothing is left after the route given last: it may take its time."""
        return self._count >= MAX_ATTEMPTS or not any(self._usable(candidate) for candidate in self._todo)

    def failed(self, step: Step, failure: Failure) -> None:
        """What was tried last failed, and why: who else may be asked, and whether it may be once more."""
        candidate = step.candidate
        if failure.kind not in ("cool", "disable") or failure.scope == "upstream+model":  # no other key would mend it
            self._given_up.add(id(candidate.route))
            if failure.seconds:
                self._waits.append(failure.seconds)
        if failure.code == "context_length_exceeded":
            self._only_larger(candidate)
            return
        soon = self._rng.uniform(*BACK_OFF)
        if failure.kind == "cool" and failure.scope == "upstream+model" and WAIT < failure.seconds <= OVERLOADED:
            self._consider(Step(candidate, step.credential, soon, regardless=True))
        elif failure.kind == "cool":
            self._consider(Step(candidate, step.credential, failure.seconds or soon))
        elif failure.kind == "elsewhere" and failure.code not in ("timeout", "lost"):
            self._consider(Step(candidate, step.credential, soon))

    def says(self, error: GatewayError | None) -> None:
        """What the route asked last would tell the client about its request; None: nothing that the client can mend."""
        self._told.append(error)

    def exhausted(self) -> GatewayError:
        """Why nobody answered: 4001, with `Retry-After` if it is known when somebody will."""
        told = [error for error in self._told if error is not None]
        if told and len(told) == len(self._told) and not self._waits:
            return told[-1]
        why = "; ".join(dict.fromkeys(f"{attempt.model}: {told_of(attempt)}" for attempt in self.attempts[-4:]))
        soonest = min(self._waits, default=math.inf)
        retry_after = None if math.isinf(soonest) else max(1, math.ceil(soonest))
        return NoUpstream(zh=why, en=why, retry_after=retry_after)

    def rest(self, step: Step) -> float:
        """Seconds after which it may be looked again whether what was given last may be asked; 0: it may. Others may
        have failed at it while it was waited for, and what comes of somebody else's probe decides for all who wait.
        """
        wait = self._due(step)
        route = step.candidate.route
        if wait and self._health.is_probed(upstream=route.upstream, credential=step.credential.name, model=route.model):
            return LOOK
        return wait

    def stands(self, step: Step) -> bool:
        """Whether what was given last may still be asked; else it may be once more, if that is soon."""
        wait = self._due(step)
        if wait > 0:
            self._waits.append(wait)
            self._skip(step.candidate, "disabled" if math.isinf(wait) else "cooling down")
            self._consider(Step(step.candidate, step.credential, wait))
        return wait <= 0

    def turned_away(self, step: Step) -> None:
        """What was given last found no place in time: it was not asked."""
        self._given_up.add(id(step.candidate.route))
        self._waits.append(FULL)
        self._skip(step.candidate, "full")

    def _next(self) -> Step | None:
        full: Candidate | None = None
        for candidate in list(self._todo):
            usable = self._usable(candidate)
            if not usable:
                self._todo.remove(candidate)
                self._explain(candidate)
            elif full is not None and self._model(candidate) != self._model(full):
                break  # a place at a route of this model is waited for before another model is asked
            elif (again := self._once_more(before=self._model(candidate))) is not None:
                return again
            elif not self._crowd.is_full(candidate.route.upstream):
                return self._given(candidate, usable)
            elif self._crowd.has_room(candidate.route.upstream):
                full = full or candidate
            else:
                self._todo.remove(candidate)
                self._waits.append(FULL)
                self._skip(candidate, "full")
        return self._once_more() if full is None else self._given(full, self._usable(full))

    def _given(self, candidate: Candidate, usable: list[Credential]) -> Step:
        credential = self._rng.choice(usable)
        self._asked.add((id(candidate.route), credential.name))
        return Step(candidate, credential)

    def _model(self, candidate: Candidate) -> str:
        return "" if self._any_model else candidate.model.name

    def _consider(self, step: Step) -> None:
        """It may be asked after its pause."""
        if step.pause <= WAIT and self._model(step.candidate) not in self._repeated:
            self._again.append(step)

    def _once_more(self, before: str | None = None) -> Step | None:
        """The soonest ready route of a model that nobody else is left of; `before`: the model that comes next."""
        while ready := [each for each in self._again if self._model(each.candidate) != before]:
            step = min(ready, key=lambda each: each.pause)
            pause = max(step.pause, self._due(step))
            self._again.remove(step)
            if pause <= WAIT:
                self._repeated.add(self._model(step.candidate))
                self._again = [each for each in self._again if self._model(each.candidate) not in self._repeated]
                return Step(step.candidate, step.credential, pause, step.regardless)
        return None

    def _only_larger(self, candidate: Candidate) -> None:
        """The prompt was too long for this one: what is known to hold no more need not be asked."""
        for other in list(self._todo):
            if other is not candidate and (other.route.context or math.inf) <= (candidate.route.context or 0):
                self._todo.remove(other)
                self._skip(other, "context")

    def _usable(self, candidate: Candidate) -> list[Credential]:
        if id(candidate.route) in self._given_up:
            return []
        fresh = [key for key in candidate.route.credentials if (id(candidate.route), key.name) not in self._asked]
        return [key for key in fresh if self._wait(candidate, key) == 0]

    def _wait(self, candidate: Candidate, credential: Credential) -> float:
        route = candidate.route
        return self._health.wait(upstream=route.upstream, credential=credential.name, model=route.model)

    def _due(self, step: Step) -> float:
        """Seconds until it may be asked."""
        return 0.0 if step.regardless else self._wait(step.candidate, step.credential)

    def _explain(self, candidate: Candidate) -> None:
        """Keys that are cooling down: until when, and a line in the record if the route was never asked."""
        waits = {key: wait for key in candidate.route.credentials if (wait := self._wait(candidate, key)) > 0}
        self._waits += waits.values()
        if waits and not any(place == id(candidate.route) for place, _ in self._asked):
            soonest = min(waits, key=waits.__getitem__)
            self._skip(candidate, "disabled" if math.isinf(waits[soonest]) else "cooling down")
            self._consider(Step(candidate, soonest, waits[soonest]))

    def _skip(self, candidate: Candidate, reason: str) -> None:
        self.attempts.append(Attempt(candidate.route.upstream, candidate.model.name, "skipped", reason))


def told_of(attempt: Attempt) -> str:
    """What a client reads of an attempt: what happened, nothing of the operator's keys and vendors."""
    if attempt.reason in _OURS:
        return attempt.reason
    return {"cool": "busy", "disable": "unavailable", "cannot": "cannot serve this request"}.get(
        attempt.outcome, "failed"
    )
