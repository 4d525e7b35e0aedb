"""A chat request in the words of Converse. What cannot be said there is refused or told, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tornadogw import Call, Cannot

from .messages import conversation, used_tools
from .thinking import thinking
from .tools import PARAMETERS, schema_tool, tools

__all__ = ["answer_tool", "body", "refuses_sampling"]

NEWEST = re.compile(r"claude-(?:opus-4-(?:[7-9]|[1-9]\d)(?!\d)|[a-z]+-(?:[5-9]|[1-9]\d)(?!\d)|fable|mythos)")
"""Opus 4.7, the fifth generation and what follows: they refuse temperature, top_p and top_k."""
FORMATTED = re.compile(
    r"claude-(?:(?:opus|sonnet|haiku)-4-(?:[5-9]|[1-9]\d)(?!\d)|[a-z]+-(?:[5-9]|[1-9]\d)(?!\d)|fable|mythos)"
)
"""Models that take a schema for their answer; the others are made to call a tool with it."""

MOST_TOLD = 64
LONGEST_TOLD = 64
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


def refuses_sampling(model: str) -> bool:
    """Whether `model` takes no sampling parameters."""
    return NEWEST.search(model.lower()) is not None


def body(call: Call) -> tuple[bytes, tuple[str, ...]]:
    """The request's JSON and the names of what was left out. Raises Cannot."""
    dropped: list[str] = []
    params = call.draft.params
    system, messages = conversation(call.draft.messages, dropped)
    said: dict[str, Any] = {"messages": messages, "inferenceConfig": {"maxTokens": call.max_tokens}}
    more = thinking(params, call.model, call.max_tokens, dropped)
    for name, value in params.items():
        if name not in ELSEWHERE and value not in NO_EFFECT.get(name, ()):
            _parameter(name, value, call.model, said["inferenceConfig"], more, dropped)
    said.update(tools(params, used_tools(messages), dropped))
    system += _format(call, said)
    if system:
        said["system"] = system
    _temperature(call, said["inferenceConfig"])
    _settle(call, said, more, dropped)
    if more:
        said["additionalModelRequestFields"] = more
    if isinstance(guardrail := call.options.get("guardrail"), Mapping):
        said["guardrailConfig"] = dict(guardrail)
    return _json(said), tuple(dict.fromkeys(name[:LONGEST_TOLD] for name in dropped))[:MOST_TOLD]


def answer_tool(call: Call) -> str:
    """The name of the tool whose input is the answer; empty: the answer is text."""
    asked = call.draft.params.get("response_format")
    if not isinstance(asked, Mapping) or asked.get("type") != "json_schema" or FORMATTED.search(call.model.lower()):
        return ""
    return _schema_name(asked)


def _schema_name(asked: Mapping[str, Any]) -> str:
    told = asked.get("json_schema")
    name = told.get("name") if isinstance(told, Mapping) else None
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] if isinstance(name, str) and name else "answer"


def _json(said: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (RecursionError, ValueError) as error:
        raise Cannot("body", f"cannot be written: {error}") from error


def _parameter(
    name: str, value: Any, model: str, config: dict[str, Any], more: dict[str, Any], dropped: list[str]
) -> None:
    """One parameter of the client, into the vendor's own or the model's. Raises Cannot."""
    if name in REFUSED:
        raise Cannot(name, REFUSED[name])
    if name == "stop":
        asked = [value] if isinstance(value, str) else value
        if usable := [text for text in asked if text.strip()]:
            config["stopSequences"] = usable
        if len(usable) < len(asked):
            dropped.append("stop")
    elif name == "top_p":
        config["topP"] = value
    elif name == "top_k" and "claude" in model:
        more["top_k"] = value
    elif name == "top_k" and "nova" in model:
        more["inferenceConfig"] = {"topK": value}
    else:
        dropped.append(name)


def _temperature(call: Call, config: dict[str, Any]) -> None:
    """0 to 1 here. The gateway's default stays away where the client set top_p: some models want one of the two."""
    ours = call.draft.temperature is None
    if call.temperature is not None and not (ours and "topP" in config):
        config["temperature"] = min(1.0, max(0.0, call.temperature))


def _format(call: Call, said: dict[str, Any]) -> list[dict[str, Any]]:
    """The form of the answer; what is returned belongs to the system prompt."""
    asked = call.draft.params.get("response_format")
    kind = asked.get("type") if isinstance(asked, Mapping) else None
    if asked is None or kind == "text":
        return []
    if kind == "json_object":
        return [{"text": JSON_HINT}]
    told = asked.get("json_schema") if kind == "json_schema" and isinstance(asked, Mapping) else None
    schema = told.get("schema") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(schema, Mapping):
        raise Cannot("response_format", "must be text, json_object, or json_schema with a schema")
    name = answer_tool(call)
    if not name:
        wanted = {"name": _schema_name(asked), "schema": _json(schema).decode()}
        if isinstance(text := told.get("description"), str):
            wanted["description"] = text
        said["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": wanted}}}
    elif "toolConfig" in said:
        raise Cannot("response_format", "this model keeps to a schema only without tools")
    else:
        said.update(schema_tool(name, schema))
    return []


def _settle(call: Call, said: dict[str, Any], more: dict[str, Any], dropped: list[str]) -> None:
    """What does not go together: a forced tool and thoughts; thoughts, or a new model, and sampling."""
    choice = said.get("toolConfig", {}).get("toolChoice", {})
    thinks = more.get("thinking", {}).get("type", "disabled") != "disabled"
    if thinks and ("any" in choice or "tool" in choice):
        for field in ("thinking", "output_config"):
            more.pop(field, None)
        dropped.append("thinking" if "thinking" in call.draft.params else "reasoning_effort")
        thinks = False
    if refuses_sampling(call.model) or thinks:
        asked = {*call.draft.params, *(("temperature",) if call.draft.temperature is not None else ())}
        for field, name, holder in (
            ("temperature", "temperature", said["inferenceConfig"]),
            ("topP", "top_p", said["inferenceConfig"]),
            ("top_k", "top_k", more),
        ):
            if holder.pop(field, None) is not None and name in asked:
                dropped.append(name)
