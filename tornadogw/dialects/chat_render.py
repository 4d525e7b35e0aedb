"""Events into what a client reads: chunks of a stream, in chat or completion shape (contract.md, 'Streaming'). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from tornadogw.errors import GatewayError
from tornadogw.jsontext import dumps
from tornadogw.types import Event, Extra, Mode, Reasoning, Refusal, Stop, Text, ToolCall, Usage, Value

__all__ = ["DONE", "Identity", "StreamRenderer", "error_event", "usage_object"]

DONE = b"data: [DONE]\n\n"
_Fields = tuple[int, bytes, str | None]
"""Choice, the members that say something, finish reason."""
_COMPLETION_REASONS = {"tool_calls": "stop", "function_call": "stop"}


class Identity(Value, frozen=True):
    """What every chunk of one answer repeats."""

    id: str
    created: int
    model: str


def usage_object(usage: Usage) -> dict[str, Any]:
    """`usage` as clients read it: what is charged, no more."""
    counts: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
    }
    if usage.cached or usage.cache_write:
        counts["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    if usage.reasoning:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return counts


def error_event(error: GatewayError, language: str) -> bytes:
    """An error after the stream began: `error` is the first key, without spaces, as some clients match by pattern."""
    return b"data: " + orjson.dumps(error.in_band(language)) + b"\n\n"


class StreamRenderer:
    """Writes one streamed answer. The identity is fixed with the first chunk.

    `functions`: the client asked with `functions`, the form before `tools`, and reads `function_call`.
    """

    def __init__(self, mode: Mode, identity: Identity, *, functions: bool = False) -> None:
        self._mode = mode
        self._functions = functions
        kind = "chat.completion.chunk" if mode == "chat" else "text_completion"
        head = {"id": identity.id, "object": kind, "created": identity.created, "model": identity.model}
        self._head = b"data: " + orjson.dumps(head)[:-1] + b',"choices":['
        self._roles: set[int] = set()
        self._calls: set[tuple[int, int]] = set()
        self._pending: dict[str, Any] = {}
        self._choice_extras: dict[int, dict[str, Any]] = {}

    def chunks(self, events: Sequence[Event]) -> bytes:
        """The SSE events for `events`; empty when they say nothing to a client."""
        out: list[bytes] = []
        last: _Fields | None = None
        for event in events:
            if isinstance(event, Extra) and event.place != "message":
                self._keep(event)
            elif (fields := self._fields(event)) is not None:
                if last is not None:
                    out.append(self._written(last))
                last = fields
        if last is not None:
            out.append(self._written(last))
        return b"".join(out)

    def close(self, usage: Usage | None) -> bytes:
        """The end of a whole answer: the usage chunk if `usage` is given, and the terminator."""
        if usage is None:
            return DONE
        return self._head + b'],"usage":' + orjson.dumps(usage_object(usage)) + b"}\n\n" + DONE

    def _keep(self, extra: Extra) -> None:
        """Fields beside the delta ride on the chunk of the event before them, or else on the next one."""
        if extra.place == "answer":
            self._pending[extra.key] = extra.value
        elif extra.place == "choice":
            self._choice_extras.setdefault(extra.choice, {})[extra.key] = extra.value

    def _fields(self, event: Event) -> _Fields | None:
        return self._completion(event) if self._mode == "completion" else self._chat(event)

    def _written(self, fields: _Fields) -> bytes:
        choice, body, reason = fields
        beside = self._choice_extras.pop(choice, {})
        if self._mode == "completion":
            beside.setdefault("logprobs", None)
        finish = b"null" if reason is None else orjson.dumps(reason)
        extras = _members(beside)
        answer = _members(self._pending)
        self._pending = {}
        index = b'{"index":%d,' % choice
        return b"".join((self._head, index, body, b',"finish_reason":', finish, extras, b"}]", answer, b"}\n\n"))

    def _chat(self, event: Event) -> _Fields | None:
        delta, reason = self._delta(event)
        if delta is None:
            return None
        choice: int = event.choice  # type: ignore[attr-defined]  # every event with a delta has a choice
        if choice not in self._roles:
            self._roles.add(choice)
            delta = {"role": "assistant", **delta}
        return choice, b'"delta":' + dumps(delta), reason

    def _delta(self, event: Event) -> tuple[dict[str, Any] | None, str | None]:
        match event:
            case Text(text):
                return {"content": text}, None
            case Reasoning(text):
                return {"reasoning": text, "reasoning_content": text}, None
            case Refusal(text):
                return {"refusal": text}, None
            case ToolCall() if self._functions:
                return {"function_call": self._function_call(event)}, None
            case ToolCall():
                return {"tool_calls": [self._tool_call(event)]}, None
            case Stop(reason):
                return {}, reason
            case Extra(key, value, _, "message"):
                return {key: value}, None
        return None, None

    def _function_call(self, piece: ToolCall) -> dict[str, Any]:
        return {"name": piece.name, "arguments": piece.arguments} if piece.name else {"arguments": piece.arguments}

    def _tool_call(self, piece: ToolCall) -> dict[str, Any]:
        """`id`, `type` and `name` stand in the first delta of a call and nowhere else."""
        place = (piece.choice, piece.index)
        if place in self._calls:
            return {"index": piece.index, "function": {"arguments": piece.arguments}}
        self._calls.add(place)
        function = {"name": piece.name, "arguments": piece.arguments}
        return {**piece.extras, "index": piece.index, "id": piece.id, "type": "function", "function": function}

    @staticmethod
    def _completion(event: Event) -> _Fields | None:
        match event:
            case Text(text, choice) | Refusal(text, choice):
                return choice, b'"text":' + orjson.dumps(text), None
            case Reasoning(text, choice):
                said = orjson.dumps(text)
                return choice, b'"text":"","reasoning":%b,"reasoning_content":%b' % (said, said), None
            case Stop(reason, choice):
                return choice, b'"text":""', _COMPLETION_REASONS.get(reason, reason)
        return None


def _members(fields: dict[str, Any]) -> bytes:
    """The fields as further members of an object that has some already."""
    return b"," + dumps(fields)[1:-1] if fields else b""
