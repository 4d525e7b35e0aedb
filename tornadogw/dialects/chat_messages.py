"""The shape of chat messages: roles, content parts, tool calls; only what the gateway or a vendor relies on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tornadogw.errors import InvalidRequest

__all__ = ["ROLES", "check_messages", "image_count", "inline_data_bytes"]

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def check_messages(messages: list[Any]) -> list[Any]:
    """The same messages without nulls; raises InvalidRequest that names the first wrong one."""
    return [_check_message(message, f"messages[{index}]") for index, message in enumerate(messages)]


def image_count(messages: Sequence[Any]) -> int:
    return sum(part.get("type") == "image_url" for part in _parts(messages))


def inline_data_bytes(messages: Sequence[Any]) -> int:
    """Bytes of `data:` URLs: they are paid for as images, not as text."""
    return sum(len(url) for part in _parts(messages) if (url := _image_url(part)).startswith("data:"))


def _check_message(message: Any, where: str) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise _wrong(where, "应为对象", "must be an object")
    role = message.get("role")
    if role not in ROLES if isinstance(role, str) else True:
        known = ", ".join(sorted(ROLES))
        raise _wrong(f"{where}.role", f"应为以下之一: {known}", f"must be one of {known}")
    content = message.get("content")
    if isinstance(content, list):
        _check_parts(content, f"{where}.content")
    elif content is not None and not isinstance(content, str):
        raise _wrong(f"{where}.content", "应为字符串或数组", "must be a string or an array of parts")
    if message.get("tool_calls") is not None:
        _check_tool_calls(message["tool_calls"], f"{where}.tool_calls")
    if not isinstance(message.get("tool_call_id") or "", str):
        raise _wrong(f"{where}.tool_call_id", "应为字符串", "must be a string")
    if None in message.values():
        return {key: value for key, value in message.items() if value is not None or key == "content"}
    return message


def _check_parts(parts: list[Any], where: str) -> None:
    for index, part in enumerate(parts):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise _wrong(f"{where}[{index}]", "应为带 type 的对象", "must be an object with a `type`")
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise _wrong(f"{where}[{index}].text", "应为字符串", "must be a string")
        if part["type"] == "image_url" and not _image_url(part):
            raise _wrong(f"{where}[{index}].image_url", "应含有 url", "must have a `url`")


def _check_tool_calls(calls: Any, where: str) -> None:
    if not isinstance(calls, list):
        raise _wrong(where, "应为数组", "must be an array")
    for index, call in enumerate(calls):
        function = call.get("function", {}) if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise _wrong(f"{where}[{index}]", "应为对象", "must be an object")
        if not all(isinstance(function.get(key, ""), str) for key in ("name", "arguments")):
            raise _wrong(
                f"{where}[{index}].function", "name 与 arguments 应为字符串", "needs strings as name and arguments"
            )


def _parts(messages: Sequence[Any]) -> list[dict[str, Any]]:
    return [part for message in messages if isinstance(content := message.get("content"), list) for part in content]


def _image_url(part: dict[str, Any]) -> str:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    return url if isinstance(url, str) else ""


def _wrong(param: str, zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(zh=f"{param} {zh}", en=f"{param} {en}", param=param)
