"""The rest of an answer whose beginning the client has read: what of a second answer it may read. No I/O.

Never a word twice, and never a word that does not follow from what stands there (contract.md, 'Streaming').
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
from typing_extensions import override

from tornadogw.meter import Meter
from tornadogw.relay.reader import Item, Reader
from tornadogw.relay.sent import REASONING, TEXT, Lane, Sent, lane_of
from tornadogw.types import Call, Event, Extra, Failure, Meta, Reasoning, Refusal, Spent, Stop, Text, ToolCall
from tornadogw.vendor import Vendor

__all__ = ["Compared", "Different", "Following", "Prefilled", "ResumedReader", "prefill_of"]


class Different(Exception):
    """The second answer is another one."""


class Following(Protocol):
    """Takes a second answer and lets through what follows the first one's beginning, which is `sent`."""

    sent: Sent

    def rest(self, event: Event) -> Sequence[Event]:
        """What is new in the event. Raises Different."""


def prefill_of(sent: Sent) -> str:
    """The text after which a model can go on; empty if there is more than text, or none to speak of.

    Models go on badly, or not at all, after blanks: they are left out, and `Prefilled` does without them.
    """
    lanes = sent.lanes
    return lanes[TEXT].rstrip() if lanes.keys() == {TEXT} else ""


class Prefilled:
    """The answer of a model that goes on after `prefill_of` what was sent.

    Some servers say the beginning once more all the same: text that starts just like it is held back until it is clear
    that it does not go on so.
    """

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        said = sent.lanes[TEXT]
        self._echo = said.rstrip()
        """What would be said once more, as far as nothing else came yet."""
        self._held = ""
        self._blanks = said[len(self._echo) :]
        """Sent, but not told to the model: it will begin with some of them."""

    def rest(self, event: Event) -> Sequence[Event]:
        if isinstance(event, Reasoning):  # the time for it was before the first word
            return ()
        if isinstance(event, Text):
            said = self._without_blanks(self._without_echo(event.text))
            return (_with(event, said),) if said else ()
        if isinstance(event, Extra):
            return (event,)
        held, self._held, self._echo = self._held, "", ""
        return (Text(self._without_blanks(held)), event) if held else (event,)

    def _without_echo(self, said: str) -> str:
        if not self._echo:
            return said
        said, self._held = self._held + said, ""
        known = _common(said, self._echo)
        if known == len(said) < len(self._echo):
            self._held = said
            return ""
        if known == len(self._echo):
            said = said[known:]
        self._echo = ""
        return said

    def _without_blanks(self, said: str) -> str:
        if not self._blanks or not said:
            return said
        known = _common(said, self._blanks)
        self._blanks = self._blanks[known:] if known == len(said) else ""
        return said[known:]


class Compared:
    """A whole second answer: it must begin with what was sent, and what follows is the rest.

    Reasoning is compared only while the client has read nothing else: after that the second one's is left out.
    """

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        self._todo = sent.lanes
        """What of each lane has not come again yet."""
        self._last = sent.last
        if sent.last != REASONING:
            self._todo.pop(REASONING, None)

    def rest(self, event: Event) -> Sequence[Event]:
        lane = lane_of(event)
        if not lane:  # a stop, or something opaque
            if self._is_back:
                return (event,)
            if isinstance(event, Stop):
                raise Different
            return ()
        if lane == REASONING != self._last:
            return ()
        if lane not in self._todo:
            if not self._is_back:  # the others must be where they were before a new one begins
                raise Different
            return (event,)
        return self._again(lane, event)

    @property
    def _is_back(self) -> bool:
        """All that was sent has come again."""
        return not any(self._todo.values())

    def _again(self, lane: Lane, event: Event) -> Sequence[Event]:
        said, todo = _said(event), self._todo[lane]
        if isinstance(event, ToolCall) and event.name and todo:
            said = f"{event.name}\n{said}"
        known = _common(said, todo)
        if known < min(len(said), len(todo)):
            raise Different
        self._todo[lane] = todo[known:]
        if known == len(said):
            return ()
        if lane != self._last or not self._is_back:  # only what was cut may be longer
            raise Different
        return (_with(event, said[known:]),)


class ResumedReader(Reader):
    """Reads a second answer; what the client has read already counts for nothing."""

    def __init__(self, vendor: Vendor, call: Call, meter: Meter, following: Following) -> None:
        super().__init__(vendor, call, meter, sent=following.sent)
        self._following = following

    @override
    def _accept(self, said: Sequence[Event | Failure]) -> list[Item]:
        return super()._accept(self._rest_of(said))

    def _rest_of(self, said: Sequence[Event | Failure]) -> list[Event | Failure]:
        new: list[Event | Failure] = []
        for item in said:
            if isinstance(item, Failure | Meta | Spent) or item.choice:  # type: ignore[attr-defined]  # the others have one
                new.append(item)  # another choice is none of this answer: the reader leaves it out
                continue
            try:
                new += self._following.rest(item)
            except Different:
                new.append(Failure("cannot", code="different", message="the second answer is another one"))
                break
            if not isinstance(item, Extra):  # it speaks, though maybe nothing new: no silence to be waited through
                self.useful = True
        return new


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    return next(place for place in range(most) if one[place] != other[place])


def _said(event: Event) -> str:
    match event:
        case Text(text) | Reasoning(text) | Refusal(text):
            return text
        case ToolCall():
            return event.arguments
    raise TypeError(f"says nothing: {event!r}")


def _with(event: Event, said: str) -> Event:
    """The event with other words; a call's name has been read."""
    if isinstance(event, ToolCall):
        return msgspec.structs.replace(event, id="", name="", arguments=said)
    return msgspec.structs.replace(event, text=said)
