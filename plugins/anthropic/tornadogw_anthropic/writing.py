"""A chat request in the words of the Messages API. What cannot be said there is refused or told, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from tornadogw import Call, Cannot

from .messages import conversation
from .thinking import lacks_thoughts, thinking
from .tools import PARAMETERS, schema_tool, tools

__all__ = ["answer_tool", "body", "refuses_sampling"]

NEWEST = re.compile(r"claude-(?:opus-4-(?:[7-9]|[1-9]\d)(?!\d)|(?:[a-z]+)-(?:[5-9]|[1-9]\d)(?!\d)|fable|mythos)")
"""Opus 4.7, the fifth generation and what follows: they refuse temperature, top_p and top_k."""
FORMATTED = re.compile(
    r"claude-(?:(?:opus|sonnet|haiku)-4-(?:[5-9]|[1-9]\d)(?!\d)|[a-z]+-(?:[5-9]|[1-9]\d)(?!\d)|fable|mythos)"
)
"""From 4.5 on they take a schema for their answer; older ones are made to call a tool with it."""

MOST_TOLD = 64
LONGEST_TOLD = 64
SAMPLING = ("temperature", "top_p", "top_k")
ELSEWHERE = PARAMETERS | {"thinking", "reasoning_effort", "response_format"}
"""Parameters that are not looked at one by one."""
JSON_HINT = "Answer with one JSON object and nothing else."

REFUSED = {
    "n": "this vendor gives one choice",
    "audio": "this vendor writes text only",
    "modalities": "this vendor writes text only",
}
"""Leaving these out would change what the answer means."""

NO_EFFECT: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "modalities": (["text"],),
    "service_tier": ("auto",),
    "store": (False,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
}
"""Values that ask for nothing; a vendor without the parameter serves them."""

PERSON = re.compile(r".*@.*|\+?[\d\s()-]{7,}")
"""An e-mail address or a telephone number, which the vendor refuses as user id."""


def refuses_sampling(model: str) -> bool:
    """Whether `model` (the vendor's name, perhaps with a prefix) takes no sampling parameters."""
    return NEWEST.search(model.lower()) is not None


def body(call: Call) -> tuple[bytes, tuple[str, ...]]:
    """The request's JSON and the names of what was left out. Raises Cannot."""
    dropped: list[str] = []
    params = call.draft.params
    system, messages = conversation(call.draft.messages, dropped)
    said: dict[str, Any] = {"model": call.model, "max_tokens": call.max_tokens, "messages": messages}
    if call.stream:
        said["stream"] = True
    for name, value in params.items():
        if name not in ELSEWHERE and value not in NO_EFFECT.get(name, ()):
            said.update(_parameter(name, value, dropped))
    said.update(tools(params, call.model, _own_tools(call)))
    said.update(thinking(params, call.model, call.max_tokens, dropped))
    system += _format(call, said)
    if system:
        marked = any("cache_control" in block for block in system)
        said["system"] = system if marked else "\n\n".join(block["text"] for block in system)
    _temperature(call, said)
    _settle(call, said, dropped)
    return _json(said), tuple(dict.fromkeys(name[:LONGEST_TOLD] for name in dropped))[:MOST_TOLD]


def answer_tool(call: Call) -> str:
    """The name of the tool whose input is the answer; empty: the answer is text."""
    asked = call.draft.params.get("response_format")
    if not isinstance(asked, Mapping) or asked.get("type") != "json_schema" or FORMATTED.search(call.model.lower()):
        return ""
    told = asked.get("json_schema")
    name = told.get("name") if isinstance(told, Mapping) else None
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] if isinstance(name, str) and name else "answer"


def _own_tools(call: Call) -> Collection[str]:
    """Kinds of the vendor's own tools that the operator lets through (`tool_types` of the upstream's options)."""
    allowed = call.options.get("tool_types", ())
    return [str(each) for each in allowed] if isinstance(allowed, list | tuple) else ()


def _json(said: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (RecursionError, ValueError) as error:
        raise Cannot("body", f"cannot be written: {error}") from error


# --- parameters ------------------------------------------------------------------------------------------------------


def _parameter(name: str, value: Any, dropped: list[str]) -> dict[str, Any]:
    """What one parameter of the client becomes; empty: nothing."""
    if name in REFUSED:
        raise Cannot(name, REFUSED[name])
    if name == "stop":
        return _stop(value, dropped)
    if name == "user" and isinstance(value, str) and not PERSON.fullmatch(value):
        return {"metadata": {"user_id": value}}
    if name in ("top_p", "top_k"):
        return {name: value}
    dropped.append(name)
    return {}


def _stop(value: str | list[str], dropped: list[str]) -> dict[str, Any]:
    """Stop sequences of blanks alone are refused by the vendor."""
    asked = [value] if isinstance(value, str) else value
    usable = [text for text in asked if text.strip()]
    if len(usable) < len(asked):
        dropped.append("stop")
    return {"stop_sequences": usable} if usable else {}


def _temperature(call: Call, said: dict[str, Any]) -> None:
    """0 to 1 here. The gateway's default stays away where the client set top_p: the vendor wants one of the two."""
    ours = call.draft.temperature is None
    if call.temperature is not None and not (ours and "top_p" in said):
        said["temperature"] = min(1.0, max(0.0, call.temperature))


def _format(call: Call, said: dict[str, Any]) -> list[dict[str, Any]]:
    """The form of the answer; what is returned belongs to the system prompt."""
    asked = call.draft.params.get("response_format")
    kind = asked.get("type") if isinstance(asked, Mapping) else None
    if asked is None or kind == "text":
        return []
    if kind == "json_object":
        return [{"type": "text", "text": JSON_HINT}]
    told = asked.get("json_schema") if kind == "json_schema" and isinstance(asked, Mapping) else None
    schema = told.get("schema") if isinstance(told, Mapping) else None
    if not isinstance(schema, Mapping):
        raise Cannot("response_format", "must be text, json_object, or json_schema with a schema")
    name = answer_tool(call)
    if not name:
        said["output_config"] = {**said.get("output_config", {}), "format": {"type": "json_schema", "schema": schema}}
    elif "tools" in said:
        raise Cannot("response_format", "this model keeps to a schema only without tools")
    else:
        said.update(schema_tool(name, schema))
    return []


def _settle(call: Call, said: dict[str, Any], dropped: list[str]) -> None:
    """What does not go together: thoughts and a forced tool or a loop without; sampling and thoughts or a new model."""
    forced = said.get("tool_choice", {}).get("type") in ("any", "tool")
    thinks = said.get("thinking", {}).get("type", "disabled") != "disabled"
    if thinks and (forced or lacks_thoughts(said)):
        del said["thinking"]
        dropped.append("thinking" if "thinking" in call.draft.params else "reasoning_effort")
        thinks = False
        said.get("output_config", {}).pop("effort", None)
        if not said.get("output_config", True):
            del said["output_config"]
    if refuses_sampling(call.model) or thinks:
        asked = {*call.draft.params, *(("temperature",) if call.draft.temperature is not None else ())}
        dropped += [name for name in SAMPLING if said.pop(name, None) is not None and name in asked]
