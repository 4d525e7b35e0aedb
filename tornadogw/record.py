"""What one request has come to: its usage, its cost, its Record. Pure but for the clocks it reads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from tornadogw.attempt import RouteAttempt
from tornadogw.meter import Metered
from tornadogw.pricing import MICRO, cost
from tornadogw.types import Attempt, Caller, Draft, Record, Usage

__all__ = ["Tally", "total"]

_RANKS: tuple[Literal["disputed", "estimated", "reported"], ...] = ("disputed", "estimated", "reported")


class Tally:
    """Keeps time and outcome of one request from its hold to its end."""

    def __init__(self, request_id: str, caller: Caller, draft: Draft, factor: int = MICRO, trace: str = "") -> None:
        """`factor`: what a plan takes of the price, in millionths; `trace`: the client's `traceparent`."""
        self.over = False
        self._factor, self._trace = factor, trace
        self._id, self._caller, self._draft = request_id, caller, draft
        self._finish, self._code = "error", 0
        self._began, self._clock = time.time(), time.monotonic()

    def ended(self, finish: str, code: int) -> None:
        """How the request ended and which contract code the client got; 0: none."""
        self._finish, self._code, self.over = finish, code, True

    def at(self, moment: float) -> int:
        """Milliseconds from the beginning to a moment of `time.monotonic()`."""
        return self._ms(moment)

    def record(self, attempt: RouteAttempt | None, attempts: Sequence[Attempt]) -> Record:
        """The record as of now. `attempt` is the one that is charged; None: nobody answered, nothing is."""
        charged = {} if attempt is None else self._charged(attempt, sum(each.cost for each in attempts))
        return Record(
            id=self._id,
            account_id=self._caller.account_id,
            key_id=self._caller.key_id,
            mode=self._draft.mode,
            asked=self._draft.model,
            stream=self._draft.stream,
            finish=self._finish,
            code=self._code,
            attempts=tuple(attempts),
            started=self._began,
            ms=self._ms(time.monotonic()),
            trace=self._trace,
            **charged,
        )

    def _charged(self, attempt: RouteAttempt, vain: int) -> dict[str, Any]:
        """What `attempt` adds to the record; `vain`: what the others cost the operator."""
        route, identity = attempt.candidate.route, attempt.answer.identity
        metered = total([meter.result(whole=self._finish == "whole") for meter in attempt.meters])
        return {
            "model": attempt.candidate.model.name,
            "shown": "" if identity is None else identity.model,
            "upstream": route.upstream,
            "usage": metered.usage,
            "source": metered.source,
            "cost": cost(route.price, metered.usage, self._factor),
            "price": route.price,
            "paid": None if route.cost is None else cost(route.cost, metered.usage) + vain,
            "dropped": tuple(sorted(attempt.dropped)),
            "broken_events": attempt.broken,
            "first_event_ms": None if attempt.first_event is None else self._ms(attempt.first_event),
        }

    def _ms(self, moment: float) -> int:
        return round((moment - self._clock) * 1000)


def total(parts: Sequence[Metered]) -> Metered:
    """The sum over the calls of one answer; as trustworthy as the least of them."""
    if len(parts) == 1:
        return parts[0]
    usage = Usage(
        *(sum(getattr(part.usage, field) for part in parts) for field in Usage.__struct_fields__),
    )
    sources = {part.source for part in parts}
    return Metered(usage, next((rank for rank in _RANKS if rank in sources), "reported"))
