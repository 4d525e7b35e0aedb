"""The echo's answer in bytes of the chat dialect: SSE, JSON, or whatever fault the directions ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import orjson

from tornadogw.types import Call, UpstreamRequest, Usage
from tornadogw.vendors.echo_plan import MOST_TOKENS, Choice, Directions, Plan

__all__ = ["answer"]

_HTML = b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>\n"
_BROKEN = b'data: {"id": "broken\n\n'
_SLOWEST = 60_000
"""Milliseconds between two events."""
_LOWEST_ERROR = 400
_ABSURD = {"prompt_tokens": 10**12, "completion_tokens": -5, "total_tokens": 10**12}
_ERROR_TYPES = {
    400: ("invalid_request_error", "invalid_request"),
    401: ("authentication_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_balance"),
    403: ("permission_error", "permission_denied"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}


def answer(call: Call, plan: Plan, now: float) -> UpstreamRequest:
    """The request whose answer is already inside it. `now` is Unix seconds."""
    asked = plan.directions
    if "error" in asked:
        return _error(asked)
    if "html" in asked:
        return _sent(asked, _HTML, "text/html")
    if "empty" in asked:
        return _sent(asked, b"", "text/event-stream" if call.stream else "application/json")
    writer = _Writer(call, plan, int(now))
    if call.stream:
        return _sent(asked, b"".join(_events(asked, writer)), "text/event-stream")
    body = orjson.dumps(writer.whole())
    if "broken" in asked or "cut" in asked:
        body = body[: len(body) // 2]
    return _sent(asked, body, "application/json")


def _events(asked: Directions, writer: _Writer) -> list[bytes]:
    """The stream, event by event, up to where the directions spoil it."""
    events = [b"data: %b\n\n" % orjson.dumps(event) for event in writer.events()]
    half = len(events) // 2
    if "broken" in asked:
        events.insert(half, _BROKEN)
    if "fail" in asked:
        at = asked.number("fail", half, len(events))
        return [*events[:at], b"data: %b\n\n" % orjson.dumps(_error_body(500))]
    if "cut" in asked:
        return events[: asked.number("cut", half, len(events))]
    return [*events, b"data: [DONE]\n\n"]


def _error(asked: Directions) -> UpstreamRequest:
    status = asked.number("error", 500, 599)
    status = status if status >= _LOWEST_ERROR else 500
    body = _error_body(status)
    if code := asked.named("error", "code"):
        body["error"]["code"] = code
    wait = asked.named("error", "retry-after")
    return _sent(asked, orjson.dumps(body), "application/json", status, {"Retry-After": wait} if wait else {})


def _sent(
    asked: Directions, body: bytes, kind: str, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})
) -> UpstreamRequest:
    query = {"status": status, "delay_ms": asked.number("slow", 0, _SLOWEST)}
    for fault in ("refuse", "cut"):
        if fault in asked:
            query[fault] = 1
    if "stall" in asked:
        query["stall"] = asked.number("stall", 0, MOST_TOKENS) if kind == "text/event-stream" else 0
    return UpstreamRequest(
        method="LOOP", url=f"loop://echo?{urlencode(query)}", headers={"Content-Type": kind, **headers}, body=body
    )


def _error_body(status: int) -> dict[str, Any]:
    kind, code = _ERROR_TYPES.get(status, ("server_error", "server_error"))
    return {
        "error": {"message": f"The echo was asked to fail with {status}.", "type": kind, "param": None, "code": code}
    }


class _Writer:
    """One answer as JSON values: events of a stream, or the whole."""

    def __init__(self, call: Call, plan: Plan, created: int) -> None:
        self._plan = plan
        self._chat = call.draft.mode == "chat"
        self._id = f"{'chatcmpl' if self._chat else 'cmpl'}-{call.id}"
        self._head = {"created": created, "model": call.model}
        self._usage = _usage(plan)

    def whole(self) -> dict[str, Any]:
        body: dict[str, Any] = {"id": self._id, "object": "chat.completion" if self._chat else "text_completion"}
        body |= self._head
        body["choices"] = [self._whole_choice(index, choice) for index, choice in enumerate(self._plan.choices)]
        return body if self._usage is None else body | {"usage": self._usage}

    def events(self) -> Iterator[dict[str, Any]]:
        """The choices take turns, as those of a real upstream do; usage comes last, in a chunk of its own."""
        lines = [self._parts(index, choice) for index, choice in enumerate(self._plan.choices)]
        while lines:
            for line in list(lines):
                part = next(line, None)
                if part is None:
                    lines.remove(line)
                else:
                    yield self._event([part])
        if self._usage is not None:
            yield self._event([]) | {"usage": self._usage}

    def _event(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        return {"id": self._id, "object": kind, **self._head, "choices": choices}

    def _parts(self, index: int, choice: Choice) -> Iterator[dict[str, Any]]:
        if not self._chat:
            for piece in choice.text:
                yield {"text": piece, "index": index, "logprobs": None, "finish_reason": None}
            yield {"text": "", "index": index, "logprobs": None, "finish_reason": choice.finish}
            return
        for delta in self._deltas(index, choice):
            yield {"index": index, "delta": delta, "finish_reason": None}
        yield {"index": index, "delta": {}, "finish_reason": choice.finish}

    def _deltas(self, index: int, choice: Choice) -> Iterator[dict[str, Any]]:
        yield {"role": "assistant", "content": ""}
        for piece in choice.reasoning:
            yield {"reasoning_content": piece}
        for piece in choice.text:
            yield {"content": piece}
        for place, tool in enumerate(choice.tools):
            start = {"name": tool.name, "arguments": ""}
            yield {
                "tool_calls": [
                    {"index": place, "id": self._tool_id(index, place), "type": "function", "function": start}
                ]
            }
            for piece in tool.arguments:
                yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}

    def _whole_choice(self, index: int, choice: Choice) -> dict[str, Any]:
        text = "".join(choice.text)
        if not self._chat:
            return {"text": text, "index": index, "logprobs": None, "finish_reason": choice.finish}
        message: dict[str, Any] = {"role": "assistant", "content": None if choice.tools else text}
        if choice.reasoning:
            message["reasoning_content"] = "".join(choice.reasoning)
        if choice.tools:
            message["tool_calls"] = [
                {
                    "id": self._tool_id(index, place),
                    "type": "function",
                    "function": {"name": tool.name, "arguments": "".join(tool.arguments)},
                }
                for place, tool in enumerate(choice.tools)
            ]
        return {"index": index, "message": message, "finish_reason": choice.finish}

    def _tool_id(self, index: int, place: int) -> str:
        return f"call_{self._id}_{index}_{place}"


def _usage(plan: Plan) -> dict[str, Any] | None:
    """Usage as the upstream reports it; None where the directions forbid it."""
    wanted = plan.directions.words.get("usage", ())
    if "none" in wanted:
        return None
    if "absurd" in wanted:
        return dict(_ABSURD)
    return _counts(plan.usage)


def _counts(usage: Usage) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
    }
    if usage.reasoning:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return counts
