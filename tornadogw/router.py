"""Which routes may answer a request, in which order, and why others may not. No sockets."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from tornadogw.bounds import prompt_bound
from tornadogw.catalogue import Catalogue, ModelEntry, RouteEntry
from tornadogw.errors import GatewayError, InvalidRequest, ModelMismatch, NoUpstream
from tornadogw.pricing import bound
from tornadogw.types import Attempt, Caller, Credential, Draft, Failure, Value
from tornadogw.wallets import Offer

__all__ = ["AUTO", "Candidate", "Plan", "Router", "Step"]

AUTO = "auto"
MAX_ATTEMPTS = 6
"""Upstream calls that one request may cause."""
WAIT = 5.0
"""Seconds that a request waits at most for the only route that it has: what asks for more is not waited for."""
BACK_OFF = 0.1, 0.5
"""Shortest and longest pause, in seconds, before a route that failed is asked once more."""
_OURS = frozenset(
    "timeout connect reset tls protocol unreadable truncated empty balance disabled unsupported context "
    "context_length_exceeded content_filter model_not_found".split()
) | {"cooling down"}
"""Reasons in our own words; a vendor's own stay in the record."""


class Cooling(Protocol):
    """Who knows which keys and models are to be left alone."""

    def wait(self, *, upstream: str, credential: str, model: str) -> float:
        """Seconds until this key may be used for this model; 0: now; infinite: not before an operator acts."""


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


class Router:
    """Orders routes: models by rank (for `auto`) and fallbacks, routes by priority, then by a weighted draw."""

    def __init__(self, catalogue: Catalogue, health: Cooling, *, max_tokens: int, rng: random.Random) -> None:
        self._catalogue = catalogue
        self._health = health
        self._max_tokens = max_tokens
        self._rng = rng

    def candidates(self, caller: Caller, draft: Draft) -> list[Candidate]:
        """Every route that can do what the request needs, best first. Raises ModelMismatch or InvalidRequest."""
        models = self._models(caller, draft)
        able = [model for model in models if not (draft.needs - capabilities(model))]
        if not able:
            missing = ", ".join(sorted(draft.needs - capabilities(models[0])))
            raise ModelMismatch(zh=f"模型不支持: {missing}", en=f"the model cannot do: {missing}", param="model")
        routes = [(model, route) for model in able for route in self._ordered(model)]
        if draft.prompts and not isinstance(draft.prompts[0], str):
            routes = [(model, route) for model, route in routes if route.traits.token_prompts]
            if not routes:
                raise InvalidRequest(
                    zh="prompt 不支持 token 数组", en="prompt cannot be a token array here", param="prompt"
                )
        return [Candidate(model, route, self._bound(route, draft)) for model, route in routes]

    def plan(self, draft: Draft, candidates: Sequence[Candidate], covered: Callable[[Offer], bool]) -> Plan:
        """The walk over `candidates`; those that are not `covered` by what is held are left out."""
        return Plan(candidates, covered, self._health, self._rng, any_model=draft.model == AUTO)

    def _models(self, caller: Caller, draft: Draft) -> list[ModelEntry]:
        """The asked model and its fallbacks, or all of `auto`, that this key may use in this mode."""
        if draft.model == AUTO:
            asked = self._catalogue.auto_order()
        else:
            entry = self._catalogue.find(draft.model)
            if entry is None or not _allowed(caller, entry):
                raise ModelMismatch(
                    zh=f"模型 {draft.model[:100]} 不存在", en=f"unknown model {draft.model[:100]}", param="model"
                )
            others = (self._catalogue.find(name) for name in entry.fallbacks)
            asked = [entry, *(other for other in others if other is not None)]
        models = [entry for entry in asked if _allowed(caller, entry) and draft.mode in entry.modes]
        if not models:
            mode = {"chat": ("对话", "chat"), "completion": ("补全", "completion")}[draft.mode]
            raise ModelMismatch(zh=f"模型不支持{mode[0]}模式", en=f"the model does not do {mode[1]}", param="model")
        return models

    def _ordered(self, model: ModelEntry) -> list[RouteEntry]:
        """By priority; inside one priority a draw by weight, without replacement."""
        draws = {id(route): self._rng.random() ** (1 / route.weight) for route in model.routes}
        return sorted(model.routes, key=lambda route: (route.priority, -draws[id(route)]))

    def _bound(self, route: RouteEntry, draft: Draft) -> int:
        output = draft.choices * (draft.max_tokens or self._max_tokens)
        return bound(route.price, prompt_bound(draft, route.traits), output)


class Plan:
    """The next route to try, one after the other. Another key of a route that failed may be asked, and, before another
    model is, the route that is soonest ready is asked once more: after a pause, and not if it let us wait in vain.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        covered: Callable[[Offer], bool],
        health: Cooling,
        rng: random.Random,
        *,
        any_model: bool = False,
    ) -> None:
        """`any_model`: the models of the candidates are as good as routes of one."""
        self.attempts: list[Attempt] = []
        """What was tried and what was skipped, for the record."""
        self._todo = [candidate for candidate in candidates if covered(candidate.offer)]
        self._health = health
        self._rng = rng
        self._asked: set[tuple[int, str]] = set()
        self._given_up: set[int] = set()
        self._waits: list[float] = []
        self._told: list[GatewayError | None] = []
        self._any_model = any_model
        self._again: list[Step] = []
        self._repeated: set[str] = set()
        self._count = 0
        for candidate in candidates:
            if candidate not in self._todo:
                self._skip(candidate, "balance")

    def __iter__(self) -> Iterator[Step]:
        while self._count < MAX_ATTEMPTS and (step := self._next()) is not None:
            self._count += 1
            yield step

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
        elif failure.kind == "cool" and failure.seconds:
            self._consider(candidate, step.credential, failure.seconds)
        elif failure.kind == "elsewhere" and failure.code != "timeout":
            self._consider(candidate, step.credential, self._rng.uniform(*BACK_OFF))

    def says(self, error: GatewayError | None) -> None:
        """What the route asked last would tell the client about its request; None: nothing that the client can mend."""
        self._told.append(error)

    def exhausted(self) -> GatewayError:
        """Why nobody answered: 4001, with `Retry-After` if it is known when somebody will."""
        told = [error for error in self._told if error is not None]
        if told and len(told) == len(self._told) and not self._waits:
            return told[-1]
        why = "; ".join(dict.fromkeys(f"{attempt.model}: {_told(attempt)}" for attempt in self.attempts[-4:]))
        soonest = min(self._waits, default=math.inf)
        retry_after = None if math.isinf(soonest) else max(1, math.ceil(soonest))
        return NoUpstream(zh=why, en=why, retry_after=retry_after)

    def _next(self) -> Step | None:
        for candidate in list(self._todo):
            usable = self._usable(candidate)
            if usable:
                if (again := self._once_more(before=self._model(candidate))) is not None:
                    return again
                credential = self._rng.choice(usable)
                self._asked.add((id(candidate.route), credential.name))
                return Step(candidate, credential)
            self._todo.remove(candidate)
            self._explain(candidate)
        return self._once_more()

    def _model(self, candidate: Candidate) -> str:
        return "" if self._any_model else candidate.model.name

    def _consider(self, candidate: Candidate, credential: Credential, pause: float) -> None:
        """It may be asked after so many seconds."""
        if pause <= WAIT and self._model(candidate) not in self._repeated:
            self._again.append(Step(candidate, credential, pause))

    def _once_more(self, before: str | None = None) -> Step | None:
        """The soonest ready route of a model that nobody else is left of; `before`: the model that comes next."""
        while ready := [each for each in self._again if self._model(each.candidate) != before]:
            step = min(ready, key=lambda each: each.pause)
            pause = max(step.pause, self._wait(step.candidate, step.credential))
            self._again.remove(step)
            if pause <= WAIT:
                self._repeated.add(self._model(step.candidate))
                self._again = [each for each in self._again if self._model(each.candidate) not in self._repeated]
                return Step(step.candidate, step.credential, pause)
        return None

    def _only_larger(self, candidate: Candidate) -> None:
        """The prompt was too long for this one: what is known to hold no more need not be asked."""
        for other in list(self._todo):
            if other is not candidate and (other.model.context or math.inf) <= (candidate.model.context or 0):
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

    def _explain(self, candidate: Candidate) -> None:
        """Keys that are cooling down: until when, and a line in the record if the route was never asked."""
        waits = {key: wait for key in candidate.route.credentials if (wait := self._wait(candidate, key)) > 0}
        self._waits += waits.values()
        if waits and not any(place == id(candidate.route) for place, _ in self._asked):
            soonest = min(waits, key=waits.__getitem__)
            self._skip(candidate, "disabled" if math.isinf(waits[soonest]) else "cooling down")
            self._consider(candidate, soonest, waits[soonest])

    def _skip(self, candidate: Candidate, reason: str) -> None:
        self.attempts.append(Attempt(candidate.route.upstream, candidate.model.name, "skipped", reason))


def _told(attempt: Attempt) -> str:
    """What a client reads of an attempt: what happened, nothing of the operator's keys and vendors."""
    if attempt.reason in _OURS:
        return attempt.reason
    return {"cool": "busy", "disable": "unavailable", "cannot": "cannot serve this request"}.get(
        attempt.outcome, "failed"
    )


def capabilities(model: ModelEntry) -> frozenset[str]:
    """What a model can do; one that says nothing is taken to do everything."""
    everything = frozenset({"tools", "images", "json_schema", "reasoning"})
    return everything if model.capabilities is None else frozenset(model.capabilities)


def _allowed(caller: Caller, model: ModelEntry) -> bool:
    return caller.models is None or not caller.models.isdisjoint((model.name, *model.aliases))
