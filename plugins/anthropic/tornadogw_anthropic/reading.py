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
    count_of,
    object_of,
    text_of,
)

from . import failures
from .writing import answer_tool

__all__ = ["Notes", "read", "read_whole"]

LONGEST_THOUGHT = 4 * 1024 * 1024
"""Characters of a thought that are kept to be given back with its signature; a longer one is told, but not signed."""

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


class Thought:
    """A thinking block on its way: its signature holds for the whole of it."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = 0
        self.signature: list[str] = []

    def add(self, text: str) -> None:
        self.size += len(text)
        if self.size <= LONGEST_THOUGHT:
            self.pieces.append(text)

    def sign(self, text: str) -> None:
        """A piece of the signature, which counts like the thought's own."""
        self.size += len(text)
        if self.size <= LONGEST_THOUGHT:
            self.signature.append(text)

    def signed(self) -> list[Event]:
        """The whole block, as it must come back in a tool loop."""
        signature = "".join(self.signature)
        if not signature or self.size > LONGEST_THOUGHT:
            return []
        block = {"type": "thinking", "thinking": "".join(self.pieces), "signature": signature}
        return [Extra("thinking_blocks", [block])]


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
        self.thoughts: dict[int, Thought] = {}
        self.answer_tool = answer_tool(call)
        self.answers: set[int] = set()
        """Blocks of the tool that stands for a form of the answer: their input is its text."""
        self.stopped = False


def read(said: dict[str, Any], notes: Notes) -> list[Event | Failure]:
    """One event of a stream; ping and kinds that are yet to be invented give nothing."""
    match said.get("type"):
        case "message_start":
            message = _object(said, "message")
            notes.meta = Meta(text_of(message, "id"), text_of(message, "model"))
            _count(message, notes)
        case "content_block_start":
            return [*_begin(count_of(said, "index"), _object(said, "content_block"), notes)]
        case "content_block_delta":
            return [*_continue(count_of(said, "index"), _object(said, "delta"), notes)]
        case "content_block_stop":
            return [*_close(count_of(said, "index"), notes)]
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
    notes.meta = Meta(text_of(said, "id"), text_of(said, "model"))
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
        notes.meta = Meta(notes.meta.id, text_of(object_of(block, "to"), "model") or notes.meta.model)
        return
    yield from _meta(notes)
    if kind == "text" and (text := text_of(block, "text")):
        yield Text(text)
    elif kind == "thinking":
        notes.thoughts[index] = Thought()
        yield from _think(index, text_of(block, "thinking"), notes)
        notes.thoughts[index].sign(text_of(block, "signature"))
    elif kind == "redacted_thinking" and (data := text_of(block, "data")):
        yield Extra("thinking_blocks", [{"type": "redacted_thinking", "data": data}])
    elif kind == "tool_use":
        yield from _use(index, block, notes)


def _use(index: int, block: Mapping[str, Any], notes: Notes) -> Iterable[Event]:
    """A call begins, or the answer in the form of one."""
    given = block.get("input")
    arguments = json.dumps(given, ensure_ascii=False) if given else ""
    if not arguments:
        notes.silent.add(index)
    if notes.answer_tool and text_of(block, "name") == notes.answer_tool:
        notes.answers.add(index)
        if arguments:
            yield Text(arguments)
    else:
        place = notes.tools.setdefault(index, len(notes.tools))
        yield ToolCall(place, text_of(block, "id"), text_of(block, "name"), arguments)


def _think(index: int, text: str, notes: Notes) -> Iterable[Event]:
    if index in notes.thoughts:
        notes.thoughts[index].add(text)
    if text:
        yield Reasoning(text)


def _continue(index: int, delta: Mapping[str, Any], notes: Notes) -> Iterable[Event]:
    """The next piece of a block. Citations are not for the client."""
    kind = delta.get("type")
    if kind == "text_delta" and (text := text_of(delta, "text")):
        yield Text(text)
    elif kind == "thinking_delta":
        yield from _think(index, text_of(delta, "thinking"), notes)
    elif kind == "signature_delta" and index in notes.thoughts:
        notes.thoughts[index].sign(text_of(delta, "signature"))
    elif kind == "input_json_delta" and (text := text_of(delta, "partial_json")):
        yield from _argue(index, text, notes)


def _argue(index: int, text: str, notes: Notes) -> Iterable[Event]:
    """A piece of a tool's input."""
    notes.silent.discard(index)
    if index in notes.answers:
        yield Text(text)
    elif index in notes.tools:
        yield ToolCall(notes.tools[index], arguments=text)


def _close(index: int, notes: Notes) -> Iterable[Event]:
    """A block ends; a tool that got no arguments got an empty object."""
    if index in notes.silent:
        yield from _argue(index, "{}", notes)
    if (thought := notes.thoughts.pop(index, None)) is not None:
        yield from thought.signed()


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
        told = STOPS.get(reason, "stop") if isinstance(reason, str) else "stop"
        events.append(Stop("stop" if told == "tool_calls" and notes.answers and not notes.tools else told))
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
        count_of(counts, name) for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    )
    return Usage(
        prompt=fresh + written + cached,
        completion=count_of(counts, "output_tokens"),
        cached=cached,
        cache_write=written,
        reasoning=count_of(object_of(counts, "output_tokens_details"), "thinking_tokens"),
    )


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object without which an event means nothing. Raises Unreadable."""
    value = said.get(name)
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is no object")
    return value
