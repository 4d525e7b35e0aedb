"""The events of a stream, or the blocks of a JSON answer, as the gateway's events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
)

from . import failures

__all__ = ["Notes", "parse", "read", "read_whole"]

STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "compaction": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Notes(Memo):
    """What one answer has told so far."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.meta: Meta | None = None
        """Held back until the first block: a block may say that another model answers."""
        self.usage: dict[str, Any] = {}
        self.tools: dict[int, int] = {}
        """A block's index to its place among tool calls, which is counted apart."""
        self.silent: set[int] = set()
        """Tool blocks that have given no arguments yet."""
        self.stopped = False


def parse(data: bytes) -> dict[str, Any]:
    """One JSON object. Raises Unreadable."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("no JSON object")
    return value


def read(said: dict[str, Any], notes: Notes) -> list[Event | Failure]:
    """One event of a stream; ping and kinds that are yet to be invented give nothing."""
    match said.get("type"):
        case "message_start":
            message = _object(said, "message")
            notes.meta = Meta(_text(message, "id"), _text(message, "model"))
            _count(message, notes)
        case "content_block_start":
            return [*_begin(_index(said), _object(said, "content_block"), notes)]
        case "content_block_delta":
            return [*_continue(_index(said), _object(said, "delta"), notes)]
        case "content_block_stop":
            return [*_close(_index(said), notes)]
        case "message_delta":
            return _finish(_object(said, "delta"), said, notes)
        case "message_stop":
            notes.done = True
            return [*_meta(notes)]
        case "error":
            return [failures.from_event(said)]
    return []


def read_whole(said: dict[str, Any], notes: Notes) -> list[Event | Failure]:
    """A JSON answer: its blocks, one after the other, are read as a stream's."""
    if said.get("type") == "error":
        return [failures.from_event(said)]
    blocks = said.get("content")
    if said.get("type", "message") != "message" or not isinstance(blocks, list):
        raise Unreadable("neither a message nor an error")
    notes.meta = Meta(_text(said, "id"), _text(said, "model"))
    events: list[Event | Failure] = []
    for index, block in enumerate(blocks):
        if isinstance(block, dict):
            events += _begin(index, block, notes)
            events += _close(index, notes)
    events += _finish(said, said, notes)
    notes.done = True
    return events


def _begin(index: int, block: Mapping[str, Any], notes: Notes) -> Iterable[Event]:
    """A block begins; in JSON answers it is all there. Blocks of the vendor's own tools are no part of the answer."""
    kind = block.get("type")
    if kind == "fallback" and notes.meta is not None:
        notes.meta = Meta(notes.meta.id, _text(_object(block, "to"), "model") or notes.meta.model)
        return
    yield from _meta(notes)
    if kind == "text" and (text := _text(block, "text")):
        yield Text(text)
    elif kind == "thinking" and (text := _text(block, "thinking")):
        yield Reasoning(text)
    elif kind == "tool_use":
        place = notes.tools.setdefault(index, len(notes.tools))
        given = block.get("input")
        if not given:
            notes.silent.add(index)
        arguments = json.dumps(given, ensure_ascii=False) if given else ""
        yield ToolCall(place, _text(block, "id"), _text(block, "name"), arguments)


def _continue(index: int, delta: Mapping[str, Any], notes: Notes) -> Iterable[Event]:
    """The next piece of a block. Signatures and citations are not for the client."""
    kind = delta.get("type")
    if kind == "text_delta" and (text := _text(delta, "text")):
        yield Text(text)
    elif kind == "thinking_delta" and (text := _text(delta, "thinking")):
        yield Reasoning(text)
    elif kind == "input_json_delta" and index in notes.tools and (text := _text(delta, "partial_json")):
        notes.silent.discard(index)
        yield ToolCall(notes.tools[index], arguments=text)


def _close(index: int, notes: Notes) -> Iterable[Event]:
    """A block ends; a tool that got no arguments got an empty object."""
    if index in notes.silent:
        notes.silent.discard(index)
        yield ToolCall(notes.tools[index], arguments="{}")


def _finish(delta: Mapping[str, Any], said: Mapping[str, Any], notes: Notes) -> list[Event | Failure]:
    """The end of the answer: counts, then the reason.

    Usage is told only now: what `message_start` says of the output is a first guess, and an answer that is cut is
    better measured by what was sent.
    """
    _count(said, notes)
    events: list[Event | Failure] = [*_meta(notes), Spent(_usage(notes.usage))]
    reason = delta.get("stop_reason")
    if reason and not notes.stopped:
        notes.stopped = True
        if details := delta.get("stop_details"):
            events.append(Extra("stop_details", details, place="choice"))
        events.append(Stop(STOPS.get(reason, "stop")))
    return events


def _meta(notes: Notes) -> list[Meta]:
    """What was held back, once."""
    held, notes.meta = notes.meta, None
    return [] if held is None else [held]


def _count(said: Mapping[str, Any], notes: Notes) -> None:
    """Counts are totals so far: later ones overwrite, nulls and absent ones do not."""
    usage = said.get("usage")
    if isinstance(usage, dict):
        notes.usage.update({name: value for name, value in usage.items() if value is not None})


def _usage(counts: Mapping[str, Any]) -> Usage:
    """The vendor's input excludes what came from or went into its cache; the gateway's prompt includes both."""
    fresh, written, cached = (
        _number(counts, name) for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    )
    details = counts.get("output_tokens_details")
    return Usage(
        prompt=fresh + written + cached,
        completion=_number(counts, "output_tokens"),
        cached=cached,
        cache_write=written,
        reasoning=_number(details, "thinking_tokens") if isinstance(details, dict) else 0,
    )


def _number(counts: Mapping[str, Any], name: str) -> int:
    value = counts.get(name, 0)
    return value if type(value) is int else 0


def _index(said: Mapping[str, Any]) -> int:
    return _number(said, "index")


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is no object")
    return value
