"""A chat request in the engine's words. What cannot be said there is refused or told, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tornadogw import Call, Cannot

from .messages import conversation

__all__ = ["body"]

SAMPLING = frozenset(
    {"top_p", "top_k", "min_p", "seed", "presence_penalty", "frequency_penalty", "repeat_penalty"},
)
"""The same among the engine's options."""

TOOLS = frozenset({"tools", "tool_choice", "functions", "function_call"})

NO_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "stop": ([], ""),
    "response_format": ({"type": "text"},),
    "parallel_tool_calls": (True,),
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

EFFORTS: Mapping[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
"""An effort to `think`; models without levels take each as yes."""

MOST_TOLD = 64
LONGEST_TOLD = 64


def body(call: Call) -> tuple[bytes, tuple[str, ...]]:
    """The request's JSON and the names of what was left out. Raises Cannot."""
    dropped: list[str] = []
    options: dict[str, Any] = {"num_predict": call.max_tokens}
    if call.temperature is not None:
        options["temperature"] = call.temperature
    said: dict[str, Any] = {
        "model": call.model,
        "messages": conversation(call.draft.messages, dropped),
        "stream": call.stream,  # its default is true
        "options": options,
    }
    for name, value in call.draft.params.items():
        if name in TOOLS or value in NO_EFFECT.get(name, ()):
            continue
        if name in SAMPLING:
            options[name] = value
        elif name == "stop":
            options.update(_stop(value, dropped))
        else:
            said.update(_parameter(name, value, dropped))
    said.update(_tools(call.draft.params, dropped))
    if "num_ctx" in call.options:
        options["num_ctx"] = call.options["num_ctx"]
    if "keep_alive" in call.options:
        said["keep_alive"] = call.options["keep_alive"]
    return _json(said), tuple(dict.fromkeys(name[:LONGEST_TOLD] for name in dropped))[:MOST_TOLD]


def _json(said: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (RecursionError, ValueError) as error:
        raise Cannot("body", f"cannot be written: {error}") from error


# --- parameters --------------------------------------------------------------------------------------------------


def _parameter(name: str, value: Any, dropped: list[str]) -> dict[str, Any]:
    """What one parameter of the client becomes; empty: nothing. `options` are the operator's: they reload a model."""
    if name in REFUSED:
        raise Cannot(name, REFUSED[name])
    match name:
        case "response_format":
            return {"format": _format(value)}
        case "logprobs" | "top_logprobs":
            return {name: value}
        case "reasoning_effort" if isinstance(value, str) and value in EFFORTS:
            return {"think": EFFORTS[value]}
        case "think" if isinstance(value, bool | str):
            return {"think": value}
        case "thinking" if isinstance(value, Mapping):
            return {"think": value.get("type") != "disabled"}
    dropped.append(name)
    return {}


def _stop(value: str | list[str], dropped: list[str]) -> dict[str, Any]:
    """An empty sequence stops nothing."""
    asked = [value] if isinstance(value, str) else value
    usable = [text for text in asked if text]
    if len(usable) < len(asked):
        dropped.append("stop")
    return {"stop": usable} if usable else {}


def _format(value: Mapping[str, Any]) -> Any:
    """`json`, or the schema itself."""
    if value["type"] == "json_object":
        return "json"
    if value["type"] == "json_schema":
        told = value.get("json_schema")
        schema = told.get("schema") if isinstance(told, Mapping) else None
        if not isinstance(schema, Mapping):
            raise Cannot("response_format.json_schema", "must have a schema")
        return schema
    raise Cannot("response_format", "this vendor writes text or JSON")


# --- tools -------------------------------------------------------------------------------------------------------


def _tools(params: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    """The tools, unless the client wants none of them used: the engine has no choice but the model's own."""
    param = "function_call" if "function_call" in params and "tool_choice" not in params else "tool_choice"
    choice = params.get(param, "auto")
    if choice not in ("auto", "none"):
        raise Cannot(param, "this vendor cannot be told to use a tool")
    given = [_tool(tool, f"tools[{at}]", dropped) for at, tool in enumerate(params.get("tools") or ())]
    given += [_function(each, f"functions[{at}]", dropped) for at, each in enumerate(params.get("functions") or ())]
    return {"tools": given} if given and choice == "auto" else {}


def _tool(tool: Mapping[str, Any], place: str, dropped: list[str]) -> dict[str, Any]:
    if tool.get("type", "function") != "function":
        raise Cannot(f"{place}.type", "this vendor takes functions only")
    return _function(tool.get("function"), f"{place}.function", dropped)


def _function(function: Any, place: str, dropped: list[str]) -> dict[str, Any]:
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Cannot(place, "must be an object with a name")
    if function.get("strict"):
        dropped.append("tools.strict")
    keys = ("name", "description", "parameters")
    return {"type": "function", "function": {key: function[key] for key in keys if function.get(key) is not None}}
