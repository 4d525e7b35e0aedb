"""Chunks and whole bodies of the chat dialect to events. Pure; what one answer needs to remember is in a `ChatMemo`.

Bytes from upstream are hostile: whatever is not where it should be is passed over, never believed, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tornadogw.types import Call, Event, Extra, Failure, Meta, Reasoning, Refusal, Spent, Stop, Text
from tornadogw.vendor import Memo
from tornadogw.vendors.chat_failure import broken, classify, problem_in
from tornadogw.vendors.chat_think import Part, ThinkSplitter
from tornadogw.vendors.chat_tools import ToolCalls
from tornadogw.vendors.chat_usage import UsageReader
from tornadogw.vendors.rows import Profile

__all__ = ["ChatMemo", "Found", "Reading", "end", "read_body", "read_chunk"]

Found = list[Event | Failure]

_ANSWER = frozenset({"id", "object", "created", "model", "usage", "choices", "error"})
_CHOICE = frozenset({"index", "delta", "message", "text", "finish_reason", "usage", "error"})
_UNTOLD = frozenset({"role", "index"})
_MOST_CHOICES = 1024
_LATEST = 1e12
"""Unix seconds that no clock shows: more is no time."""


class Reading:
    """A profile, made ready for reading."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.usage = UsageReader(profile)
        self.reasoning = frozenset(profile.reasoning)
        self.known = _ANSWER | frozenset(profile.ignore)
        self.finish = profile.finish


class Choice:
    """What is known of one choice of an answer."""

    __slots__ = ("by_delta", "index", "reasoned", "splitter", "stopped", "tools", "written")

    def __init__(self, index: int, *, think: bool) -> None:
        self.index = index
        self.splitter = ThinkSplitter() if think else None
        self.tools = ToolCalls(index)
        self.stopped = False
        self.by_delta = False  # its text comes in deltas; a `message` then repeats it
        self.written = self.reasoned = 0  # characters of text and of reasoning so far


class ChatMemo(Memo):
    """What is remembered while one answer is read."""

    def __init__(self, call: Call, reading: Reading) -> None:
        super().__init__(call)
        self.reading = reading
        self.id = ""
        self.introduced = False
        self.done = False  # the terminator was seen
        self.failed = False  # a failure was told, nothing more is read
        self.failure: Failure | None = None  # of a choice, to be told when its chunk is read
        self.choices: dict[int, Choice] = {}
        self.answer: dict[str, Any] = {}  # top-level extras as last told

    @property
    def seed(self) -> str:
        """What made-up ids derive from."""
        return self.id or self.call.id


# --- entries ---------------------------------------------------------------------------------------------------------


def read_chunk(chunk: Mapping[str, Any], memo: ChatMemo) -> Found:
    """The events in one chunk of a stream."""
    found = _introduced(chunk, memo)
    choices = chunk.get("choices")
    if isinstance(choices, list):
        for position, choice in enumerate(choices):
            if isinstance(choice, dict):
                _read_choice(choice, position, memo, found, whole=False)
    _read_rest(chunk, memo, found)
    return found


def read_body(body: Any, memo: ChatMemo) -> Found:
    """The events of a JSON answer. Choices without a finish reason are finished: the body has its end."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        memo.failed = True
        return [broken("empty", "the answer is no JSON object")]
    found = _introduced(body, memo)
    choices = body.get("choices")
    for position, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, dict):
            _read_choice(choice, position, memo, found, whole=True)
    _read_rest(body, memo, found)
    if memo.failed:
        return found
    if not memo.choices:
        memo.failed = True
        return [*found, broken("empty", "the answer holds no choice")]
    for choice in memo.choices.values():
        if not choice.stopped:
            _stop(choice, "tool_calls" if choice.tools else "stop", memo, found)
    return found


def end(memo: ChatMemo) -> Found:
    """The stream has ended: whole, or a failure."""
    if memo.failed:
        return []
    if not memo.choices:
        return [broken("empty", "the stream held no event")]
    found: Found = []
    for choice in memo.choices.values():
        if choice.stopped:
            continue
        if memo.done:
            _stop(choice, "stop", memo, found)
        else:
            _flush(choice, memo, found)
    if not memo.done and not all(choice.stopped for choice in memo.choices.values()):
        found.append(broken("truncated", "the stream ended without a finish reason"))
    return found


# --- the answer ------------------------------------------------------------------------------------------------------


def _introduced(body: Mapping[str, Any], memo: ChatMemo) -> Found:
    """`Meta` once, from the first chunk that says who it is: some vendors begin with an empty one."""
    if memo.introduced:
        return []
    identifier, model, created = body.get("id"), body.get("model"), body.get("created")
    identifier = identifier if isinstance(identifier, str) else ""
    model = model if isinstance(model, str) else ""
    if not identifier and not model:
        return []
    memo.introduced, memo.id = True, identifier
    if not isinstance(created, int | float) or not 0 <= created < _LATEST:
        created = 0
    return [Meta(identifier, model, int(created))]


def _read_rest(body: Mapping[str, Any], memo: ChatMemo, found: Found) -> None:
    """Everything beside the choices: usage, fields that no one here knows, an error."""
    usage = memo.reading.usage.find(body)
    if usage is not None:
        found.append(Spent(usage))
    problem = problem_in(body)
    if problem is not None:
        memo.failure = classify(memo.reading.profile, problem, 0, {}, 0.0)
    if memo.failure is not None:
        memo.failed = True
        found.append(memo.failure)
        return
    known, told = memo.reading.known, memo.answer
    for key, value in body.items():
        if key not in known and value is not None and told.get(key) != value:
            told[key] = value
            found.append(Extra(key, value, place="answer"))


# --- one choice ------------------------------------------------------------------------------------------------------


def _read_choice(raw: dict[str, Any], position: int, memo: ChatMemo, found: Found, *, whole: bool) -> None:
    index = raw.get("index")
    if type(index) is not int or not 0 <= index < _MOST_CHOICES:
        index = position
    choice = memo.choices.get(index)
    if choice is None:
        choice = memo.choices[index] = Choice(index, think=memo.reading.profile.think)
    delta, message = raw.get("delta"), raw.get("message")
    if isinstance(message, dict) and (whole or not delta):
        _read_message(message, choice, memo, found)
    elif isinstance(delta, dict):
        choice.by_delta = True
        _read_delta(delta, choice, memo, found)
    text = raw.get("text")
    if text and isinstance(text, str):
        _write(text, choice, found)
    for key, value in raw.items():
        if key not in _CHOICE and value is not None:
            found.append(Extra(key, value, index, "choice"))
    _finish(raw, choice, memo, found)


def _finish(raw: dict[str, Any], choice: Choice, memo: ChatMemo, found: Found) -> None:
    usage = raw.get("usage")
    if usage is not None and (spent := memo.reading.usage.read(usage)) is not None:
        found.append(Spent(spent))
    reason = raw.get("finish_reason")
    if reason and isinstance(reason, str) and reason != "null" and not choice.stopped:
        mapped = memo.reading.finish.get(reason.lower(), "stop")
        if mapped == "error":
            memo.failure = broken(reason, f"the upstream ended the answer with `{reason}`")
        else:
            _stop(choice, mapped, memo, found)
    if raw.get("error") and (problem := problem_in(raw)) is not None:
        memo.failure = classify(memo.reading.profile, problem, 0, {}, 0.0)


def _read_delta(delta: dict[str, Any], choice: Choice, memo: ChatMemo, found: Found) -> None:
    reasoning = memo.reading.reasoning
    reasoned = False
    for key, value in delta.items():
        if value is None or key in _UNTOLD:
            continue
        if key == "content":
            _read_content(value, choice, found)
        elif key in reasoning:
            if value and not reasoned and isinstance(value, str):
                reasoned = True
                choice.reasoned += len(value)
                found.append(Reasoning(value, choice.index))
        else:
            _read_rare(key, value, choice, memo, found)
    if not reasoned and memo.reading.profile.reasoning_details and "reasoning_details" in delta:
        _read_details(delta["reasoning_details"], choice, found)


def _read_rare(key: str, value: Any, choice: Choice, memo: ChatMemo, found: Found) -> None:
    if key == "tool_calls":
        found += choice.tools.read(value, memo.seed)
    elif key == "function_call" and isinstance(value, dict):
        found += choice.tools.read_legacy(value, memo.seed)
    elif key == "refusal" and isinstance(value, str):
        if value:
            found.append(Refusal(value, choice.index))
    else:
        found.append(Extra(key, value, choice.index))


def _read_message(message: dict[str, Any], choice: Choice, memo: ChatMemo, found: Found) -> None:
    """A message in place of a delta. After deltas it repeats the answer so far: only what is new in it counts."""
    if choice.by_delta:
        message = {**message, "tool_calls": None, "function_call": None} if choice.tools else {**message}
        for key, value in message.items():
            if key == "content" and isinstance(value, str):
                message[key] = value[choice.written :]
            elif key in memo.reading.reasoning and isinstance(value, str):
                message[key] = value[choice.reasoned :]
    _read_delta(message, choice, memo, found)


def _read_content(content: Any, choice: Choice, found: Found) -> None:
    if isinstance(content, str):
        if content:
            _write(content, choice, found)
    elif isinstance(content, list):
        for part in content:
            _read_part(part, choice, found)


def _read_part(part: Any, choice: Choice, found: Found) -> None:
    if isinstance(part, str):
        _write(part, choice, found)
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    if kind == "text" and isinstance(part.get("text"), str):
        _write(part["text"], choice, found)
    elif kind == "thinking":
        text = _joined(part.get("thinking"))
        choice.reasoned += len(text)
        if text:
            found.append(Reasoning(text, choice.index))
    else:
        found.append(Extra("content_parts", [part], choice.index))


def _joined(thinking: Any) -> str:
    """The text of a thinking part: a string, or a list of parts."""
    if isinstance(thinking, list):
        texts = [part.get("text") if isinstance(part, dict) else part for part in thinking]
        return "".join(text for text in texts if isinstance(text, str))
    return thinking if isinstance(thinking, str) else ""


def _read_details(details: Any, choice: Choice, found: Found) -> None:
    """Reasoning that stands in `reasoning_details` alone."""
    items = details if isinstance(details, list) else []
    text = "".join(t for item in items if isinstance(item, dict) and isinstance(t := item.get("text"), str))
    choice.reasoned += len(text)
    if text:
        found.append(Reasoning(text, choice.index))


def _write(text: str, choice: Choice, found: Found) -> None:
    choice.written += len(text)
    splitter = choice.splitter
    if splitter is None:
        if text:
            found.append(Text(text, choice.index))
        return
    _tell(splitter.feed(text), choice, found)
    if splitter.plain:
        choice.splitter = None


def _tell(parts: list[Part], choice: Choice, found: Found) -> None:
    for reasoning, text in parts:
        found.append(Reasoning(text, choice.index) if reasoning else Text(text, choice.index))


def _flush(choice: Choice, memo: ChatMemo, found: Found) -> None:
    """What was held back: half a tag, calls without a name."""
    if choice.splitter is not None:
        _tell(choice.splitter.end(), choice, found)
    found += choice.tools.end(memo.seed)


def _stop(choice: Choice, reason: str, memo: ChatMemo, found: Found) -> None:
    _flush(choice, memo, found)
    if reason == "stop" and choice.tools and memo.reading.profile.finish_tools:
        reason = "tool_calls"
    choice.stopped = True
    found.append(Stop(reason, choice.index))
