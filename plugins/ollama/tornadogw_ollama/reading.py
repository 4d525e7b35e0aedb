"""The lines of a stream, or the one document of a JSON answer, as the gateway's events. Both have the same form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from tornadogw import (
    Call,
    Event,
    Extra,
    Failure,
    Memo,
    Meta,
    Reasoning,
    Spent,
    Stop,
    Text,
    ToolCall,
    Unreadable,
    Usage,
    count_of,
    json_object,
    list_of,
    object_of,
    text_of,
)

from . import failures

__all__ = ["Notes", "end", "read", "read_whole"]

BYTES_PER_TOKEN = 4

IDLE = frozenset({"load", "unload"})
"""Reasons of answers that only moved a model into memory or out of it."""


class Notes(Memo):
    """What one answer has told so far."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.begun = False
        self.calls = 0
        """Tool calls so far."""
        self.spoke = False
        """There was text, thinking or a call."""


def read(data: bytes, notes: Notes) -> Sequence[Event | Failure]:
    """One line."""
    return _read(json_object(data), notes)


def read_whole(body: bytes, notes: Notes) -> Sequence[Event | Failure]:
    """A JSON answer, or the lines of a stream where none was asked for."""
    events: list[Event | Failure] = []
    for said in _documents(body):
        events += _read(said, notes)
    return [*events, *end(notes)] if not any(isinstance(event, Failure) for event in events) else events


def end(notes: Notes) -> Sequence[Event | Failure]:
    """The body has ended: whole if a line said that it is done, else cut."""
    if notes.done:
        return ()
    return (Failure("elsewhere", code="truncated", message="the stream ended before its last line"),)


def _documents(body: bytes) -> list[dict[str, Any]]:
    """The objects of a body; a last line that is cut is left out."""
    try:
        return [json_object(body)]
    except Unreadable:
        *lines, last = [line for line in body.split(b"\n") if line.strip()] or [b""]
        if not lines:
            raise
        said = [json_object(line) for line in lines]
    try:
        return [*said, json_object(last)]
    except Unreadable:
        return said


def _read(said: Mapping[str, Any], notes: Notes) -> list[Event | Failure]:
    if "error" in said:
        return [failures.from_line(said)]
    if "message" not in said and "done" not in said:
        raise Unreadable("neither an answer nor an error")
    events: list[Event | Failure] = []
    if not notes.begun:
        notes.begun = True
        events.append(Meta(model=text_of(said, "model"), created=_seconds(text_of(said, "created_at"))))
    events += _message(object_of(said, "message"), notes)
    if tokens := [_token(each) for each in list_of(said, "logprobs") if isinstance(each, Mapping)]:
        events.append(Extra("logprobs", {"content": tokens, "refusal": None}, place="choice"))
    if said.get("done") is True and not notes.done:
        notes.done = True
        events += _finish(said, notes)
    return events


def _message(message: Mapping[str, Any], notes: Notes) -> list[Event]:
    events: list[Event] = []
    # What stands in for the engine may use the chat dialect's name of it.
    if thinking := text_of(message, "thinking") or text_of(message, "reasoning_content"):
        events.append(Reasoning(thinking))
    if text := text_of(message, "content"):
        events.append(Text(text))
    events += [_call(each, notes) for each in list_of(message, "tool_calls") if isinstance(each, Mapping)]
    notes.spoke = notes.spoke or bool(events)
    return events


def _call(call: Mapping[str, Any], notes: Notes) -> ToolCall:
    """A tool call comes whole, its arguments an object; older engines give no id."""
    function, place = object_of(call, "function"), notes.calls
    notes.calls += 1
    identifier = text_of(call, "id") or _made_id(notes.call.id, place)
    return ToolCall(place, identifier, text_of(function, "name"), _written(function.get("arguments")))


def _written(arguments: Any) -> str:
    if isinstance(arguments, str) and arguments.strip():
        return arguments
    return json.dumps(arguments or {}, ensure_ascii=False)


def _made_id(request: str, place: int) -> str:
    """An id for a call that has none: answers have no id either, so the request's stands for it."""
    return f"call_{blake2b(f'{request}/{place}'.encode(), digest_size=12).hexdigest()}"


def _token(said: Mapping[str, Any], *, alternatives: bool = True) -> dict[str, Any]:
    """A token as clients of the chat dialect read it."""
    text, number = text_of(said, "token"), said.get("logprob")
    token: dict[str, Any] = {
        "token": text,
        "logprob": number if type(number) in (int, float) else 0.0,
        "bytes": list(text.encode()),
    }
    if alternatives:
        others = list_of(said, "top_logprobs")
        token["top_logprobs"] = [_token(each, alternatives=False) for each in others if isinstance(each, Mapping)]
    return token


def _finish(said: Mapping[str, Any], notes: Notes) -> list[Event | Failure]:
    """The last line: counts, then the reason. Tool calls end with `stop` here."""
    reason = text_of(said, "done_reason")
    if reason in IDLE and not notes.spoke:
        return [Failure("elsewhere", code="not_generated", message=f"the engine answered nothing: {reason}")]
    events: list[Event | Failure] = []
    if "eval_count" in said or "prompt_eval_count" in said:
        events.append(Spent(Usage(prompt=_prompt(said, notes), completion=count_of(said, "eval_count"))))
    if reason == "length":
        return [*events, Stop("length")]
    return [*events, Stop("tool_calls" if notes.calls else "stop")]


def _prompt(said: Mapping[str, Any], notes: Notes) -> int:
    """Engines leave the count out when the whole prompt was in their cache: then it is estimated."""
    if "prompt_eval_count" in said:
        return count_of(said, "prompt_eval_count")
    return notes.call.draft.prompt_bytes // BYTES_PER_TOKEN


def _seconds(created: str) -> int:
    """Unix seconds of an RFC 3339 time with up to nine decimals; 0: none."""
    try:
        moment = datetime.fromisoformat(created)
        return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        return 0
