"""The conversation in the engine's words: flat text, bare images, arguments as objects, results by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tornadogw import Cannot

__all__ = ["conversation"]

Message = Mapping[str, Any]

KNOWN = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "function_call", "reasoning", "reasoning_content", "refusal"},
    "tool": {"role", "content", "tool_call_id", "name"},
    "function": {"role", "content", "name"},
}
"""Fields that are said in the engine's words, or repeat what is said elsewhere."""

INLINE = re.compile(r"data:[^,]{0,200};base64,")


def conversation(sent: Sequence[Message], dropped: list[str]) -> list[dict[str, Any]]:
    """The messages, one for one. Raises Cannot."""
    if not sent:
        raise Cannot("messages", "this vendor has chat only")
    said: list[dict[str, Any]] = []
    names: dict[str, str] = {}  # id of a tool call to the name of its tool: results are matched by name here
    for index, message in enumerate(sent):
        place = f"messages[{index}]"
        role = "system" if message["role"] == "developer" else message["role"]
        dropped += [f"messages.{key}" for key, value in message.items() if key not in KNOWN[role] and value]
        text, images = _content(message, place)
        turn: dict[str, Any] = {"role": "tool" if role == "function" else role, "content": text}
        if images:
            turn["images"] = images
        if role == "assistant":
            turn |= _answer(message, place, names)
        elif role in ("tool", "function"):
            turn |= _result(message, place, names)
        said.append(turn)
    return said


# --- contents ----------------------------------------------------------------------------------------------------


def _content(message: Message, place: str) -> tuple[str, list[str]]:
    """(the texts, a line each; the images as bare base64)."""
    content = message.get("content") or message.get("refusal") or ""
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        raise Cannot(f"{place}.content", "must be text or a list of parts")
    texts: list[str] = []
    images: list[str] = []
    for index, part in enumerate(content):
        kind = part["type"]
        if kind == "text":
            texts.append(part["text"])
        elif kind == "refusal":
            texts.append(str(part.get("refusal", "")))
        elif kind == "image_url":
            images.append(_image(part["image_url"], f"{place}.content[{index}].image_url"))
        else:
            raise Cannot(f"{place}.content[{index}].{kind}", "this vendor takes text and images")
    return "\n".join(texts), images


def _image(image: Any, place: str) -> str:
    """The engine fetches nothing: only what is inline has a place."""
    url = image.get("url") if isinstance(image, Mapping) else image
    found = INLINE.match(url) if isinstance(url, str) else None
    if found is None:
        raise Cannot(place, "this vendor takes images as data: URLs in base64 only")
    return found.string[found.end() :]


# --- tools -------------------------------------------------------------------------------------------------------


def _answer(message: Message, place: str, names: dict[str, str]) -> dict[str, Any]:
    """What an earlier answer had beside its text: thoughts and calls."""
    said: dict[str, Any] = {}
    if thoughts := _first_text(message, "reasoning_content", "reasoning"):
        said["thinking"] = thoughts
    calls = [_call(call, f"{place}.tool_calls[{at}]", names) for at, call in enumerate(message.get("tool_calls") or ())]
    if function := message.get("function_call"):
        calls.append({"function": _function(function, f"{place}.function_call")})
    if calls:
        said["tool_calls"] = calls
    return said


def _call(call: Message, place: str, names: dict[str, str]) -> dict[str, Any]:
    if call.get("type", "function") != "function":
        raise Cannot(f"{place}.type", "this vendor calls functions only")
    function = _function(call.get("function"), f"{place}.function")
    identifier = call.get("id")
    if not isinstance(identifier, str) or not identifier:
        return {"function": function}
    names[identifier] = function["name"]
    return {"id": identifier, "function": function}


def _function(function: Any, place: str) -> dict[str, Any]:
    """Name and arguments; the engine wants an object where clients have its text."""
    if not isinstance(function, Mapping) or not _first_text(function, "name"):
        raise Cannot(place, "must be an object with a name")
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (TypeError, ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise Cannot(f"{place}.arguments", "must be a JSON object, which is what this vendor takes")
    return {"name": function["name"], "arguments": arguments}


def _result(message: Message, place: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Whose result this is: the tool's name, and the call's id for engines that know ids."""
    identifier = _first_text(message, "tool_call_id")
    name = names.get(identifier) or _first_text(message, "name")
    if not name:
        raise Cannot(f"{place}.tool_call_id", "must be the id of an earlier tool call")
    return {"tool_name": name, **({"tool_call_id": identifier} if identifier else {})}


def _first_text(message: Message, *names: str) -> str:
    return next((value for name in names if isinstance(value := message.get(name), str) and value), "")
