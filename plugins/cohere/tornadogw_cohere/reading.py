"""The events of a stream, or the parts of a JSON answer, as the gateway's events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from tornadogw import (
    Call,
    Event,
    Extra,
    Failure,
    Frame,
    Memo,
    Meta,
    Reasoning,
    Spent,
    Stop,
    Text,
    ToolCall,
    Unreadable,
    Usage,
    json_object,
    list_of,
    object_of,
    text_of,
)

from . import failures

__all__ = ["Notes", "end", "read", "read_whole"]

DONE = b"[DONE]"

STOPS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
FAILED = frozenset({"ERROR", "TIMEOUT", "USER_CANCEL"})
"""Reasons of answers that are none."""


class Notes(Memo):
    """What one answer has told so far."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.id = ""
        self.tools: dict[int, int] = {}
        """The vendor's index of a tool call to its place among them."""
        self.silent: set[int] = set()
        """Tool calls that have given no arguments yet."""
        self.stopped = False


def read(frame: Frame, notes: Notes) -> Sequence[Event | Failure]:
    """One event of a stream; kinds that are yet to be invented give nothing."""
    if frame.data.strip() == DONE:
        notes.done = True
        return ()
    said = json_object(frame.data)
    kind = text_of(said, "type")
    message = object_of(object_of(said, "delta"), "message")
    if kind.startswith("tool-call-"):
        return _tool(kind, said, object_of(message, "tool_calls"), notes)
    match kind:
        case "message-start":
            return _begin(said, notes)
        case "content-start" | "content-delta":
            return [*_content(object_of(message, "content")), *_logprobs([said.get("logprobs")])]
        case "tool-plan-delta":
            return _thoughts(text_of(message, "tool_plan"))
        case "citation-start":
            return _citations([message.get("citations")])
        case "message-end":
            return _finish(object_of(said, "delta"), notes)
    return [failures.from_event(said)] if frame.event == "error" or failures.is_error(said) else ()


def end(notes: Notes) -> Sequence[Event | Failure]:
    """The body has ended: whole with a reason to stop or the terminator, else cut."""
    if notes.done or notes.stopped:
        return ()
    return (Failure("elsewhere", code="truncated", message="the stream ended before its finish reason"),)


def read_whole(body: bytes, notes: Notes) -> Sequence[Event | Failure]:
    """A JSON answer."""
    said = json_object(body)
    message = said.get("message")
    if not isinstance(message, Mapping):
        if failures.is_error(said):
            return [failures.from_event(said)]
        raise Unreadable("neither a message nor an error")
    events: list[Event | Failure] = [*_begin(said, notes), *_thoughts(text_of(message, "tool_plan"))]
    for block in list_of(message, "content"):
        if isinstance(block, Mapping):
            events += _content(block)
    if text := text_of(message, "content"):
        events.append(Text(text))
    for index, call in enumerate(list_of(message, "tool_calls")):
        if isinstance(call, Mapping):
            events += [_call(index, call, notes), *_close(index, notes)]
    events += [*_citations(list_of(message, "citations")), *_logprobs(list_of(said, "logprobs"))]
    events += _finish(said, notes)
    notes.done = True
    return events


# --- parts -------------------------------------------------------------------------------------------------------


def _begin(said: Mapping[str, Any], notes: Notes) -> list[Event]:
    notes.id = text_of(said, "id")
    return [Meta(notes.id)]


def _content(block: Mapping[str, Any]) -> list[Event]:
    """A block or a piece of one; pieces do not repeat their kind."""
    events = _thoughts(text_of(block, "thinking"))
    if text := text_of(block, "text"):
        events.append(Text(text))
    return events


def _thoughts(text: str) -> list[Event]:
    return [Reasoning(text)] if text else []


def _tool(kind: str, said: Mapping[str, Any], call: Mapping[str, Any], notes: Notes) -> Sequence[ToolCall]:
    value = said.get("index")
    index = value if type(value) is int else 0
    if kind == "tool-call-start":
        return [_call(index, call, notes)]
    return _arguments(index, call, notes) if kind == "tool-call-delta" else _close(index, notes)


def _call(index: int, call: Mapping[str, Any], notes: Notes) -> ToolCall:
    """A tool call begins; in JSON answers it is all there."""
    place = notes.tools.setdefault(index, len(notes.tools))
    function = object_of(call, "function")
    arguments = _written(function.get("arguments"))
    if not arguments:
        notes.silent.add(index)
    return ToolCall(place, text_of(call, "id") or _made_id(notes.id, place), text_of(function, "name"), arguments)


def _arguments(index: int, call: Mapping[str, Any], notes: Notes) -> list[ToolCall]:
    arguments = _written(object_of(call, "function").get("arguments"))
    if not arguments or index not in notes.tools:
        return []
    notes.silent.discard(index)
    return [ToolCall(notes.tools[index], arguments=arguments)]


def _close(index: int, notes: Notes) -> list[ToolCall]:
    """A tool call ends; one that got no arguments got an empty object."""
    if index not in notes.silent:
        return []
    notes.silent.discard(index)
    return [ToolCall(notes.tools[index], arguments="{}")]


def _citations(said: Iterable[Any]) -> list[Event]:
    citations = [citation for citation in said if isinstance(citation, Mapping)]
    return [Extra("citations", citations)] if citations else []


def _logprobs(said: Iterable[Any]) -> list[Event]:
    """The vendor tells them for pieces of text, which may be several tokens: their sum is the piece's."""
    tokens = [_logprob(piece) for piece in said if isinstance(piece, Mapping)]
    return [Extra("logprobs", {"content": tokens, "refusal": None}, place="choice")] if tokens else []


def _logprob(piece: Mapping[str, Any]) -> dict[str, Any]:
    text = text_of(piece, "text")
    numbers = [float(each) for each in list_of(piece, "logprobs") if type(each) in (int, float)]
    return {"token": text, "logprob": sum(numbers), "bytes": list(text.encode()), "top_logprobs": []}


def _finish(said: Mapping[str, Any], notes: Notes) -> list[Event | Failure]:
    """The end of the answer: what was held back, counts, then the reason."""
    events: list[Event | Failure] = []
    for index in sorted(notes.silent):
        events += _close(index, notes)
    if usage := object_of(said, "usage"):
        events.append(Spent(_usage(usage)))
    reason = text_of(said, "finish_reason").upper()
    if notes.stopped:
        return events
    if reason in FAILED or text_of(said, "error"):
        events.append(failures.from_reason(reason, text_of(said, "error")))
    elif reason:
        notes.stopped = True
        events.append(Stop(_stop(reason, notes)))
    return events


def _stop(reason: str, notes: Notes) -> str:
    """Clients look for calls only where the reason says so, and nowhere else."""
    means = STOPS.get(reason, "stop")
    if means in ("stop", "tool_calls"):
        return "tool_calls" if notes.tools else "stop"
    return means


def _usage(said: Mapping[str, Any]) -> Usage:
    """`tokens` is what the model read and wrote; `billed_units` leaves out the vendor's own instructions."""
    tokens = object_of(said, "tokens") or object_of(said, "billed_units")
    return Usage(
        prompt=_count(tokens, "input_tokens"),
        completion=_count(tokens, "output_tokens"),
        cached=_count(said, "cached_tokens"),
        reasoning=_count(tokens, "reasoning_tokens"),
    )


def _count(said: Mapping[str, Any], name: str) -> int:
    """The vendor's counts are numbers, not integers, by its own schema."""
    value = said.get(name)
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else 0


def _written(arguments: Any) -> str:
    """Arguments as text; an object is written out."""
    if isinstance(arguments, str) or not arguments:
        return arguments or ""
    return json.dumps(arguments, ensure_ascii=False)


def _made_id(answer: str, place: int) -> str:
    """An id for a call that has none: the same answer, the same ids."""
    return f"call_{blake2b(f'{answer}/{place}'.encode(), digest_size=12).hexdigest()}"
