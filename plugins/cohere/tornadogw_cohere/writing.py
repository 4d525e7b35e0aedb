"""A chat request in the vendor's words. What cannot be said there is refused or told, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tornadogw import Call, Cannot

from .messages import conversation
from .tools import PARAMETERS, tools

__all__ = ["body", "reasons"]

THINKING = re.compile(r"reasoning|command-a-plus|north")
"""Models that think before they speak, by their names; of the others, none takes `thinking`."""

RENAMED = {"top_p": "p", "top_k": "k"}
RANGES = {"p": (0.01, 0.99), "k": (0, 500), "frequency_penalty": (0, 1), "presence_penalty": (0, 1)}
"""The vendor's own, which are narrower than the client's: what is beyond becomes the nearest."""
PASSED = frozenset({"p", "k", "frequency_penalty", "presence_penalty", "seed", "logprobs", "documents"}) | {
    "citation_options",
    "safety_mode",
}
"""The same here, or the vendor's own."""

NO_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "stop": ([], ""),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto",),
    "store": (False,),
    "modalities": (["text"],),
}
"""Values that ask for nothing."""

REFUSED = {
    "n": "this vendor gives one choice",
    "modalities": "this vendor writes text only",
    "audio": "this vendor writes text only",
}
"""Leaving these out would change what the answer is."""

MOST_STOPS = 5

SHARES = {"minimal": 8, "low": 4, "medium": 2}
"""An effort to the part of the output limit that thinking may use; a higher effort has no limit of its own."""

MOST_TOLD = 64
LONGEST_TOLD = 64


def reasons(model: str) -> bool:
    """Whether `model` (the vendor's name) thinks before it answers."""
    return THINKING.search(model.lower()) is not None


def body(call: Call) -> tuple[bytes, tuple[str, ...]]:
    """The request's JSON and the names of what was left out. Raises Cannot."""
    dropped: list[str] = []
    params = call.draft.params
    said: dict[str, Any] = {
        "model": call.model,
        "messages": conversation(call.draft.messages, dropped, thinks=reasons(call.model)),
        "max_tokens": call.max_tokens,
        "stream": call.stream,
    }
    if call.temperature is not None:
        said["temperature"] = min(1.0, max(0.0, call.temperature))
    for name, value in params.items():
        if name not in PARAMETERS and value not in NO_EFFECT.get(name, ()):
            said.update(_parameter(name, value, call, dropped))
    said.update(tools(params, dropped))
    if "response_format" in said and ("tools" in said or said.get("documents")):
        raise Cannot("response_format", "this vendor writes JSON only without tools and documents")
    return _json(said), tuple(dict.fromkeys(name[:LONGEST_TOLD] for name in dropped))[:MOST_TOLD]


def _json(said: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (RecursionError, ValueError) as error:
        raise Cannot("body", f"cannot be written: {error}") from error


# --- parameters --------------------------------------------------------------------------------------------------


def _parameter(name: str, value: Any, call: Call, dropped: list[str]) -> dict[str, Any]:
    """What one parameter of the client becomes; empty: nothing."""
    if name in REFUSED:
        raise Cannot(name, REFUSED[name])
    match RENAMED.get(name, name):
        case "stop":
            return _stop(value, dropped)
        case "response_format":
            return {"response_format": _format(value)}
        case "reasoning_effort" if reasons(call.model):
            return {"thinking": _effort(value, call.max_tokens)}
        case "thinking" if isinstance(value, Mapping):
            return {"thinking": _thinking(value)}
        case own if own in PASSED:
            return _ranged(name, own, value, dropped)
    dropped.append(name)
    return {}


def _ranged(name: str, own: str, value: Any, dropped: list[str]) -> dict[str, Any]:
    """A penalty below zero would be a reward, which the vendor has not."""
    if own not in RANGES or isinstance(value, bool) or not isinstance(value, int | float):
        return {own: value}
    least, most = RANGES[own]
    if own.endswith("_penalty") and value < least:
        dropped.append(name)
        return {}
    return {own: min(max(value, least), most)}


def _stop(value: str | list[str], dropped: list[str]) -> dict[str, Any]:
    """An empty sequence stops nothing."""
    asked = [value] if isinstance(value, str) else value
    usable = [text for text in asked if text]
    if len(usable) > MOST_STOPS:
        raise Cannot("stop", f"this vendor takes at most {MOST_STOPS} sequences")
    if len(usable) < len(asked):
        dropped.append("stop")
    return {"stop_sequences": usable} if usable else {}


def _format(value: Mapping[str, Any]) -> dict[str, Any]:
    """The schema alone: the vendor keeps to it always, and has no name for it."""
    if value["type"] == "json_object":
        own = value.get("json_schema")  # the vendor's own form
        return {"type": "json_object", **({"json_schema": own} if own else {})}
    if value["type"] == "json_schema":
        told = value.get("json_schema")
        schema = told.get("schema") if isinstance(told, Mapping) else None
        if not isinstance(schema, Mapping):
            raise Cannot("response_format.json_schema", "must have a schema")
        return {"type": "json_object", "json_schema": schema}
    raise Cannot("response_format", "this vendor writes text or JSON")


def _effort(value: Any, limit: int) -> dict[str, Any]:
    """Low efforts get a part of the output limit, so that some of it is left for the answer."""
    if value == "none":
        return {"type": "disabled"}
    if isinstance(value, str) and value in SHARES:
        return {"type": "enabled", "token_budget": max(1, limit // SHARES[value])}
    return {"type": "enabled"}


def _thinking(value: Mapping[str, Any]) -> dict[str, Any]:
    """The vendor's own form, or another vendor's, which calls the budget differently."""
    budget = value.get("token_budget", value.get("budget_tokens"))
    return {"type": value.get("type", "enabled"), **({} if budget is None else {"token_budget": budget})}
