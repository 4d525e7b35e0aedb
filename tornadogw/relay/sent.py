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
"""Characters that are kept; a longer answer cannot be gone on with."""
_MANY = 256
"""Pieces of a lane; more are made one, for a small piece takes more room than its text."""

_LARGE = 1024
"""Bytes of a piece that is looked at at once: no more than `_MANY` times as much waits."""


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
    """One choice, in lanes; fed while it passes. What passes unparsed is looked at when somebody asks, or in bulk."""

    __slots__ = ("_lanes", "_last", "_lost", "_raw", "_room")

    def __init__(self, most: int = LONGEST) -> None:
        self._lost = False
        self._last: Lane = ""
        self._room = most
        self._lanes: dict[Lane, list[str]] = {}
        self._raw: list[bytes] = []
        """Text of events that were not parsed, newer than everything in `_lanes`."""

    @property
    def lost(self) -> bool:
        """It is too long, has ended, or not all of it is understood: nobody can go on with it."""
        self._fold()
        return self._lost

    @property
    def last(self) -> Lane:
        """Where the last piece went: the only lane that may still be unfinished."""
        self._fold()
        return self._last

    @property
    def lanes(self) -> dict[Lane, str]:
        """What was said, in the order in which the lanes began. A tool call is its name, a new line, its arguments."""
        self._fold()
        return {lane: "".join(pieces) for lane, pieces in self._lanes.items()}

    def add(self, event: Event) -> None:
        """An event of the answer."""
        self._fold()
        if isinstance(event, Text | Reasoning | Refusal):
            self._add(lane_of(event), event.text)
        elif isinstance(event, ToolCall):
            lane = lane_of(event)
            self._add(lane, event.arguments if lane in self._lanes else f"{event.name}\n{event.arguments}")
        elif isinstance(event, Stop):
            self._lost = True  # it has ended: there is nothing to go on with
        elif not isinstance(event, Extra):
            raise TypeError(f"no part of an answer: {event!r}")

    def add_raw(self, json_escaped: bytes) -> None:
        """Text of an event that was not parsed: the inside of its JSON string, escapes and all."""
        self._raw.append(json_escaped)
        if len(self._raw) >= _MANY or len(json_escaped) > _LARGE:
            self._fold()

    def lose(self) -> None:
        """From now on nobody can go on with it."""
        self._lost = True
        self._lanes.clear()
        self._raw.clear()

    def _fold(self) -> None:
        """Bring what was not parsed to the rest."""
        if not self._raw:
            return
        try:
            said = "".join(map(_text, self._raw))
        except (UnicodeDecodeError, msgspec.DecodeError):
            self.lose()
        else:
            self._raw.clear()
            self._add(TEXT, said)

    def _add(self, lane: Lane, said: str) -> None:
        if self._lost:
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
        self._last = lane


def _text(inside: bytes) -> str:
    return inside.decode() if b"\\" not in inside else msgspec.json.decode(b'"' + inside + b'"', type=str)
