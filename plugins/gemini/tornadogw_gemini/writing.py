"""A chat request in the words of generateContent. What cannot be said there is refused or told, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tornadogw import Call, Cannot

from .contents import contents
from .thinking import FIRST_WITH_LEVEL, generation, thinking_config

__all__ = ["body"]

MOST_TOLD = 64
LONGEST_TOLD = 64

GENERATION = {
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
HANDLED = frozenset(
    "tools functions tool_choice function_call n stop seed logprobs top_logprobs response_format modalities "
    "reasoning_effort thinking extra_body".split()
)
NO_EFFECT: dict[str, Any] = {
    "parallel_tool_calls": True,
    "store": False,
    "logit_bias": {},
    "metadata": {},
}
"""Values that ask for nothing: leaving them out needs no word."""
SEEDS = 2**31


def body(call: Call, *, addresses: bool) -> tuple[bytes, tuple[str, ...]]:
    """The request's JSON and the names of what was left out. Raises Cannot."""
    dropped: list[str] = []
    params = call.draft.params
    signed = generation(call.model) >= FIRST_WITH_LEVEL
    system, turns = contents(call.draft.messages, dropped, signed=signed, addresses=addresses)
    said: dict[str, Any] = {"contents": turns}
    if system:
        said["systemInstruction"] = {"parts": system}
    if tools := [*_declarations(params, dropped)]:
        said["tools"] = [{"functionDeclarations": tools}]
        if chosen := _choice(params):
            said["toolConfig"] = {"functionCallingConfig": chosen}
    said["generationConfig"] = _generation(call, params, dropped)
    if settings := call.options.get("safety_settings"):
        said["safetySettings"] = settings
    dropped += [
        name
        for name, value in params.items()
        if name not in HANDLED and name not in GENERATION and NO_EFFECT.get(name) != value
    ]
    return _json(said), tuple(dict.fromkeys(name[:LONGEST_TOLD] for name in dropped))[:MOST_TOLD]


def _json(said: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(said)
    except TypeError:
        raise Cannot("messages", "nested too deeply for this vendor") from None


def _generation(call: Call, params: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {"maxOutputTokens": call.max_tokens}
    if call.temperature is not None:
        config["temperature"] = call.temperature
    config |= {ours: params[name] for name, ours in GENERATION.items() if name in params}
    if params.get("n", 1) != 1:
        config["candidateCount"] = params["n"]
    if type(seed := params.get("seed")) is int:
        config["seed"] = seed % SEEDS  # the vendor's seeds have 31 bits; equal ones stay equal
    elif seed is not None:
        dropped.append("seed")
    config |= _stop(params, dropped) | _logprobs(params) | _format(params)
    if thinking := thinking_config(call.model, params, dropped):
        config["thinkingConfig"] = thinking
    modalities = params.get("modalities", ["text"])
    if modalities != ["text"]:
        raise Cannot("modalities", "this gateway asks this vendor for text")
    return config


def _stop(params: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    """Empty sequences are refused by the vendor."""
    stop = params.get("stop", [])
    asked = [stop] if isinstance(stop, str) else stop
    usable = [text for text in asked if text]
    if len(usable) < len(asked):
        dropped.append("stop")
    return {"stopSequences": usable} if usable else {}


def _logprobs(params: Mapping[str, Any]) -> dict[str, Any]:
    if not params.get("logprobs"):
        return {}
    top = params.get("top_logprobs")
    return {"responseLogprobs": True, **({"logprobs": top} if top else {})}


def _format(params: Mapping[str, Any]) -> dict[str, Any]:
    form = params.get("response_format", {"type": "text"})
    if form["type"] == "text":
        return {}
    if form["type"] == "json_object":
        return {"responseMimeType": "application/json"}
    if form["type"] != "json_schema":
        raise Cannot("response_format", f"this vendor has no format {form['type'][:40]!r}")
    named = form.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise Cannot("response_format.json_schema.schema", "must be an object")
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


# --- tools -------------------------------------------------------------------------------------------------------


def _declarations(params: Mapping[str, Any], dropped: list[str]) -> Iterator[dict[str, Any]]:
    """`tools`, and `functions` as they were called before."""
    for index, tool in enumerate(params.get("tools", ())):
        if tool.get("type", "function") != "function":
            raise Cannot(f"tools[{index}].type", "tools that the vendor runs itself are not offered here")
        yield _declaration(tool.get("function"), f"tools[{index}].function", dropped)
    functions = params.get("functions", [])
    if not isinstance(functions, list):
        raise Cannot("functions", "must be an array")
    for index, function in enumerate(functions):
        yield _declaration(function, f"functions[{index}]", dropped)


def _declaration(function: Any, where: str, dropped: list[str]) -> dict[str, Any]:
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Cannot(where, "must have a name")
    declared = {"name": function["name"]}
    if isinstance(function.get("description"), str):
        declared["description"] = function["description"]
    if function.get("parameters"):
        declared["parametersJsonSchema"] = function["parameters"]
    if function.get("strict"):
        dropped.append("tools.function.strict")
    return declared


def _choice(params: Mapping[str, Any]) -> dict[str, Any]:
    """`functionCallingConfig`; empty: the model chooses, which is the vendor's default."""
    asked = params.get("tool_choice", params.get("function_call", "auto"))
    if isinstance(asked, str):
        modes = {"auto": "", "required": "ANY", "any": "ANY", "none": "NONE"}
        if asked not in modes:
            raise Cannot("tool_choice", "must be auto, required, none or name a tool")
        return {"mode": modes[asked]} if modes[asked] else {}
    if isinstance(asked, dict) and asked.get("type") == "allowed_tools":
        allowed = asked.get("allowed_tools", asked)
        tools = allowed.get("tools") if isinstance(allowed, dict) else None
        if not isinstance(tools, list):
            raise Cannot("tool_choice.allowed_tools.tools", "must be an array")
        names = [_name(tool) for tool in tools]
        mode = "ANY" if allowed.get("mode") == "required" else "VALIDATED"
        return {"mode": mode, "allowedFunctionNames": names}
    return {"mode": "ANY", "allowedFunctionNames": [_name(asked)]}


def _name(choice: Any) -> str:
    function = choice.get("function", choice) if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise Cannot("tool_choice", "must name a tool")
    return name
