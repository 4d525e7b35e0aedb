"""Tools and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tornadogw import Cannot

__all__ = ["PARAMETERS", "schema_tool", "tools"]

PARAMETERS = frozenset({"tools", "functions", "tool_choice", "function_call", "parallel_tool_calls"})
"""What this room writes."""
NO_PARAMETERS = {"type": "object", "properties": {}}


def tools(params: Mapping[str, Any], used: Sequence[str], dropped: list[str]) -> dict[str, Any]:
    """`toolConfig`; empty without tools. `used`: those of the conversation, of which the vendor must be told anyway.

    Raises Cannot.
    """
    given = [_tool(tool, f"tools[{at}]") for at, tool in enumerate(params.get("tools") or ())]
    given += [_function(each, f"functions[{at}]") for at, each in enumerate(params.get("functions") or ())]
    param = "function_call" if "function_call" in params and "tool_choice" not in params else "tool_choice"
    choice, names = _choice(params.get(param, "auto"), param)
    forced = "any" in choice or "tool" in choice
    if not given and forced:
        raise Cannot(param, "there is no tool to choose")
    if names:
        given = [tool for tool in given if tool["toolSpec"]["name"] in names]
    known = [tool["toolSpec"]["name"] for tool in given]
    if (names and not given) or ("tool" in choice and choice["tool"]["name"] not in known):
        raise Cannot(param, "names no tool that was sent")
    if "none" in choice:
        if used and given:
            dropped.append(param)  # the vendor has no such word, and must be told of the tools that were used
        else:
            given = []
    if given and params.get("parallel_tool_calls") is False:
        dropped.append("parallel_tool_calls")
    given += [_spec(name, {}) for name in used if name not in known]
    if not given:
        return {}
    return {"toolConfig": {"tools": given, **({"toolChoice": choice} if forced or params.get(param) == "auto" else {})}}


def schema_tool(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A tool whose input is the answer, for models that cannot be given a schema otherwise."""
    spec = _spec(name, {"description": "Give the answer.", "parameters": schema})
    return {"toolConfig": {"tools": [spec], "toolChoice": {"tool": {"name": name}}}}


def _choice(asked: Any, param: str) -> tuple[dict[str, Any], Sequence[str]]:
    """(the vendor's form, which has no `none`; the names to choose among, none for all)."""
    if asked in ("auto", "none", "required"):
        return {"any" if asked == "required" else asked: {}}, ()
    if isinstance(asked, Mapping):
        if asked.get("type") == "allowed_tools" and isinstance(allowed := asked.get("allowed_tools"), Mapping):
            listed = allowed.get("tools")
            names = [name for each in (listed if isinstance(listed, list) else ()) if (name := _name(each))]
            if allowed.get("mode") in ("auto", "required") and names:
                return {"any" if allowed["mode"] == "required" else "auto": {}}, names
        elif name := _name(asked):
            return {"tool": {"name": name}}, ()
    raise Cannot(param, "must be auto, none, required or the name of a function")


def _name(choice: Any) -> str:
    """The name in `{"type": "function", "function": {"name": ...}}`, or in the older `{"name": ...}`."""
    if not isinstance(choice, Mapping) or choice.get("type", "function") != "function":
        return ""
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else ""


def _tool(tool: Any, place: str) -> dict[str, Any]:
    if not isinstance(tool, Mapping):
        raise Cannot(place, "must be an object")
    if tool.get("type", "function") != "function":
        raise Cannot(f"{place}.type", "tools that the vendor runs itself cost extra and are not offered")
    return _function(tool.get("function"), f"{place}.function")


def _function(function: Any, place: str) -> dict[str, Any]:
    if not isinstance(function, Mapping):
        raise Cannot(place, "must be an object")
    name = function.get("name")
    if not isinstance(name, str):
        raise Cannot(f"{place}.name", "must be a string")
    return _spec(name, function)


def _spec(name: str, function: Mapping[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": name}
    if isinstance(said := function.get("description"), str) and said:
        spec["description"] = said
    spec["inputSchema"] = {"json": function.get("parameters") or NO_PARAMETERS}
    if isinstance(strict := function.get("strict"), bool):
        spec["strict"] = strict
    return {"toolSpec": spec}
