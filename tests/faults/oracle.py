"""What must come of a fault, by the words of docs/routing.md and the contract, and nothing of how it is done.

- The client's fault: given back, nobody else is asked, nobody is blamed.
- 404: this route cannot. A key that is refused: not again. Both: whoever else there is.
- Busy for a short time: another route at once; else it is waited for and asked again; then fallbacks.
- Busy for long: another route, or fallbacks.
- Broken: another route at once; else the same once more, after a moment; then fallbacks.
- Silent: whoever else there is; never again in the same request.
- After the client has read something: gone on with, or an event that says so; silence is not asked again, either.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from tests.faults.matrix import SHORT, Client, Fault

Placement = Literal["route", "fallback", "alone", "recovers"]
"""Beside the faulty upstream: another route of the model, a fallback model, nobody, nobody but it fails only once."""
PLACEMENTS: tuple[Placement, ...] = ("route", "fallback", "alone", "recovers")
Outcome = Literal["whole", "client", "nobody", "in-band"]

RESUMED: frozenset[Outcome] = frozenset({"whole"})
"""What comes of an answer that breaks off when somebody else says the same; with "in-band", where nobody goes on."""
FIRST_EVENT, IDLE, TOTAL = 1.0, 1.2, 20.0
"""The deadlines of faulty upstreams, seconds."""
SLACK = 6.0
"""Seconds that a busy machine may take for anything."""


class Expected(NamedTuple):
    outcomes: frozenset[Outcome]
    calls: tuple[int, int]
    """Of the faulty upstream, at least and at most."""
    others: tuple[int, int]
    """Of the other one."""
    seconds: float
    """At most."""
    least: float = 0.0


def expected(fault: Fault, client: Client, placement: Placement) -> Expected:
    """What must come of it."""
    kind, has_other = _seen_by(fault, client), placement in ("route", "fallback")
    others = (1, 1) if has_other else (0, 0)
    seconds = SLACK + 2 * fault.waits
    answered = frozenset[Outcome]({"whole" if has_other else "nobody"})
    if kind == "late":  # some dialects are over by then, so it may be whole as it is
        broken: Outcome = "in-band" if client == "stream" else "nobody"
        return Expected(RESUMED | {broken}, (1, 2), (0, others[1]), seconds)
    if kind in ("cut", "stalled"):
        return _after_start(kind, placement, others, seconds)
    if kind in ("whole", "client"):
        return Expected(frozenset[Outcome]({kind}), (1, 1), (0, 0), seconds)
    if kind == "silent":
        wait = FIRST_EVENT if has_other else max(FIRST_EVENT, IDLE)
        return Expected(answered, (1, 1), others, wait + SLACK, 0.9 * wait)
    if kind in ("cannot", "key", "busy"):
        return Expected(answered, (1, 1), others, seconds)
    if placement == "route":
        calls = (1, 2) if fault.name == "closed before any byte" else (1, 1)  # as a server may that has waited long
        return Expected(answered, calls, others, SLACK + fault.waits)
    if kind == "told":  # whether it is waited for is left open; never more than once
        either = frozenset[Outcome]({"whole", "nobody"})
        return Expected(either if placement == "recovers" else answered, (1, 2), others, seconds)
    outcome: Outcome = "nobody" if placement == "alone" else "whole"
    return Expected(frozenset({outcome}), (2, 2), others, seconds, 0.9 * SHORT if kind == "busy-short" else 0.0)


def _seen_by(fault: Fault, client: Client) -> str:
    """Who reads JSON has read nothing when an answer breaks off."""
    if client == "stream":
        return fault.kind
    return {"cut": "elsewhere", "stalled": "silent"}.get(fault.kind, fault.kind)


def _after_start(kind: str, placement: Placement, others: tuple[int, int], seconds: float) -> Expected:
    """The client has read a part of it."""
    in_band = frozenset[Outcome]({"in-band"})
    if kind == "stalled":
        outcomes = RESUMED if placement in ("route", "fallback") else in_band
        return Expected(outcomes, (1, 1), others, IDLE + SLACK, 0.9 * IDLE)
    if placement == "alone":
        return Expected(in_band, (1, 2), others, seconds)
    return Expected(RESUMED, (1, 1) if placement == "route" else (1, 2), others, seconds)
