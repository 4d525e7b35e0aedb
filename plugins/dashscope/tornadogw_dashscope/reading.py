"""The events of a stream, or the one document of a JSON answer, as the gateway's events. Both have the same form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Unreadable,
    Usage,
    count_of,
    json_object,
    list_of,
    object_of,
    text_of,
)

from . import failures
from .calls import Calls
from .grown import Grown

__all__ = ["Notes", "end", "read", "read_whole"]

REASONS: Mapping[str, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
}
"""Finish reasons; others mean `stop`."""
MOST_CHOICES = 1024
DEEPEST = 64
"""Of what is passed on unread."""

Found = list[Event | Failure]


class Choice:
    """What is known of one choice."""

    __slots__ = ("calls", "index", "stopped", "text", "thoughts")

    def __init__(self, index: int) -> None:
        self.index = index
        self.text = Grown()
        self.thoughts = Grown()
        self.calls = Calls(index)
        self.stopped = False


class Notes(Memo):
    """What one answer has told so far."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.id = ""
        self.begun = False
        self.failed = False
        self.choices: dict[int, Choice] = {}

    @property
    def seed(self) -> str:
        """What made-up ids derive from."""
        return self.id or self.call.id


def read(frame: Frame, notes: Notes) -> Sequence[Event | Failure]:
    """One event of a stream."""
    if notes.failed or frame.event == "done":
        return ()
    said = json_object(frame.data)
    return _failed(said, notes) if frame.event == "error" else _read(said, notes)


def read_whole(body: bytes, notes: Notes) -> Sequence[Event | Failure]:
    """A JSON answer. Choices without a reason are finished: the body has its end."""
    if notes.failed:
        return ()
    found = _read(json_object(body), notes)
    if any(isinstance(event, Failure) for event in found):
        return found
    if not notes.choices:
        notes.failed = True
        return [*found, Failure("elsewhere", code="empty", message="the answer holds no choice")]
    for choice in notes.choices.values():
        _stop(choice, "tool_calls" if choice.calls else "stop", notes, found)
    notes.done = True
    return found


def end(notes: Notes) -> Sequence[Event | Failure]:
    """The body has ended: whole if every choice has its reason, else cut. There is no terminator."""
    if notes.failed or notes.done:
        return ()
    if not notes.choices:
        return (Failure("elsewhere", code="empty", message="the stream held no event"),)
    found: Found = []
    open_ones = [choice for choice in notes.choices.values() if not choice.stopped]
    for choice in open_ones:
        _flush(choice, notes, found)
    if open_ones:
        found.append(Failure("elsewhere", code="truncated", message="the stream ended without a finish reason"))
    return found


def _read(said: Mapping[str, Any], notes: Notes) -> Found:
    output = said.get("output")
    if not isinstance(output, Mapping):
        if not text_of(said, "code"):
            raise Unreadable("neither an answer nor an error")
        return _failed(said, notes)
    found: Found = []
    if not notes.begun:
        notes.begun, notes.id = True, text_of(said, "request_id")
        found.append(Meta(notes.id))
    choices = [each for each in list_of(output, "choices") if isinstance(each, Mapping)]
    if not choices and isinstance(output.get("text"), str):
        choices = [{"message": {"content": output["text"]}, "finish_reason": output.get("finish_reason")}]
    for position, choice in enumerate(choices):
        _choice(choice, position, notes, found)
    if (searched := output.get("search_info")) is not None and _is_shallow(searched):
        found.append(Extra("search_info", searched, place="answer"))
    # Before the reasons, so that who stops at the last one has read the counts.
    if usage := object_of(said, "usage"):
        found.append(Spent(_usage(usage)))
    for position, choice in enumerate(choices):
        reason = text_of(choice, "finish_reason")
        if reason and reason != "null" and (known := _known(choice, position, notes)) is not None:
            _stop(known, REASONS.get(reason, "stop"), notes, found)
    return found


def _failed(said: Mapping[str, Any], notes: Notes) -> Found:
    notes.failed = True
    return [failures.from_event(said)]


def _known(said: Mapping[str, Any], position: int, notes: Notes) -> Choice | None:
    """The choice that this is a part of; None: one too many. One choice alone may have no index."""
    index = said.get("index")
    if type(index) is not int or index < 0:
        index = position
    if index >= MOST_CHOICES:
        return None
    if index not in notes.choices:
        notes.choices[index] = Choice(index)
    return notes.choices[index]


def _choice(said: Mapping[str, Any], position: int, notes: Notes, found: Found) -> None:
    choice = _known(said, position, notes)
    if choice is None or choice.stopped:
        return
    message = object_of(said, "message")
    if (thoughts := text_of(message, "reasoning_content")) and (new := choice.thoughts.feed(thoughts)):
        found.append(Reasoning(new, choice.index))
    if isinstance(message.get("content"), str | list) and (new := choice.text.feed(_text(message, choice, found))):
        found.append(Text(new, choice.index))
    for piece in list_of(message, "tool_calls"):
        event = choice.calls.read(piece, notes.seed) if isinstance(piece, Mapping) else None
        if event is not None:
            found.append(event)
    if (tokens := said.get("logprobs")) is not None and _is_shallow(tokens):
        found.append(Extra("logprobs", tokens, choice.index, "choice"))


def _text(message: Mapping[str, Any], choice: Choice, found: Found) -> str:
    """The text of a message: a string, or parts; parts of other kinds are passed on."""
    content = message["content"]
    if isinstance(content, str):
        return content
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif part and _is_shallow(part):
            found.append(Extra("content_parts", [part], choice.index))
    return "".join(texts)


def _usage(said: Mapping[str, Any]) -> Usage:
    prompt, completion = count_of(said, "input_tokens"), count_of(said, "output_tokens")
    details = object_of(said, "prompt_tokens_details")
    cached = min(count_of(details, "cached_tokens"), prompt)
    return Usage(
        prompt=prompt,
        completion=completion,
        cached=cached,
        cache_write=min(count_of(details, "cache_creation_input_tokens"), prompt - cached),
        reasoning=min(count_of(object_of(said, "output_tokens_details"), "reasoning_tokens"), completion),
    )


def _flush(choice: Choice, notes: Notes, found: Found) -> None:
    """What was held back while it was not certain."""
    if thoughts := choice.thoughts.end():
        found.append(Reasoning(thoughts, choice.index))
    if text := choice.text.end():
        found.append(Text(text, choice.index))
    found += choice.calls.end(notes.seed)


def _stop(choice: Choice, reason: str, notes: Notes, found: Found) -> None:
    if choice.stopped:
        return
    _flush(choice, notes, found)
    choice.stopped = True
    found.append(Stop("tool_calls" if reason == "stop" and choice.calls else reason, choice.index))


def _is_shallow(value: Any) -> bool:
    """Whether a value can be compared and written out again without running out of stack."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return True
    return False
