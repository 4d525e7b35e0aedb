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
    Frame,
    Memo,
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
from .writing import answer_tool

__all__ = ["Notes", "read", "read_whole"]

STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
LONGEST_THOUGHT = 4 * 1024 * 1024
"""Characters of a thought that are kept to be given back with its signature; a longer one is told, but not signed."""


class Thought:
    """A block of reasoning on its way: its signature holds for the whole of it."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = 0
        self.signature = ""
        self.opaque = ""

    def add(self, text: str) -> None:
        self.size += len(text)
        if self.size <= LONGEST_THOUGHT:
            self.pieces.append(text)

    def signed(self) -> list[Event]:
        """The whole block, as it must come back in a tool loop."""
        if self.opaque:
            return [Extra("thinking_blocks", [{"type": "redacted_thinking", "data": self.opaque}])]
        if not self.signature or self.size > LONGEST_THOUGHT:
            return []
        block = {"type": "thinking", "thinking": "".join(self.pieces), "signature": self.signature}
        return [Extra("thinking_blocks", [block])]


class Notes(Memo):
    """What one answer has told so far."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.tools: dict[int, int] = {}
        """A block's index to its place among tool calls, which is counted apart."""
        self.silent: set[int] = set()
        """Tool blocks that have given no arguments yet."""
        self.thoughts: dict[int, Thought] = {}
        self.answer_tool = answer_tool(call)
        self.answers: set[int] = set()
        """Blocks of the tool that stands for a form of the answer: their input is its text."""
        self.stopped = False


def read(frame: Frame, notes: Notes) -> list[Event | Failure]:
    """One message of the stream. Its field `p` is padding."""
    if frame.event.endswith("Exception"):
        return [failures.from_event(frame.event[:1].upper() + frame.event[1:], frame.data)]
    said = json_object(frame.data)
    index = count_of(said, "contentBlockIndex")
    match frame.event:
        case "contentBlockStart":
            return [*_begin(index, object_of(object_of(said, "start"), "toolUse"), notes)]
        case "contentBlockDelta":
            return [*_continue(index, object_of(said, "delta"), notes)]
        case "contentBlockStop":
            return [*_close(index, notes)]
        case "messageStop":
            return _stop(said.get("stopReason"), notes)
        case "metadata":
            notes.done = True
            return _spent(said)
    return []


def read_whole(body: bytes, notes: Notes) -> list[Event | Failure]:
    """A JSON answer: its blocks, one after the other, are read as a stream's."""
    said = json_object(body)
    message = object_of(object_of(said, "output"), "message")
    if not message:
        raise Unreadable("no message in the answer")
    events: list[Event | Failure] = []
    for index, block in enumerate(list_of(message, "content")):
        if isinstance(block, Mapping):
            events += _whole(index, block, notes)
            events += _close(index, notes)
    events += _spent(said)
    events += _stop(said.get("stopReason"), notes)
    notes.done = True
    return events


def _whole(index: int, block: Mapping[str, Any], notes: Notes) -> Iterable[Event]:
    """A block that is all there."""
    if use := object_of(block, "toolUse"):
        yield from _begin(index, use, notes)
        if given := use.get("input"):
            yield from _argue(index, json.dumps(given, ensure_ascii=False), notes)
    elif thought := object_of(block, "reasoningContent"):
        yield from _think(index, {**object_of(thought, "reasoningText"), **thought}, notes)
    elif cited := object_of(block, "citationsContent"):
        for part in list_of(cited, "content"):
            if isinstance(part, Mapping) and (text := text_of(part, "text")):
                yield Text(text)
    elif text := text_of(block, "text"):
        yield Text(text)


def _begin(index: int, use: Mapping[str, Any], notes: Notes) -> Iterable[Event]:
    """A call begins, or the answer in the form of one. Blocks of the vendor's own tools are no part of the answer."""
    if not use or text_of(use, "type") == "server_tool_use":
        return
    notes.silent.add(index)
    if notes.answer_tool and text_of(use, "name") == notes.answer_tool:
        notes.answers.add(index)
    else:
        place = notes.tools.setdefault(index, len(notes.tools))
        yield ToolCall(place, text_of(use, "toolUseId"), text_of(use, "name"))


def _continue(index: int, delta: Mapping[str, Any], notes: Notes) -> Iterable[Event]:
    """The next piece of a block. Citations are not for the client."""
    if text := text_of(delta, "text"):
        yield Text(text)
    elif use := object_of(delta, "toolUse"):
        if text := text_of(use, "input"):
            yield from _argue(index, text, notes)
    elif thought := object_of(delta, "reasoningContent"):
        yield from _think(index, thought, notes)


def _argue(index: int, text: str, notes: Notes) -> Iterable[Event]:
    """A piece of a tool's input."""
    notes.silent.discard(index)
    if index in notes.answers:
        yield Text(text)
    elif index in notes.tools:
        yield ToolCall(notes.tools[index], arguments=text)


def _think(index: int, said: Mapping[str, Any], notes: Notes) -> Iterable[Event]:
    thought = notes.thoughts.setdefault(index, Thought())
    thought.signature += text_of(said, "signature")
    thought.opaque += text_of(said, "redactedContent")
    if text := text_of(said, "text"):
        thought.add(text)
        yield Reasoning(text)


def _close(index: int, notes: Notes) -> Iterable[Event]:
    """A block ends; a tool that got no arguments got an empty object."""
    if index in notes.silent:
        yield from _argue(index, "{}", notes)
    if (thought := notes.thoughts.pop(index, None)) is not None:
        yield from thought.signed()


def _stop(reason: Any, notes: Notes) -> list[Event | Failure]:
    if not isinstance(reason, str) or notes.stopped:
        return []
    if reason.startswith("malformed_"):
        return [failures.from_reason(reason)]
    notes.stopped = True
    told = STOPS.get(reason, "stop")
    return [Stop("stop" if told == "tool_calls" and notes.answers and not notes.tools else told)]


def _spent(said: Mapping[str, Any]) -> list[Event | Failure]:
    """The vendor's input excludes what came from or went into its cache; the gateway's prompt includes both."""
    counts = object_of(said, "usage")
    if not counts:
        return []
    cached, written = count_of(counts, "cacheReadInputTokens"), count_of(counts, "cacheWriteInputTokens")
    prompt = count_of(counts, "inputTokens") + cached + written
    return [Spent(Usage(prompt, count_of(counts, "outputTokens"), cached, written))]
