"""Which routes may answer a request, in which order, and why others may not. No sockets."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from tornadogw.auto import Known, best_first, is_settled
from tornadogw.bounds import prompt_bound, prompt_estimate, prompt_least
from tornadogw.catalogue import Catalogue, ModelEntry, RouteEntry
from tornadogw.errors import ContextTooLong, GatewayError, InvalidRequest, ModelMismatch, NoUpstream
from tornadogw.pricing import bound
from tornadogw.settings.tables import Auto
from tornadogw.standing import Standing
from tornadogw.strategies import Asked, Choice, by_strategy, conversation
from tornadogw.types import Attempt, Caller, Credential, Draft, Failure, Value
from tornadogw.wallets import Offer

__all__ = ["AUTO", "NOT_ALLOWED", "Candidate", "Plan", "Router", "Shortlist", "Step", "told_of"]

Way = tuple[ModelEntry, RouteEntry]

AUTO = "auto"
NOT_ALLOWED = "not allowed for this key"
MAX_ATTEMPTS = 6
"""Upstream calls that one request may cause."""
WAIT = 5.0
"""Seconds that a request waits at most for the only route that it has: what asks for more is not waited for."""
BACK_OFF = 0.1, 0.5
"""Shortest and longest pause, in seconds, before a route that failed is asked once more."""
EVERYTHING = frozenset({"tools", "images", "json_schema", "reasoning"})
_OURS = frozenset(
    "timeout connect reset tls protocol unreadable truncated empty balance disabled unsupported context "
    "context_length_exceeded content_filter model_not_found different resumed".split()
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


class Shortlist(Value, frozen=True):
    """Who can serve a request, best first, and who could but for something that the record tells."""

    candidates: Sequence[Candidate]
    dropped: Sequence[Attempt] = ()

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def __getitem__(self, at: int) -> Candidate:
        return self.candidates[at]


class Router:
    """Orders models by their score (for `auto`) or as fallbacks, their routes by priority and the model's strategy."""

    def __init__(
        self,
        catalogue: Catalogue,
        health: Cooling,
        standing: Standing,
        *,
        max_tokens: int,
        rng: random.Random,
        auto: Auto,
    ) -> None:
        self._catalogue = catalogue
        self._health = health
        self._standing = standing
        self._max_tokens = max_tokens
        self._rng = rng
        self._auto = auto
        contexts = (route.context for model in catalogue.models for route in model.routes)
        self._smallest = min((size for size in contexts if size is not None), default=math.inf)
        ranked = catalogue.auto_order()
        self._settled = is_settled(auto, [_rank(model, place) for place, model in enumerate(ranked)])

    def candidates(self, caller: Caller, draft: Draft) -> Shortlist:
        """Every route that can do what the request needs, best first. Raises ModelMismatch or InvalidRequest."""
        models = self._models(caller, draft)
        able = [model for model in models if not unfit(caller, draft, model)]
        if not able:
            missing = ", ".join(sorted(draft.needs - capabilities(models[0])))
            raise ModelMismatch(zh=f"模型不支持: {missing}", en=f"the model cannot do: {missing}", param="model")
        # While all is calm ranks decide: nothing is left alone, or it is skipped by the plan wherever it stands.
        if draft.model == AUTO and len(able) > 1 and not (self._settled and self._standing.calm):
            known = [self._known(model, rank, draft) for rank, model in enumerate(able)]
            able = [able[at] for at in best_first(self._auto, known)]
        routes = [(model, route) for model in able for route in self._ordered(model, caller, draft)]
        if draft.prompts and not isinstance(draft.prompts[0], str):
            routes = [(model, route) for model, route in routes if route.traits.token_prompts]
            if not routes:
                raise InvalidRequest(
                    zh="prompt 不支持 token 数组", en="prompt cannot be a token array here", param="prompt"
                )
        routes, small = self._fitting(routes, draft)
        dropped = [Attempt(route.upstream, model.name, "skipped", "context") for model, route in small]
        return Shortlist([Candidate(model, route, self._bound(route, draft)) for model, route in routes], dropped)

    def plan(self, draft: Draft, shortlist: Shortlist, covered: Callable[[Offer], bool]) -> Plan:
        """The walk over `shortlist`; those that are not `covered` by what is held are left out."""
        return Plan(shortlist, covered, self._health, self._rng, any_model=draft.model == AUTO)

    def passed_over(self, caller: Caller, draft: Draft) -> list[Attempt]:
        """Why `candidates` lacks routes of the models that were asked for; nothing of their health."""
        asked = self._catalogue.auto_order() if draft.model == AUTO else self._family(draft.model)
        tokens = bool(draft.prompts) and not isinstance(draft.prompts[0], str)
        least = prompt_least(draft) if draft.prompt_bytes // 2 > self._smallest else 0
        return [
            Attempt(route.upstream, model.name, "skipped", why)
            for model in asked
            for route in model.routes
            if (
                why := unfit(caller, draft, model)
                or ("token arrays" if tokens and not route.traits.token_prompts else "")
                or ("context" if route.context is not None and route.context < least else "")
            )
        ]

    def _family(self, name: str) -> list[ModelEntry]:
        """The model and its fallbacks; nothing if nobody knows it."""
        entry = self._catalogue.find(name)
        others = () if entry is None else (self._catalogue.find(other) for other in entry.fallbacks)
        return [each for each in (entry, *others) if each is not None]

    def can_route(self) -> bool:
        """Whether any route could be asked, now or within the time for which a request waits."""
        return any(
            self._health.wait(upstream=route.upstream, credential=key.name, model=route.model) <= WAIT
            for model in self._catalogue.models
            for route in model.routes
            for key in route.credentials
        )

    def _models(self, caller: Caller, draft: Draft) -> list[ModelEntry]:
        """The asked model and its fallbacks, or all of `auto`, that this key may use in this mode."""
        if draft.model == AUTO:
            asked = self._catalogue.auto_order()
        else:
            asked = self._family(draft.model)
            if not asked or not _allowed(caller, asked[0]):
                raise ModelMismatch(
                    zh=f"模型 {draft.model[:100]} 不存在", en=f"unknown model {draft.model[:100]}", param="model"
                )
        models = [entry for entry in asked if unfit(caller, draft, entry) not in (NOT_ALLOWED, "mode")]
        if not models:
            mode = {"chat": ("对话", "chat"), "completion": ("补全", "completion")}[draft.mode]
            raise ModelMismatch(zh=f"模型不支持{mode[0]}模式", en=f"the model does not do {mode[1]}", param="model")
        return models

    def _ordered(self, model: ModelEntry, caller: Caller, draft: Draft) -> Sequence[RouteEntry]:
        """By priority; inside one priority by the model's strategy, or a draw by weight, without replacement."""
        if len(model.routes) == 1:
            return model.routes
        draws = {id(route): self._rng.random() ** (1 / route.weight) for route in model.routes}
        if model.strategy == "weight":  # the usual one needs to know nothing
            return sorted(model.routes, key=lambda route: (route.priority, -draws[id(route)]))
        asked = Asked(
            prompt=prompt_estimate(draft) if model.strategy == "cheapest" else 0,
            output=self._output(draft),
            conversation=conversation(caller.account_id, draft) if model.strategy == "sticky" else b"",
        )
        figures = self._standing.figures
        choices = [Choice(route, figures(route.place), draws[id(route)]) for route in model.routes]
        return by_strategy(model.strategy, choices, asked)

    def _fitting(self, routes: list[Way], draft: Draft) -> tuple[list[Way], list[Way]]:
        """Those whose context may hold the prompt, and those whose context surely does not."""
        if draft.prompt_bytes // 2 <= self._smallest:  # no token is shorter, not even one of an array
            return routes, []
        least = prompt_least(draft)
        small = [(model, route) for model, route in routes if route.context is not None and route.context < least]
        if len(small) == len(routes):
            raise ContextTooLong
        return [way for way in routes if way[1].context is None or way[1].context >= least] if small else routes, small

    def _known(self, model: ModelEntry, place: int, draft: Draft) -> Known:
        """What `auto` knows of a model: of those of its routes that would be asked first."""
        weights = self._auto
        ready = [route for route in model.routes if self._ready(route)]
        first = min((route.priority for route in ready), default=0)
        seen = [self._standing.figures(route.place) for route in ready if route.priority == first]
        return Known(
            rank=_rank(model, place),
            price=bound(model.price, prompt_estimate(draft), self._output(draft)) if weights.price else 0,
            errors=min((each.errors for each in seen), default=1.0),
            first_event=min((each.first_event for each in seen if each.first_event is not None), default=None),
            spare=len(capabilities(model) - draft.needs) / len(EVERYTHING) if weights.need else 0.0,
        )

    def _ready(self, route: RouteEntry) -> bool:
        wait, upstream, model = self._health.wait, route.upstream, route.model
        return any(wait(upstream=upstream, credential=key.name, model=model) == 0 for key in route.credentials)

    def _output(self, draft: Draft) -> int:
        """Tokens that all answers may have."""
        return draft.choices * (draft.max_tokens or self._max_tokens)

    def _bound(self, route: RouteEntry, draft: Draft) -> int:
        return bound(route.price, prompt_bound(draft, route.traits), self._output(draft))


class Plan:
    """The next route to try, one after the other. Another key of a route that failed may be asked, and, before another
    model is, the route that is soonest ready is asked once more: after a pause, and not if it let us wait in vain.
    """

    def __init__(
        self,
        shortlist: Shortlist,
        covered: Callable[[Offer], bool],
        health: Cooling,
        rng: random.Random,
        *,
        any_model: bool = False,
    ) -> None:
        """`any_model`: the models of the candidates are as good as routes of one."""
        self.attempts: list[Attempt] = list(shortlist.dropped)
        """What was tried and what was skipped, for the record."""
        self._todo = [candidate for candidate in shortlist if covered(candidate.offer)]
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
        for candidate in shortlist:
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
        why = "; ".join(dict.fromkeys(f"{attempt.model}: {told_of(attempt)}" for attempt in self.attempts[-4:]))
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


def _rank(model: ModelEntry, place: int) -> int:
    """The operator's, or the place in the settings where no model has one."""
    return place if model.auto is None else model.auto


def told_of(attempt: Attempt) -> str:
    """What a client reads of an attempt: what happened, nothing of the operator's keys and vendors."""
    if attempt.reason in _OURS:
        return attempt.reason
    return {"cool": "busy", "disable": "unavailable", "cannot": "cannot serve this request"}.get(
        attempt.outcome, "failed"
    )


def capabilities(model: ModelEntry) -> frozenset[str]:
    """What a model can do; one that says nothing is taken to do everything."""
    return EVERYTHING if model.capabilities is None else frozenset(model.capabilities)


def unfit(caller: Caller, draft: Draft, model: ModelEntry) -> str:
    """Why this model may not or cannot serve the request; empty: it can."""
    if not _allowed(caller, model):
        return NOT_ALLOWED
    if draft.mode not in model.modes:
        return "mode"
    missing = draft.needs - capabilities(model)
    return f"cannot: {', '.join(sorted(missing))}" if missing else ""


def _allowed(caller: Caller, model: ModelEntry) -> bool:
    return caller.models is None or not caller.models.isdisjoint((model.name, *model.aliases))
