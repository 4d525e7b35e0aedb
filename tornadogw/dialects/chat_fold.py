"""Events into one JSON answer, for clients that want no stream. Unknown fields are kept. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tornadogw.dialects.chat_render import Identity, usage_object
from tornadogw.jsontext import dumps
from tornadogw.types import Event, Extra, Mode, Reasoning, Refusal, Stop, Text, ToolCall, Usage

__all__ = ["KINDS", "Fold", "in_form", "merge"]

KINDS: Mapping[Mode, str] = {"chat": "chat.completion", "completion": "text_completion"}
"""`object` of a JSON answer."""
_REASONS = frozenset({"stop", "length", "content_filter"})
_REWRITTEN = frozenset({"reasoning", "reasoning_content", "tool_calls", "function_call"})
"""Members of a message that clients read in our form, never as they came."""


class _Choice:
    """One choice while it grows."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.calls: dict[int, dict[str, Any]] = {}
        self.reason: str | None = None
        self.message_extras: dict[str, Any] = {}
        self.extras: dict[str, Any] = {}


class Fold:
    """Collects the events of one answer. `functions` as in StreamRenderer."""

    def __init__(self, mode: Mode, *, functions: bool = False) -> None:
        self._mode = mode
        self._functions = functions
        self._choices: dict[int, _Choice] = {}
        self._extras: dict[str, Any] = {}

    def take(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Text(text, choice):
                    self._choice(choice).text.append(text)
                case Reasoning(text, choice):
                    self._choice(choice).reasoning.append(text)
                case Refusal(text, choice):
                    self._choice(choice).refusal.append(text)
                case ToolCall():
                    self._call(event)
                case Stop(reason, choice):
                    self._choice(choice).reason = reason
                case Extra():
                    self._keep(event)

    @property
    def plain(self) -> bool:
        """Nothing was read that clients get in another form than vendors write it."""
        return not any(choice.reasoning or choice.calls for choice in self._choices.values())

    def body(self, identity: Identity, usage: Usage) -> bytes:
        """The whole answer as JSON."""
        make = self._message if self._mode == "chat" else self._text
        answer = {
            "id": identity.id,
            "object": KINDS[self._mode],
            "created": identity.created,
            "model": identity.model,
            "choices": [make(index, self._choices[index]) for index in sorted(self._choices)],
            "usage": usage_object(usage),
        }
        return dumps({**self._extras, **answer})

    def _choice(self, index: int) -> _Choice:
        if index not in self._choices:
            self._choices[index] = _Choice()
        return self._choices[index]

    def _call(self, piece: ToolCall) -> None:
        calls = self._choice(piece.choice).calls
        if piece.index not in calls:
            function = {"name": piece.name, "arguments": []}
            calls[piece.index] = {**piece.extras, "id": piece.id, "type": "function", "function": function}
        calls[piece.index]["function"]["arguments"].append(piece.arguments)

    def _keep(self, extra: Extra) -> None:
        if extra.place == "answer":
            merge(self._extras, extra.key, extra.value)
        else:
            choice = self._choice(extra.choice)
            merge(choice.message_extras if extra.place == "message" else choice.extras, extra.key, extra.value)

    def _message(self, index: int, choice: _Choice) -> dict[str, Any]:
        text = "".join(choice.text)
        spoken = bool(text) or not (choice.calls or choice.refusal)
        message: dict[str, Any] = {"role": "assistant", "content": text if spoken else None}
        if choice.reasoning:
            message["reasoning"] = message["reasoning_content"] = "".join(choice.reasoning)
        if choice.refusal:
            message["refusal"] = "".join(choice.refusal)
        if choice.calls and self._functions:
            message["function_call"] = _joined(choice.calls[min(choice.calls)])["function"]
        elif choice.calls:
            message["tool_calls"] = [_joined(choice.calls[place]) for place in sorted(choice.calls)]
        message |= {key: value for key, value in choice.message_extras.items() if key not in message}
        return {**choice.extras, "index": index, "message": message, "finish_reason": choice.reason}

    @staticmethod
    def _text(index: int, choice: _Choice) -> dict[str, Any]:
        reason = "stop" if choice.reason in ("tool_calls", "function_call") else choice.reason
        body: dict[str, Any] = {"index": index, "text": "".join(choice.text + choice.refusal), "logprobs": None}
        if choice.reasoning:
            body["reasoning"] = body["reasoning_content"] = "".join(choice.reasoning)
        return {**body, **choice.extras, "finish_reason": reason}


def _joined(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": "".join(function["arguments"])}}


def in_form(body: bytes, mode: Mode, identity: Identity, usage: Usage) -> bool:
    """Whether a vendor's JSON may reach the client as it came: identity, usage, and every choice as promised."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(said, dict) or "error" in said or said.get("object") != KINDS[mode]:
        return False
    if (said.get("id"), said.get("created"), said.get("model")) != (identity.id, identity.created, identity.model):
        return False
    counts, choices = said.get("usage"), said.get("choices")
    if not isinstance(counts, dict) or not isinstance(choices, list) or not choices:
        return False
    told = (counts.get("prompt_tokens"), counts.get("completion_tokens"), counts.get("total_tokens"))
    if told != (usage.prompt, usage.completion, usage.prompt + usage.completion):
        return False
    return all(_choice_in_form(choice, mode) for choice in choices)


def _choice_in_form(choice: Any, mode: Mode) -> bool:
    if not isinstance(choice, dict) or type(choice.get("index")) is not int:
        return False
    if choice.get("finish_reason") not in _REASONS:
        return False
    if mode == "completion":
        return isinstance(choice.get("text"), str)
    message = choice.get("message")
    if not isinstance(message, dict) or not _REWRITTEN.isdisjoint(message):
        return False
    return message.get("role") == "assistant" and isinstance(message.get("content"), str)


def merge(into: dict[str, Any], key: str, value: Any, depth: int = 8) -> None:
    """Fold one opaque value into what came before: lists extend (or are replaced by a longer self), objects merge.

    Below `depth` levels the newer value replaces the older: an upstream's nesting must not become ours.
    """
    old = into.get(key)
    if isinstance(old, list) and isinstance(value, list):
        into[key] = value if value[: len(old)] == old else old + value
    elif isinstance(old, dict) and isinstance(value, dict) and depth:
        merged = dict(old)
        for inner, part in value.items():
            merge(merged, inner, part, depth - 1)
        into[key] = merged
    elif value is not None or key not in into:
        into[key] = value
