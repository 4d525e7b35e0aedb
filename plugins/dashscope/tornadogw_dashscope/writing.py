"""A chat request in the vendor's words. What cannot be said there is refused or told, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from tornadogw import Call, Cannot

from .messages import conversation, has_images

__all__ = ["body", "is_multimodal"]

MULTIMODAL = ("*-vl-*", "*-vl", "*vl-max*", "*vl-plus*", "qvq*", "*-ocr*", "*omni*", "*-audio*", "*qwen3.5-*")
"""Models that the multimodal endpoint serves, in lower case, whatever is in the messages."""

SAME = frozenset(
    {
        "top_p",
        "top_k",
        "seed",
        "presence_penalty",
        "repetition_penalty",
        "logprobs",
        "top_logprobs",
        "response_format",
        "parallel_tool_calls",
        "enable_thinking",
        "thinking_budget",
    }
)
"""The same among the vendor's parameters."""

TOOLS = frozenset({"tools", "tool_choice", "functions", "function_call"})

NO_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "stop": ([], ""),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "response_format": ({"type": "text"},),
    "parallel_tool_calls": (True,),
    "service_tier": ("auto",),
    "store": (False,),
    "modalities": (["text"],),
}
"""Values that ask for nothing."""

MOST_CHOICES = 4
HOTTEST = 1.99
"""Temperatures end just below 2 here."""
MOST_TOLD = 64
LONGEST_TOLD = 64


def is_multimodal(call: Call) -> bool:
    """Whether the multimodal endpoint serves a call: by the model's name, or because there are images."""
    model = call.model.lower()
    return any(fnmatchcase(model, pattern) for pattern in MULTIMODAL) or has_images(call.draft.messages)


def body(call: Call, *, multimodal: bool) -> tuple[bytes, tuple[str, ...]]:
    """The request's JSON and the names of what was left out. Raises Cannot."""
    dropped: list[str] = []
    parameters: dict[str, Any] = {"result_format": "message", "max_tokens": call.max_tokens}
    if call.stream:
        parameters["incremental_output"] = True
    if call.temperature is not None:
        parameters["temperature"] = min(call.temperature, HOTTEST)
    for name, value in call.draft.params.items():
        if name not in TOOLS and value not in NO_EFFECT.get(name, ()):
            parameters.update(_parameter(name, value, dropped))
    parameters.update(_tools(call.draft.params, dropped))
    if "n" in parameters and ("tools" in parameters or multimodal):
        raise Cannot("n", "this vendor gives one choice where there are tools or images")
    said = {
        "model": call.model,
        "input": {"messages": conversation(call.draft.messages, dropped, multimodal=multimodal)},
        "parameters": parameters,
    }
    return _json(said), tuple(dict.fromkeys(name[:LONGEST_TOLD] for name in dropped))[:MOST_TOLD]


def _json(said: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (RecursionError, ValueError) as error:
        raise Cannot("body", f"cannot be written: {error}") from error


# --- parameters --------------------------------------------------------------------------------------------------


def _parameter(name: str, value: Any, dropped: list[str]) -> dict[str, Any]:
    """What one parameter of the client becomes; empty: nothing."""
    if name in SAME:
        return {name: value}
    match name:
        case "n":
            if value > MOST_CHOICES:
                raise Cannot("n", f"this vendor gives at most {MOST_CHOICES} choices")
            return {"n": value}
        case "stop":
            return _stop(value, dropped)
        case "reasoning_effort":
            return {"enable_thinking": value != "none"}
        case "thinking" if isinstance(value, Mapping):
            return {"enable_thinking": value.get("type") != "disabled"}
        case "modalities" | "audio":
            raise Cannot(name, "this vendor writes text only")
    dropped.append(name)
    return {}


def _stop(value: str | list[str], dropped: list[str]) -> dict[str, Any]:
    """An empty sequence stops nothing."""
    asked = [value] if isinstance(value, str) else value
    usable = [text for text in asked if text]
    if len(usable) < len(asked):
        dropped.append("stop")
    return {"stop": usable} if usable else {}


# --- tools -------------------------------------------------------------------------------------------------------


def _tools(params: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    given = [_tool(tool, f"tools[{at}]", dropped) for at, tool in enumerate(params.get("tools") or ())]
    given += [_function(each, f"functions[{at}]", dropped) for at, each in enumerate(params.get("functions") or ())]
    choice = _choice(params)
    if not given:
        return {}
    return {"tools": given, **({"tool_choice": choice} if choice != "auto" else {})}


def _choice(params: Mapping[str, Any]) -> Any:
    """`auto`, `none` or one function by name: the vendor knows no `required`."""
    param = "function_call" if "function_call" in params and "tool_choice" not in params else "tool_choice"
    choice = params.get(param, "auto")
    if choice in ("auto", "none"):
        return choice
    named = choice.get("function", choice) if isinstance(choice, Mapping) else None
    name = named.get("name") if isinstance(named, Mapping) else None
    if not isinstance(name, str):
        raise Cannot(param, "this vendor takes auto, none or the name of a function")
    return {"type": "function", "function": {"name": name}}


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
