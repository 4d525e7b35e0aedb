"""What a client has read of one streamed answer, kept so that somebody else can go on with it. No I/O."""

from __future__ import annotations

import msgspec

from tornadogw.types import Event, Extra, Reasoning, Refusal, Stop, Text, ToolCall

__all__ = ["LONGEST", "REASONING", "TEXT", "Lane", "Sent", "lane_of"]

Lane = str
"""What concatenates: the text, the reasoning, the refusal, or one tool call."""
TEXT = "text"
REASONING = "reasoning"
REFUSAL = "refusal"
LONGEST = 65_536
"""Characters (bytes, where the relay is raw) that are kept; a longer answer cannot be gone on with."""
_MANY = 256
"""Pieces of a lane; more are made one, for a small piece takes more room than its text."""


def lane_of(event: Event) -> Lane:
    """Where an event belongs; empty: it is nothing that concatenates."""
    match event:
        case Text():
            return TEXT
        case Reasoning():
            return REASONING
        case Refusal():
            return REFUSAL
        case ToolCall(index):
            return f"tool {index}"
    return ""


class Sent:
    """One choice, in lanes; fed while it passes."""

    __slots__ = ("_lanes", "_room", "last", "lost")

    def __init__(self, most: int = LONGEST) -> None:
        self.lost = False
        """It is too long, or not all of it is understood: nobody can go on with it."""
        self.last: Lane = ""
        """Where the last piece went: the only lane that may still be unfinished."""
        self._room = most
        self._lanes: dict[Lane, list[str]] = {}

    @property
    def lanes(self) -> dict[Lane, str]:
        """What was said, in the order in which the lanes began. A tool call is its name, a new line, its arguments."""
        return {lane: "".join(pieces) for lane, pieces in self._lanes.items()}

    def add(self, event: Event) -> None:
        """An event of the answer."""
        if isinstance(event, Text | Reasoning | Refusal):
            self._add(lane_of(event), event.text)
        elif isinstance(event, ToolCall):
            lane = lane_of(event)
            self._add(lane, event.arguments if lane in self._lanes else f"{event.name}\n{event.arguments}")
        elif not isinstance(event, Stop | Extra):
            raise TypeError(f"no part of an answer: {event!r}")

    def add_raw(self, json_escaped: bytes) -> None:
        """Text of an event that was not parsed: the inside of its JSON string, escapes and all."""
        try:
            said = json_escaped.decode() if b"\\" not in json_escaped else _unescaped(json_escaped)
        except (UnicodeDecodeError, msgspec.DecodeError):
            self.lose()
        else:
            self._add(TEXT, said)

    def lose(self) -> None:
        """Something was said that is not understood."""
        self.lost = True
        self._lanes.clear()

    def _add(self, lane: Lane, said: str) -> None:
        if self.lost:
            return
        self._room -= len(said)
        if self._room < 0:
            self.lose()
            return
        pieces = self._lanes.get(lane)
        if pieces is None:
            pieces = self._lanes[lane] = []
        elif len(pieces) >= _MANY:
            pieces[:] = ["".join(pieces)]
        pieces.append(said)
        self.last = lane


def _unescaped(inside: bytes) -> str:
    return msgspec.json.decode(b'"' + inside + b'"', type=str)
