"""Which routes may answer a request, in which order, and why others may not. No sockets."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from tornadogw.auto import Known, best_first, is_settled
from tornadogw.bounds import prompt_bound, prompt_estimate, prompt_least
from tornadogw.catalogue import Catalogue, ModelEntry, RouteEntry
from tornadogw.errors import ContextTooLong, InvalidRequest, ModelMismatch
from tornadogw.plan import WAIT, Candidate, Cooling, Crowded, Plan, Shortlist
from tornadogw.pricing import bound
from tornadogw.settings.tables import Auto
from tornadogw.standing import Standing
from tornadogw.strategies import Asked, Choice, by_strategy, conversation
from tornadogw.types import Attempt, Caller, Draft
from tornadogw.wallets import Offer

__all__ = ["AUTO", "EVERYTHING", "NOT_ALLOWED", "Router", "capabilities", "unfit"]

Way = tuple[ModelEntry, RouteEntry]

AUTO = "auto"
NOT_ALLOWED = "not allowed for this key"
EVERYTHING = frozenset({"tools", "images", "json_schema", "reasoning"})
"""All that a model may be able to do."""


class Router:
    """Orders models by their score (for `auto`) or as fallbacks, their routes by priority and the model's strategy."""

    def __init__(
        self,
        catalogue: Catalogue,
        health: Cooling,
        standing: Standing,
        crowd: Crowded,
        *,
        max_tokens: int,
        rng: random.Random,
        auto: Auto,
    ) -> None:
        self._catalogue = catalogue
        self._health = health
        self._standing, self._crowd = standing, crowd
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
        return Plan(shortlist, covered, self._health, self._crowd, self._rng, any_model=draft.model == AUTO)

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


def _rank(model: ModelEntry, place: int) -> int:
    """The operator's, or the place in the settings where no model has one."""
    return place if model.auto is None else model.auto


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
