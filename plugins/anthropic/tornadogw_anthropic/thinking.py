"""How much a model thinks: an effort in the words that its generation understands.

The budgets of the older generations are those that clients know from other gateways; the output limit, which is paid
for, includes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["lacks_thoughts", "thinking"]

ADAPTIVE = re.compile(
    r"claude-(?:(?:opus|sonnet|haiku)-4-(?:[6-9]|[1-9]\d)(?!\d)|[a-z]+-(?:[5-9]|[1-9]\d)(?!\d)|fable|mythos)"
)
"""From 4.6 on they decide by themselves, and take an effort."""
BUDGETED = re.compile(r"claude-(?:3-7-|(?:opus|sonnet|haiku)-4(?!\d))")
BUDGETS = {"minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384}
LEAST = 1024
"""Tokens of the smallest budget."""
EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}


def thinking(params: Mapping[str, Any], model: str, limit: int, dropped: list[str]) -> dict[str, Any]:
    """`thinking` and `output_config` for an answer of at most `limit` tokens. The vendor's own form wins."""
    own = params.get("thinking")
    if isinstance(own, Mapping):
        if "reasoning_effort" in params:
            dropped.append("reasoning_effort")
        kept = {key: own[key] for key in ("type", "budget_tokens", "display") if key in own}
        return {"thinking": kept} if kept.get("type") != "disabled" or ADAPTIVE.search(model.lower()) else {}
    if own is not None:
        dropped.append("thinking")
    effort = params.get("reasoning_effort")
    if effort is None:
        return {}
    if not isinstance(effort, str):
        dropped.append("reasoning_effort")
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}} if ADAPTIVE.search(model.lower()) else {}
    if effort in EFFORTS and ADAPTIVE.search(model.lower()):
        return {"thinking": {"type": "adaptive"}, "output_config": {"effort": EFFORTS[effort]}}
    budget = min(BUDGETS.get(effort, 0), limit - 1)
    if budget >= LEAST and BUDGETED.search(model.lower()):
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    dropped.append("reasoning_effort")
    return {}


def lacks_thoughts(said: Mapping[str, Any]) -> bool:
    """Whether the vendor refuses to think: on a budget, in a tool loop whose thoughts were not given back."""
    turns = said["messages"]
    if said["thinking"].get("type") != "enabled" or not _holds(turns[-1], "tool_result"):
        return False
    for turn in reversed(turns):
        if turn["role"] == "user" and not _holds(turn, "tool_result"):
            break
        if _holds(turn, "thinking", "redacted_thinking"):
            return False
    return True


def _holds(turn: Mapping[str, Any], *kinds: str) -> bool:
    return any(block["type"] in kinds for block in turn["content"])
