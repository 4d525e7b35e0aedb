"""A GenerateContentResponse, which is a chunk of a stream, an element of an array or a whole answer, as events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

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

from . import failures, signatures
from .partial import Arguments

__all__ = ["Notes", "end", "read", "read_whole"]

STOPS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "OTHER": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
}
"""Reasons that are yet to be invented read as `stop`."""


class Notes(Memo):
    """What one answer has told so far."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.meta = Meta()
        self.usage: dict[str, Any] = {}
        self.told = Usage()
        self.choices: dict[int, _Choice] = {}

    def choice(self, index: int) -> _Choice:
        """Choices that nobody asked for are read and forgotten."""
        if index not in self.choices:
            if len(self.choices) > self.call.draft.choices:
                raise Unreadable("more candidates than were asked for")
            self.choices[index] = _Choice()
        return self.choices[index]

    @property
    def stopped(self) -> bool:
        """Every choice that was seen has ended."""
        return bool(self.choices) and all(choice.stopped for choice in self.choices.values())

    @property
    def complete(self) -> bool:
        """Every choice that was asked for has ended: nothing follows."""
        return self.stopped and len(self.choices) >= self.call.draft.choices


class _Choice:
    """One candidate."""

    def __init__(self) -> None:
        self.calls = 0
        self.growing: Arguments | None = None
        """The arguments of the last call, while they come in pieces."""
        self.images = self.steps = 0
        """Told so far: clients put lists of a stream together by the `index` of their entries."""
        self.signature = ""
        """Of the text, the last one: clients would join two of them."""
        self.stopped = False


def read(said: dict[str, Any], notes: Notes) -> list[Event | Failure]:
    """One response of a stream."""
    if "error" in said:
        return [failures.from_event(said)]
    events: list[Event | Failure] = [*_meta(said, notes)]
    candidates = said.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        if not isinstance(candidate, dict):
            raise Unreadable("a candidate is no object")
        events += _candidate(candidate, notes)
    if not candidates and (blocked := object_of(said, "promptFeedback").get("blockReason")):
        events += _blocked(blocked, said, notes)
    events += _spent(said, notes)
    notes.done = notes.complete and "totalTokenCount" in notes.usage
    return events


def read_whole(body: bytes, notes: Notes) -> list[Event | Failure]:
    """A JSON answer: one response, or an array of those that a stream would have."""
    try:
        said = orjson.loads(body)
    except ValueError as error:
        raise Unreadable(f"no JSON: {error}") from error
    if isinstance(said, list):
        events: list[Event | Failure] = []
        for each in said:
            if not isinstance(each, dict):
                raise Unreadable("an element is no JSON object")
            events += read(each, notes)
        return [*events, *end(notes)]
    if not isinstance(said, dict):
        raise Unreadable("no JSON object")
    events = read(said, notes)
    if any(isinstance(event, Failure) for event in events):
        return events
    for index, choice in notes.choices.items():
        if not choice.stopped:  # the document is complete, whatever it says of a reason
            events += _stop(index, choice, "STOP", "")
    return events + _spent({}, notes)


def end(notes: Notes) -> list[Event | Failure]:
    """The stream has no terminator: only its reasons to stop tell that it is whole."""
    if notes.stopped:
        return []
    return [Failure("elsewhere", code="truncated", message="the stream ended before its finish reason")]


def _meta(said: Mapping[str, Any], notes: Notes) -> list[Meta]:
    """Each chunk repeats it; told once."""
    meta = Meta(notes.meta.id or text_of(said, "responseId"), notes.meta.model or text_of(said, "modelVersion"))
    if meta == notes.meta:
        return []
    notes.meta = meta
    return [meta]


def _candidate(candidate: Mapping[str, Any], notes: Notes) -> list[Event | Failure]:
    index = candidate.get("index", 0)
    if type(index) is not int or index < 0:
        raise Unreadable("a candidate has a strange index")
    choice = notes.choice(index)
    if choice.stopped:
        return []
    reason = text_of(candidate, "finishReason")
    if (failure := failures.from_finish(reason, text_of(candidate, "finishMessage"))) is not None:
        return [failure]  # and nothing of what it says: another route may do better
    events: list[Event | Failure] = []
    parts = object_of(candidate, "content").get("parts")
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, dict):
            raise Unreadable("a part is no object")
        events += _part(part, index, choice, notes)
    events += _beside(candidate, index)
    if reason and reason != "FINISH_REASON_UNSPECIFIED":
        events += _stop(index, choice, reason, text_of(candidate, "finishMessage"))
    return events


def _part(part: Mapping[str, Any], index: int, choice: _Choice, notes: Notes) -> Iterator[Event]:
    signature = text_of(part, "thoughtSignature")
    if "functionCall" in part:
        yield from _call(object_of(part, "functionCall"), signature, index, choice, notes)
        return
    thought = part.get("thought") is True
    if text := text_of(part, "text"):
        yield Reasoning(text, index) if thought else Text(text, index)
    if signature and "text" in part:
        choice.signature = signature
    if not thought and (blob := object_of(part, "inlineData")):
        url = f"data:{text_of(blob, 'mimeType')};base64,{text_of(blob, 'data')}"
        yield Extra("images", [{"type": "image_url", "index": choice.images, "image_url": {"url": url}}], index)
        choice.images += 1
    for kind in ("executableCode", "codeExecutionResult"):
        if kind in part:
            step = {"index": choice.steps, kind: part[kind]}
            choice.steps += 1
            yield Extra("extra_content", {"google": {"code_execution": [step]}}, index)


def _call(said: Mapping[str, Any], signature: str, index: int, choice: _Choice, notes: Notes) -> Iterator[Event]:
    """A whole call, or a piece of one: the first has the name, the last is not continued."""
    name, more = text_of(said, "name"), said.get("willContinue") is True
    if name:
        if choice.growing is not None:  # the one before never said that it was the last piece
            yield _arguments(index, choice)
        own = text_of(said, "id") or signatures.made_up(notes.meta.id or notes.call.id, index, choice.calls)
        shown = signatures.tool_call_id(own, signature) if signature else own
        given = said.get("args")
        choice.calls += 1
        streamed = more or "partialArgs" in said
        arguments = "" if streamed else _json(given if isinstance(given, dict) else {})
        extras = {"extra_content": signatures.shown(signature)} if signature else {}
        yield ToolCall(choice.calls - 1, shown, name, arguments, index, extras)
        choice.growing = Arguments() if streamed else None
    if choice.growing is not None:
        choice.growing.take(said.get("partialArgs"))
        if not more:
            yield _arguments(index, choice)


def _arguments(index: int, choice: _Choice) -> ToolCall:
    growing, choice.growing = choice.growing, None
    return ToolCall(choice.calls - 1, arguments=_json(growing.whole() if growing is not None else {}), choice=index)


def _json(value: dict[str, Any]) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise Unreadable("arguments are nested too deeply") from error


def _beside(candidate: Mapping[str, Any], index: int) -> Iterator[Extra]:
    """What stands beside the text: log probabilities in the client's form, sources as they came."""
    if result := object_of(candidate, "logprobsResult"):
        yield Extra("logprobs", {"content": [*_logprobs(result)], "refusal": None}, index, "choice")
    if grounding := object_of(candidate, "groundingMetadata"):
        yield Extra("extra_content", {"google": {"grounding_metadata": grounding}}, index, "choice")


def _logprobs(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    chosen, tops = result.get("chosenCandidates"), result.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    for place, token in enumerate(chosen if isinstance(chosen, list) else ()):
        if not isinstance(token, dict):
            raise Unreadable("a token is no object")
        others = tops[place].get("candidates") if place < len(tops) and isinstance(tops[place], dict) else None
        listed = [_token(other) for other in others if isinstance(other, dict)] if isinstance(others, list) else []
        yield {**_token(token), "top_logprobs": listed}


def _token(said: Mapping[str, Any]) -> dict[str, Any]:
    text, logprob = text_of(said, "token"), said.get("logProbability")
    number = logprob if type(logprob) in (int, float) else -9999.0
    return {"token": text, "logprob": number, "bytes": [*text.encode("utf-8", "replace")]}


def _stop(index: int, choice: _Choice, reason: str, message: str) -> list[Event]:
    """The end of a choice. The vendor stops for tool calls as for everything else."""
    events: list[Event] = []
    if choice.growing is not None:
        events.append(_arguments(index, choice))
    if choice.signature:
        events.append(Extra("extra_content", signatures.shown(choice.signature), index))
    choice.stopped = True
    ours = STOPS.get(reason, "stop")
    if ours == "content_filter":
        events.append(Extra("stop_details", {"reason": reason, "message": message}, index, "choice"))
    return [*events, Stop("tool_calls" if ours == "stop" and choice.calls else ours, index)]


def _blocked(reason: Any, said: Mapping[str, Any], notes: Notes) -> list[Event | Failure]:
    """The prompt itself was refused: an answer without a word."""
    choice = notes.choice(0)
    if choice.stopped:
        return []
    choice.stopped = True
    message = text_of(object_of(said, "promptFeedback"), "blockReasonMessage")
    return [Extra("stop_details", {"reason": reason, "message": message}, 0, "choice"), Stop("content_filter")]


# --- usage -------------------------------------------------------------------------------------------------------


def _spent(said: Mapping[str, Any], notes: Notes) -> list[Event | Failure]:
    """Counts go up and down while the model works and name all that was used only at the end: told from then on."""
    counts = object_of(said, "usageMetadata")
    notes.usage.update({name: value for name, value in counts.items() if value is not None})
    if not notes.usage or not any(choice.stopped for choice in notes.choices.values()):
        return []
    usage = _usage(notes.usage)
    if usage == notes.told:
        return []
    notes.told = usage
    return [Spent(usage)]


def _usage(counts: Mapping[str, Any]) -> Usage:
    """What the vendor's own tools read counts as prompt, what the model thought as completion."""
    thoughts = count_of(counts, "thoughtsTokenCount")
    return Usage(
        prompt=count_of(counts, "promptTokenCount") + count_of(counts, "toolUsePromptTokenCount"),
        completion=count_of(counts, "candidatesTokenCount") + thoughts,
        cached=count_of(counts, "cachedContentTokenCount"),
        reasoning=thoughts,
    )
