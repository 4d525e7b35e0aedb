"""Tools and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tornadogw import Cannot

__all__ = ["PARAMETERS", "tools"]

PARAMETERS = frozenset({"tools", "tool_choice", "functions", "function_call", "strict_tools", "parallel_tool_calls"})
"""What this room writes."""

NO_PARAMETERS = {"type": "object", "properties": {}}
"""The vendor wants a schema even for a tool without arguments."""


def tools(params: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    """What the request says of tools; empty without any.

    The vendor can be told to use a tool or none, not which: a tool that is named is sent alone. Raises Cannot.
    """
    given = [_tool(tool, f"tools[{at}]") for at, tool in enumerate(params.get("tools") or ())]
    given += [_function(each, f"functions[{at}]") for at, each in enumerate(params.get("functions") or ())]
    param = "function_call" if "function_call" in params and "tool_choice" not in params else "tool_choice"
    choice, names = _choice(params.get(param, "auto"), param)
    if not given:
        if choice == "required":
            raise Cannot(param, "there is no tool to choose")
        return {}
    if names:
        given = [tool for tool in given if tool["function"]["name"] in names]
        if not given:
            raise Cannot(param, "names no tool that was sent")
    said: dict[str, Any] = {"tools": given}
    if choice != "auto":
        said["tool_choice"] = choice.upper()
    if params.get("parallel_tool_calls") is False:
        dropped.append("parallel_tool_calls")
    strict = [each["function"].pop("strict") is True for each in given]
    if "strict_tools" in params:
        said["strict_tools"] = params["strict_tools"]
    elif all(strict):
        said["strict_tools"] = True
    elif any(strict):
        dropped.append("tools.strict")
    return said


def _choice(asked: Any, param: str) -> tuple[str, frozenset[Any]]:
    """(auto, none or required; the names to choose among, empty for all)."""
    if asked in ("auto", "none", "required"):
        return asked, frozenset()
    if isinstance(asked, Mapping):
        if asked.get("type") == "allowed_tools" and isinstance(allowed := asked.get("allowed_tools"), Mapping):
            listed = allowed.get("tools")
            names = frozenset(_name(each) for each in (listed if isinstance(listed, list) else ()))
            if allowed.get("mode") in ("auto", "required") and names and "" not in names:
                return allowed["mode"], names
        elif name := _name(asked):
            return "required", frozenset({name})
    raise Cannot(param, "must be auto, none, required or the name of a function")


def _name(choice: Any) -> str:
    """The name in `{"type": "function", "function": {"name": ...}}`, or in the older `{"name": ...}`."""
    if not isinstance(choice, Mapping) or choice.get("type", "function") != "function":
        return ""
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else ""


def _tool(tool: Mapping[str, Any], place: str) -> dict[str, Any]:
    if tool.get("type", "function") != "function":
        raise Cannot(f"{place}.type", "this vendor takes functions only")
    return _function(tool.get("function"), f"{place}.function")


def _function(function: Any, place: str) -> dict[str, Any]:
    if not isinstance(function, Mapping):
        raise Cannot(place, "must be an object")
    said = {key: function[key] for key in ("name", "description") if function.get(key) is not None}
    said["parameters"] = function.get("parameters") or NO_PARAMETERS
    said["strict"] = function.get("strict")  # taken out again by the caller
    if not isinstance(said.get("name"), str):
        raise Cannot(f"{place}.name", "must be a string")
    return {"type": "function", "function": said}
