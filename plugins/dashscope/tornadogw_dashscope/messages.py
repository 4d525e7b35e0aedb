"""The conversation in the vendor's words: text alone for one endpoint, lists of parts for the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tornadogw import Cannot

__all__ = ["conversation", "has_images"]

Message = Mapping[str, Any]
Content = str | list[dict[str, Any]]

KNOWN = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "function_call", "reasoning", "reasoning_content", "refusal"},
    "tool": {"role", "content", "tool_call_id", "name"},
    "function": {"role", "content", "name"},
}
"""Fields that are said in the vendor's words, or repeat what is said elsewhere."""


def has_images(sent: Sequence[Message]) -> bool:
    """Whether a message holds anything but text."""
    lists = [content for message in sent if isinstance(content := message.get("content"), list)]
    return any(part.get("type") == "image_url" for content in lists for part in content)


def conversation(sent: Sequence[Message], dropped: list[str], *, multimodal: bool) -> list[dict[str, Any]]:
    """The messages, one for one. Raises Cannot."""
    if not sent:
        raise Cannot("messages", "this vendor has chat only")
    said: list[dict[str, Any]] = []
    latest: dict[str, str] = {}  # name of a function to the id made for its latest call, in the form before tools
    for index, message in enumerate(sent):
        place = f"messages[{index}]"
        role = "system" if message["role"] == "developer" else message["role"]
        dropped += [f"messages.{key}" for key, value in message.items() if key not in KNOWN[role] and value]
        parts = _parts(message, place, dropped)
        turn: dict[str, Any] = {
            "role": "tool" if role == "function" else role,
            "content": parts if multimodal else _flat(parts, place),
        }
        if role == "assistant":
            turn |= _answer(message, place, index, latest)
        elif role in ("tool", "function"):
            turn |= _result(message, place, latest)
        said.append(turn)
    return said


# --- contents ----------------------------------------------------------------------------------------------------


def _parts(message: Message, place: str, dropped: list[str]) -> list[dict[str, Any]]:
    content = message.get("content") or message.get("refusal") or ""
    if isinstance(content, str):
        return [{"text": content}]
    if not isinstance(content, list):
        raise Cannot(f"{place}.content", "must be text or a list of parts")
    return [_part(part, f"{place}.content[{at}]", dropped) for at, part in enumerate(content)]


def _part(part: Message, place: str, dropped: list[str]) -> dict[str, Any]:
    kind = part["type"]
    if part.get("cache_control"):
        dropped.append("messages.content.cache_control")
    if kind == "text":
        return {"text": part["text"]}
    if kind == "refusal":
        return {"text": str(part.get("refusal", ""))}
    if kind == "image_url":
        return {"image": _image(part["image_url"], f"{place}.image_url", dropped)}
    raise Cannot(f"{place}.{kind}", "this vendor takes text and images")


def _image(image: Any, place: str, dropped: list[str]) -> str:
    """An address that the vendor fetches, or a `data:` URL."""
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or not url.startswith(("https://", "http://", "data:")):
        raise Cannot(place, "must be an http(s) or data: URL")
    if isinstance(image, Mapping) and image.get("detail", "auto") != "auto":
        dropped.append("messages.content.image_url.detail")
    return url


def _flat(parts: list[dict[str, Any]], place: str) -> str:
    """The texts, a line each: all that the text endpoint takes."""
    if any("image" in part for part in parts):
        raise Cannot(f"{place}.content", "this model takes text only")
    return "\n".join(part["text"] for part in parts)


# --- tools -------------------------------------------------------------------------------------------------------


def _answer(message: Message, place: str, index: int, latest: dict[str, str]) -> dict[str, Any]:
    """What an earlier answer had beside its text: thoughts and calls."""
    said: dict[str, Any] = {}
    if thoughts := _first_text(message, "reasoning_content", "reasoning"):
        said["reasoning_content"] = thoughts
    calls = [_call(call, f"{place}.tool_calls[{at}]") for at, call in enumerate(message.get("tool_calls") or ())]
    if legacy := message.get("function_call"):
        function = _function(legacy, f"{place}.function_call")
        identifier = latest[function["name"]] = f"call_{index}"
        calls.append({"id": identifier, "type": "function", "function": function})
    if calls:
        said["tool_calls"] = calls
    return said


def _call(call: Message, place: str) -> dict[str, Any]:
    if call.get("type", "function") != "function":
        raise Cannot(f"{place}.type", "this vendor calls functions only")
    function = _function(call.get("function"), f"{place}.function")
    return {"id": _first_text(call, "id"), "type": "function", "function": function}


def _function(function: Any, place: str) -> dict[str, str]:
    if not isinstance(function, Mapping) or not _first_text(function, "name"):
        raise Cannot(place, "must be an object with a name")
    if not isinstance(arguments := function.get("arguments") or "{}", str):
        raise Cannot(f"{place}.arguments", "must be a JSON object as text")
    return {"name": function["name"], "arguments": arguments}


def _result(message: Message, place: str, latest: Mapping[str, str]) -> dict[str, Any]:
    name = _first_text(message, "name")
    identifier = _first_text(message, "tool_call_id") or latest.get(name, "")
    if not identifier:
        raise Cannot(f"{place}.tool_call_id", "must be the id of an earlier tool call")
    return {"tool_call_id": identifier, **({"name": name} if name else {})}


def _first_text(message: Message, *names: str) -> str:
    return next((value for name in names if isinstance(value := message.get(name), str) and value), "")
