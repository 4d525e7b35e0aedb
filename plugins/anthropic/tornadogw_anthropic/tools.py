"""Tools and the choice among them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tornadogw import Cannot

__all__ = ["PARAMETERS", "schema_tool", "tools"]

PARAMETERS = frozenset({"tools", "functions", "tool_choice", "function_call", "parallel_tool_calls"})
"""What this room writes."""

UNFORCED = re.compile(r"fable|mythos")
"""Models that refuse to be forced to use a tool."""

NO_PARAMETERS = {"type": "object", "properties": {}}
KEPT = ("cache_control", "defer_loading", "eager_input_streaming", "input_examples", "allowed_callers")
"""The vendor's own fields of a tool, which change no price but that of caching, which is reported."""


def tools(params: Mapping[str, Any], model: str, own: Collection[str]) -> dict[str, Any]:
    """What the request says of tools; empty without any. `own`: kinds of the vendor's tools that are allowed.

    Raises Cannot.
    """
    given = [_tool(tool, f"tools[{at}]", own) for at, tool in enumerate(params.get("tools") or ())]
    given += [_function(each, f"functions[{at}]") for at, each in enumerate(params.get("functions") or ())]
    param = "function_call" if "function_call" in params and "tool_choice" not in params else "tool_choice"
    choice, names = _choice(params.get(param, "auto"), param)
    if not given:
        if choice["type"] in ("any", "tool"):
            raise Cannot(param, "there is no tool to choose")
        return {}
    if choice["type"] in ("any", "tool") and UNFORCED.search(model.lower()):
        raise Cannot(param, "this model cannot be forced to use a tool")
    if names:
        given = [tool for tool in given if tool["name"] in names]
    known = {tool["name"] for tool in given}
    if not given or (choice["type"] == "tool" and choice["name"] not in known):
        raise Cannot(param, "names no tool that was sent")
    said: dict[str, Any] = {"tools": given}
    if params.get("parallel_tool_calls") is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    if choice != {"type": "auto"} or params.get(param) == "auto":
        said["tool_choice"] = choice
    return said


def schema_tool(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A tool whose input is the answer, for models that cannot be given a schema otherwise."""
    tool = {"name": name, "description": "Give the answer.", "input_schema": schema}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": name, "disable_parallel_tool_use": True}}


def _choice(asked: Any, param: str) -> tuple[dict[str, Any], Sequence[str]]:
    """(the vendor's form; the names to choose among, none for all)."""
    if asked in ("auto", "none", "required"):
        return {"type": "any" if asked == "required" else asked}, ()
    if isinstance(asked, Mapping):
        if asked.get("type") == "allowed_tools" and isinstance(allowed := asked.get("allowed_tools"), Mapping):
            listed = allowed.get("tools")
            names = [name for each in (listed if isinstance(listed, list) else ()) if (name := _name(each))]
            if allowed.get("mode") in ("auto", "required") and names:
                return {"type": "any" if allowed["mode"] == "required" else "auto"}, names
        elif name := _name(asked):
            return {"type": "tool", "name": name}, ()
    raise Cannot(param, "must be auto, none, required or the name of a function")


def _name(choice: Any) -> str:
    """The name in `{"type": "function", "function": {"name": ...}}`, or in the older `{"name": ...}`."""
    if not isinstance(choice, Mapping) or choice.get("type", "function") != "function":
        return ""
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else ""


def _tool(tool: Any, place: str, own: Collection[str]) -> dict[str, Any]:
    if not isinstance(tool, Mapping):
        raise Cannot(place, "must be an object")
    kind = tool.get("type", "function")
    if kind == "function":
        said = _function(tool.get("function"), f"{place}.function")
        return said | {key: tool[key] for key in KEPT if key in tool}
    if kind in own and isinstance(tool.get("name"), str):
        return dict(tool)
    raise Cannot(f"{place}.type", "tools that the vendor runs itself cost extra and are not offered")


def _function(function: Any, place: str) -> dict[str, Any]:
    if not isinstance(function, Mapping):
        raise Cannot(place, "must be an object")
    if not isinstance(function.get("name"), str):
        raise Cannot(f"{place}.name", "must be a string")
    said = {key: function[key] for key in ("name", "description") if function.get(key) is not None}
    said["input_schema"] = function.get("parameters") or NO_PARAMETERS
    if isinstance(strict := function.get("strict"), bool):
        said["strict"] = strict
    return said | {key: function[key] for key in KEPT if key in function}
