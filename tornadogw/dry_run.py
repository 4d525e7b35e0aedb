"""Where a request would go, and why: what the router would say of it now. Nobody is asked, nothing is charged.

The words for reasons are those of decision records (`explain`). Of what is not known here - whether money covers it -
nothing is said. A draw by weight is one draw: the shares say how others would fall.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

from tornadogw.errors import GatewayError
from tornadogw.health import Health
from tornadogw.plan import Candidate
from tornadogw.queues import Queues
from tornadogw.router import Router
from tornadogw.store.ports import ApiKey
from tornadogw.types import Attempt, Caller, Draft, Mode, Value

__all__ = ["MOST_TOKENS", "Dry", "Place", "ask_for", "caller_of", "dry_run"]

MOST_TOKENS = 1_000_000
"""Of a prompt that is thought of; no model takes more."""
_BYTES = 4
"""Of a token, as it is estimated."""


class Gate(Protocol):
    """Those parts of the exchange's that are asked."""

    @property
    def router(self) -> Router: ...

    @property
    def health(self) -> Health: ...

    @property
    def queues(self) -> Queues: ...


class Place(Value, frozen=True):
    """One route that the request could take, or why it does not."""

    order: int | None
    """1 is asked first; None: it is no candidate."""
    upstream: str
    model: str
    """The catalogue's name."""
    reason: str
    """Why it would be passed over now; empty: it would be asked in its turn."""
    upstream_model: str = ""
    priority: int = 0
    weight: int = 0
    strategy: str = ""
    bound: int = 0
    """What the request can cost there at most, micro-units."""


class Dry(Value, frozen=True):
    """What would become of it."""

    places: tuple[Place, ...]
    """Candidates in their order, then those that are none."""
    error: GatewayError | None = None
    """What the client would read at once."""

    @property
    def first(self) -> Place | None:
        """Who would be asked."""
        return next((each for each in self.places if each.order is not None and not each.reason), None)


def ask_for(
    model: str,
    *,
    mode: Mode = "chat",
    needs: Iterable[str] = (),
    stream: bool = False,
    prompt_tokens: int = 100,
    max_tokens: int | None = None,
) -> Draft:
    """A request like that. `needs`: `tools`, `images`, `json_schema`."""
    text = "x" * (_BYTES * min(max(0, prompt_tokens), MOST_TOKENS))
    chat, wanted = mode == "chat", frozenset(needs)
    return Draft(
        mode,
        model,
        messages=[{"role": "user", "content": text}] if chat else [],
        prompts=[] if chat else [text],
        message_count=int(chat),
        stream=stream,
        needs=wanted,
        images=int("images" in wanted),
        prompt_bytes=len(text),
        max_tokens=max_tokens,
    )


def caller_of(key: ApiKey) -> Caller:
    """Who asks with this key, as far as routing minds."""
    return Caller(key.account_id, key.id, models=None if key.models is None else frozenset(key.models))


def dry_run(gate: Gate, caller: Caller, draft: Draft) -> Dry:
    """What the router would make of `draft` for `caller`, at this moment in this process."""
    passed = [_passed(each) for each in gate.router.passed_over(caller, draft)]
    try:
        shortlist = gate.router.candidates(caller, draft)
    except GatewayError as error:
        return Dry(tuple(passed), error)
    places = [_candidate(gate, at, candidate) for at, candidate in enumerate(shortlist, 1)]
    known = {(each.upstream, each.model) for each in passed}
    dropped = [_passed(each) for each in shortlist.dropped if (each.upstream, each.model) not in known]
    return Dry((*places, *passed, *dropped))


def _candidate(gate: Gate, order: int, candidate: Candidate) -> Place:
    route = candidate.route
    return Place(
        order,
        route.upstream,
        candidate.model.name,
        _why_not(gate, candidate),
        upstream_model=route.model,
        priority=route.priority,
        weight=route.weight,
        strategy=candidate.model.strategy,
        bound=candidate.bound,
    )


def _why_not(gate: Gate, candidate: Candidate) -> str:
    """As `Plan` says it."""
    route = candidate.route
    waits = [
        gate.health.wait(upstream=route.upstream, credential=key.name, model=route.model) for key in route.credentials
    ]
    if (soonest := min(waits)) > 0:
        return "disabled" if math.isinf(soonest) else "cooling down"
    return "" if gate.queues.has_room(route.upstream) else "full"


def _passed(attempt: Attempt) -> Place:
    return Place(None, attempt.upstream, attempt.model, attempt.reason)
