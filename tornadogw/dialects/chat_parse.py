"""A client's body into a `Draft`: mode, types and ranges as contract.md words them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tornadogw.dialects.chat_messages import check_messages, image_count, inline_data_bytes
from tornadogw.errors import InvalidRequest, MissingInput
from tornadogw.jsontext import dumps
from tornadogw.types import Draft

__all__ = ["MAX_CHOICES", "parse"]

MAX_CHOICES = 16
MAX_OUTPUT_TOKENS = 2**31 - 1
_HANDLED = frozenset("model messages prompt stream stream_options max_tokens max_completion_tokens temperature".split())


def parse(body: bytes, *, default_model: str) -> tuple[Draft, bool | None]:
    """Check `body`: what the client asks, and what it says of `stream`. Raises MissingInput or InvalidRequest.

    Duplicate keys: the last one wins. `null` is absent. NaN, lone surrogates and nesting over 1024 are no JSON.
    """
    sent = _json_object(body)
    asked = {key: value for key, value in sent.items() if value is not None}
    messages, prompts = _input(asked)
    n, best_of = _integer(asked, "n", 1, MAX_CHOICES) or 1, _integer(asked, "best_of", 1, MAX_CHOICES) or 1
    choices = max(n, best_of) * max(1, len(prompts))
    if choices > MAX_CHOICES:
        raise _wrong("n", f"最多 {MAX_CHOICES} 个结果", f"at most {MAX_CHOICES} choices in all")
    params = {key: value for key, value in asked.items() if key not in _HANDLED}
    if params:
        _check_params(params)
    explicit = _boolean(asked, "stream")
    images = image_count(messages)
    draft = Draft(
        mode="chat" if messages else "completion",
        model=_string(asked, "model") or default_model,
        messages=messages,
        prompts=prompts,
        params=params,
        stream=explicit or False,
        include_usage=_include_usage(asked),
        max_tokens=_output_limit(asked),
        temperature=_number(asked, "temperature", 0, 2),
        choices=choices,
        needs=_needs(images, params),
        prompt_bytes=_utf8_bytes(body, sent) - inline_data_bytes(messages),
        message_count=len(messages) or len(prompts),
        images=images,
    )
    return draft, explicit


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(zh=f"请求体不是有效的 JSON({error})", en=f"the body is not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise InvalidRequest(zh="请求体应为 JSON 对象", en="the body must be a JSON object")
    return value


def _input(asked: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """(messages, prompts): exactly one of them is filled."""
    if "messages" in asked:
        messages = asked["messages"]
        if not isinstance(messages, list):
            raise _wrong("messages", "应为数组", "must be an array")
        if not messages:
            raise MissingInput(zh="messages 为空", en="messages is empty", param="messages")
        return check_messages(messages), []
    if "prompt" in asked:
        return [], _prompts(asked["prompt"])
    if "input" in asked:
        raise MissingInput(
            zh="此接口不接受 input(Responses 格式),请改用 messages",
            en="this endpoint does not take `input` (the Responses shape); send `messages` instead",
            param="input",
        )
    raise MissingInput


def _prompts(prompt: Any) -> list[Any]:
    if isinstance(prompt, str):
        prompt = [prompt]
    if not isinstance(prompt, list):
        raise _wrong("prompt", "应为字符串或字符串数组", "must be a string or an array of strings")
    if all(item == "" for item in prompt):
        raise MissingInput(zh="prompt 为空", en="prompt is empty", param="prompt")
    if all(isinstance(item, str) for item in prompt):
        return prompt
    if _is_tokens(prompt):
        return [prompt]
    if all(isinstance(item, list) and item and _is_tokens(item) for item in prompt):
        return prompt
    raise _wrong("prompt", "应为字符串或字符串数组", "must be a string or an array of strings")


def _is_tokens(items: list[Any]) -> bool:
    return all(type(item) is int and item >= 0 for item in items)


def _output_limit(asked: Mapping[str, Any]) -> int | None:
    """`max_completion_tokens` is the same as `max_tokens` and wins; both are checked."""
    old, new = (_integer(asked, key, 1, MAX_OUTPUT_TOKENS) for key in ("max_tokens", "max_completion_tokens"))
    return old if new is None else new


def _include_usage(asked: Mapping[str, Any]) -> bool:
    options = asked.get("stream_options", {})
    if not isinstance(options, dict):
        raise _wrong("stream_options", "应为对象", "must be an object")
    value = options.get("include_usage")
    if value is not None and not isinstance(value, bool):
        raise _wrong("stream_options.include_usage", "应为布尔值", "must be a boolean")
    return bool(value)


def _check_params(params: Mapping[str, Any]) -> None:
    """Shapes that the gateway itself relies on; everything else is the vendor's to judge."""
    if not _are_objects(params.get("tools", [])):
        raise _wrong("tools", "应为对象数组", "must be an array of objects")
    if not isinstance(params.get("tool_choice", ""), str | dict):
        raise _wrong("tool_choice", "应为字符串或对象", "must be a string or an object")
    form = params.get("response_format", {"type": "text"})
    if not isinstance(form, dict) or not isinstance(form.get("type"), str):
        raise _wrong("response_format", "应为带 type 的对象", "must be an object with a `type`")
    stop = params.get("stop", "")
    if not isinstance(stop, str) and not (isinstance(stop, list) and all(isinstance(item, str) for item in stop)):
        raise _wrong("stop", "应为字符串或字符串数组", "must be a string or an array of strings")
    for key, low, high in (("top_p", 0, 1), ("presence_penalty", -2, 2), ("frequency_penalty", -2, 2)):
        _number(params, key, low, high)
    if not isinstance(params.get("user", ""), str):
        raise _wrong("user", "应为字符串", "must be a string")


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _needs(images: int, params: Mapping[str, Any]) -> frozenset[str]:
    needs = set()
    if params.get("tools") or params.get("functions"):
        needs.add("tools")
    if images:
        needs.add("images")
    form = params.get("response_format")
    if form and form["type"] == "json_schema":
        needs.add("json_schema")
    return frozenset(needs)


def _utf8_bytes(body: bytes, sent: Mapping[str, Any]) -> int:
    """Size of the body with its escapes undone: an escaped character asks for no more than a plain one."""
    if b"\\u" not in body:
        return len(body)
    try:
        return len(dumps(sent))
    except TypeError:
        return len(body)


def _string(asked: Mapping[str, Any], key: str) -> str | None:
    value = asked.get(key)
    if value is not None and not isinstance(value, str):
        raise _wrong(key, "应为字符串", "must be a string")
    return value


def _boolean(asked: Mapping[str, Any], key: str) -> bool | None:
    value = asked.get(key)
    if value is not None and not isinstance(value, bool):
        raise _wrong(key, "应为布尔值", "must be a boolean")
    return value


def _integer(asked: Mapping[str, Any], key: str, low: int, high: int) -> int | None:
    value = asked.get(key)
    if value is None:
        return None
    if type(value) is not int:
        raise _wrong(key, "应为整数", "must be an integer")
    if not low <= value <= high:
        raise _wrong(key, f"应在 {low} 到 {high} 之间", f"must be between {low} and {high}")
    return value


def _number(asked: Mapping[str, Any], key: str, low: float, high: float) -> float | None:
    value = asked.get(key)
    if value is None:
        return None
    if type(value) not in (int, float):
        raise _wrong(key, "应为数字", "must be a number")
    if not low <= value <= high:
        raise _wrong(key, f"应在 {low} 到 {high} 之间", f"must be between {low} and {high}")
    return float(value) if type(value) is float else value


def _wrong(param: str, zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(zh=f"{param} {zh}", en=f"{param} {en}", param=param)
