"""What a call used: the upstream's word where it is possible, its bound where it is not, ours where none came."""

from __future__ import annotations

from typing import Literal

import msgspec

from tornadogw.types import Usage

__all__ = ["Meter", "Metered", "estimate_tokens"]

ASCII_PER_TOKEN = 4

_ASCII = bytes(range(0x80))
_NOT_ASCII = bytes(range(0x80, 0x100))
_NOT_LEADING = bytes(range(0xC0))
"""ASCII and the continuation bytes of UTF-8: without them, one byte is left per code point beyond ASCII."""


class Metered(msgspec.Struct, frozen=True):
    """What is charged, and on whose word."""

    usage: Usage
    source: Literal["reported", "estimated", "disputed"]


def estimate_tokens(text: str) -> int:
    """Tokens of a text, as far as can be told without the model's tokenizer: ASCII / 4, others one per code point."""
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // ASCII_PER_TOKEN) + len(text) - plain


class Meter:
    """Counts one call. Fed while the answer passes, asked once it is over; keeps numbers, no text.

    `prompt_bound` and `completion_bound` are the most tokens that the call can use, `prompt_estimate` is what its
    prompt is taken for when the upstream says nothing.
    """

    __slots__ = (
        "_ascii",
        "_at_report",
        "_completion_bound",
        "_cut",
        "_events",
        "_other",
        "_prompt",
        "_prompt_bound",
        "_usage",
    )

    def __init__(self, prompt_bound: int, completion_bound: int, prompt_estimate: int) -> None:
        self._prompt_bound = prompt_bound
        self._completion_bound = completion_bound
        self._prompt = min(prompt_estimate, prompt_bound)
        self._ascii = self._other = self._events = 0
        self._usage: Usage | None = None
        self._cut = False
        self._at_report = (0, 0, 0)

    def relayed(self, text: str) -> None:
        """One content event has been sent to the client: text, reasoning, refusal or a piece of a tool call."""
        if text:
            plain = len(text.encode("ascii", "ignore"))
            self._ascii += plain
            self._other += len(text) - plain
            self._events += 1

    def relayed_raw(self, json_escaped: bytes) -> None:
        """The same for an event that was not parsed: the inside of its JSON string, escapes and all."""
        if not json_escaped:
            return
        self._events += 1
        if b"\\" in json_escaped:
            json_escaped = _unescaped(json_escaped)
        if json_escaped.isascii():
            self._ascii += len(json_escaped)
        else:
            self._ascii += len(json_escaped.translate(None, _NOT_ASCII))
            self._other += len(json_escaped.translate(None, _NOT_LEADING))

    def reported(self, usage: Usage) -> None:
        """The upstream's usage so far; the last one counts. One that is all zero says nothing: a prompt has a token."""
        if not self._cut and (usage.prompt or usage.completion):
            self._usage = usage
            self._at_report = (self._ascii, self._other, self._events)

    def cut(self) -> None:
        """The upstream broke off. What somebody else adds to its answer is counted as it is relayed: a second prompt,
        and what the client has read before, are not the client's to pay.
        """
        self._cut = True

    def result(self, *, whole: bool = True) -> Metered:
        """What to charge.

        `whole` is whether the upstream finished its answer. If not, its last report may be older than what was relayed
        since, and the estimate of that is added.
        """
        usage = self._usage
        if usage is None:
            return Metered(Usage(prompt=self._prompt, completion=self._estimate((0, 0, 0))), "estimated")
        if not self._is_possible(usage):
            return Metered(self._with_bounds(usage), "disputed")
        if (self._cut or not whole) and (since := self._estimate(self._at_report)):
            completion = min(usage.completion + since, self._completion_bound)
            return Metered(msgspec.structs.replace(usage, completion=completion), "estimated")
        return Metered(usage, "reported")

    def _estimate(self, start: tuple[int, int, int]) -> int:
        """Tokens relayed since `start`: at least one per event, and never more than the call can use."""
        plain, other, events = self._ascii - start[0], self._other - start[1], self._events - start[2]
        return min(max(events, -(-plain // ASCII_PER_TOKEN) + other), self._completion_bound)

    def _is_possible(self, usage: Usage) -> bool:
        return (
            _possible(usage.prompt, self._prompt_bound)
            and _possible(usage.cached, usage.prompt)
            and _possible(usage.cache_write, usage.prompt - usage.cached)
            and _possible(usage.completion, self._completion_bound)
            and _possible(usage.reasoning, usage.completion)
        )

    def _with_bounds(self, usage: Usage) -> Usage:
        """The bound in place of each impossible count; impossible parts of a possible count are not told apart."""
        prompt, completion = usage.prompt, usage.completion
        cached, cache_write, reasoning = usage.cached, usage.cache_write, usage.reasoning
        if not _possible(prompt, self._prompt_bound):
            prompt, cached, cache_write = self._prompt_bound, 0, 0
        elif not (_possible(cached, prompt) and _possible(cache_write, prompt - cached)):
            cached = cache_write = 0
        if not _possible(completion, self._completion_bound):
            completion, reasoning = self._completion_bound, 0
        elif not _possible(reasoning, completion):
            reasoning = 0
        return Usage(prompt, completion, cached, cache_write, reasoning)


def _possible(count: object, most: int) -> bool:
    return type(count) is int and 0 <= count <= most


def _unescaped(inside: bytes) -> bytes:
    """The text of a JSON string's inside, as UTF-8; what is none counts as it stands."""
    try:
        return msgspec.json.decode(b'"' + inside + b'"', type=str).encode()
    except (msgspec.DecodeError, UnicodeError):
        return inside
