"""What people read of a decision: the operator everything, the user nothing of upstreams and other keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tornadogw.plan import told_of
from tornadogw.router import NOT_ALLOWED
from tornadogw.store.ports_decisions import Decision
from tornadogw.types import Attempt

__all__ = ["for_operator", "for_user"]

_POOR = (2002, 2003)
"""Codes of requests that money refused, before anybody was asked."""


def for_operator(decision: Decision) -> dict[str, Any]:
    """All there is; amounts are micro-units, `started` Unix seconds, everything else of time milliseconds."""
    record = decision.record
    return {
        "id": record.id,
        "account_id": record.account_id,
        "key_id": record.key_id,
        "started": record.started,
        "ms": record.ms,
        "first_event_ms": record.first_event_ms,
        "mode": record.mode,
        "stream": record.stream,
        "asked": record.asked,
        "model": record.model,
        "shown": record.shown,
        "upstream": record.upstream,
        "finish": record.finish,
        "code": record.code,
        "calls": sum(each.calls for each in record.attempts),
        "candidates": [_candidate(at, *each, decision) for at, each in enumerate(decision.order, 1)]
        + [_passed(each) for each in (*decision.passed, *_unlisted(decision))],
        "attempts": [_attempt(each) for each in record.attempts if each.outcome != "skipped"],
        "dropped_params": list(record.dropped),
        "broken_events": record.broken_events,
        "charge": _charge(decision),
    }


def for_user(decision: Decision, *, names: bool) -> dict[str, Any]:
    """The same in the contract's words. Upstreams are numbered unless `names`; models of other keys are left out."""
    known = [each for each in decision.passed if each.reason != NOT_ALLOWED]
    attempts = tuple(_softened(each) for each in decision.record.attempts)
    record = msgspec.structs.replace(decision.record, attempts=attempts)
    whole = for_operator(msgspec.structs.replace(decision, record=record, passed=tuple(known)))
    for each in whole["attempts"]:
        del each["cost"]
    if not names:
        numbers: dict[str, str] = {}
        for each in (*whole["attempts"], *whole["candidates"], whole):
            if each["upstream"]:
                each["upstream"] = numbers.setdefault(each["upstream"], f"upstream-{len(numbers) + 1}")
    del whole["account_id"]
    return whole


def _softened(attempt: Attempt) -> Attempt:
    """An upstream's own codes stay with the operator."""
    if attempt.outcome in ("ok", "ended", "skipped"):
        return attempt
    return msgspec.structs.replace(attempt, outcome="failed", reason=told_of(attempt))


def _candidate(order: int, upstream: str, model: str, decision: Decision) -> dict[str, Any]:
    """Asked, or why not."""
    mine = [each for each in decision.record.attempts if (each.upstream, each.model) == (upstream, model)]
    skipped = next((each.reason for each in mine if each.outcome == "skipped"), "")
    asked = any(each.outcome != "skipped" for each in mine)
    why = "" if asked else skipped or _unasked(decision)
    return {"order": order, "upstream": upstream, "model": model, "asked": asked, "reason": why}


def _unlisted(decision: Decision) -> list[Attempt]:
    """Routes that were skipped though they are no candidates, or the candidates are not known."""
    skipped = [each for each in decision.record.attempts if each.outcome == "skipped"]
    listed = {*decision.order, *((each.upstream, each.model) for each in decision.passed)}
    return [each for each in skipped if (each.upstream, each.model) not in listed]


def _unasked(decision: Decision) -> str:
    """Why nobody asked a candidate that nothing speaks against."""
    record = decision.record
    if record.code in _POOR:
        return "balance"
    return "not needed" if any(each.outcome == "ok" for each in record.attempts) else "not reached"


def _passed(attempt: Attempt) -> dict[str, Any]:
    return {
        "order": None,
        "upstream": attempt.upstream,
        "model": attempt.model,
        "asked": False,
        "reason": attempt.reason,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    names = ("upstream", "model", "outcome", "reason", "began", "ms", "calls", "cost")
    return {name: getattr(attempt, name) for name in names}


def _charge(decision: Decision) -> Mapping[str, Any] | None:
    """None: nothing was charged."""
    if not decision.charged:
        return None
    record = decision.record
    return {
        "cost": record.cost,
        "wallet": record.wallet,
        "day": record.day,
        "factor": record.factor,
        "price": msgspec.to_builtins(record.price),
        "usage": msgspec.to_builtins(record.usage),
        "source": record.source,
    }
