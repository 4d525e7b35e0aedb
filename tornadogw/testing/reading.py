"""Reads bytes through a vendor as the gateway does, but keeps every event and judges nothing."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterable, Iterator

from tornadogw.errors import Unreadable
from tornadogw.framing import Framer
from tornadogw.types import Call, Event, Failure, Frame, Stop, Value
from tornadogw.vendor import Memo, Vendor

__all__ = ["ODD", "Cut", "Said", "cuts", "events_of", "frames_of", "pieces", "read_all"]

Said = list[Event | Failure]

ODD = (1, 2, 3, 5, 7, 11, 13, 1, 17, 64)


def framer_for(vendor: Vendor, call: Call) -> Framer:
    """The framer with which the gateway cuts this vendor's answer."""
    return Framer(framing=vendor.framing, stream=call.stream)


def read_all(vendor: Vendor, call: Call, chunks: Iterable[bytes]) -> Said:
    """Everything that `vendor` reads out of one answer to `call`, split as `chunks` are.

    A JSON body goes to `read_whole`, a stream's frames to `read` and then `end`. Nothing is left out: `Unreadable` is
    raised on, events after a `Failure` are there as well.
    """
    framer, memo = framer_for(vendor, call), vendor.memo(call)
    events: Said = []
    for chunk in chunks:
        events += events_of(vendor, framer.feed(chunk), memo)
    events += events_of(vendor, framer.end(), memo)
    if framer.kind != "json":
        events.extend(vendor.end(memo))
    return events


def events_of(vendor: Vendor, frames: Iterable[Frame], memo: Memo) -> Said:
    """What the vendor reads out of these frames. Raises Unreadable."""
    events: Said = []
    for frame in frames:
        events.extend(vendor.read_whole(frame.data, memo) if frame.whole else vendor.read(frame, memo))
    return events


def frames_of(vendor: Vendor, call: Call, chunks: Iterable[bytes]) -> list[Frame]:
    """The frames of a body."""
    framer = framer_for(vendor, call)
    return [frame for chunk in chunks for frame in framer.feed(chunk)] + framer.end()


def pieces(body: bytes, sizes: Iterable[int] = ODD) -> list[bytes]:
    """A body in pieces of these sizes, over and over."""
    cut: list[bytes] = []
    at, sizes = 0, list(sizes)
    while at < len(body):
        size = sizes[len(cut) % len(sizes)]
        cut.append(body[at : at + size])
        at += size
    return cut


# --- answers that end too early --------------------------------------------------------------------------------------


class Cut(Value, frozen=True):
    """What is read of an answer whose bytes end at `at`."""

    at: int
    complete: bool
    """Before the end came, every choice had its Stop, or the dialect's terminator was read."""
    broken: bool
    """The vendor read an error, or what is no answer, before it was asked for the end."""
    events: tuple[Event | Failure, ...]


class _Reading:
    """One answer up to a place."""

    def __init__(self, vendor: Vendor, memo: Memo, events: Said, *, whole: bool = False) -> None:
        self.vendor, self.memo, self.events, self.whole = vendor, memo, events, whole

    def twin(self) -> _Reading:
        """The same once more; the call is shared, nobody may change it."""
        memo = copy.deepcopy(self.memo, {id(self.memo.call): self.memo.call})
        return _Reading(self.vendor, memo, list(self.events), whole=self.whole)

    def take(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self.whole = self.whole or frame.whole
            try:
                self.events += events_of(self.vendor, [frame], self.memo)
            except Unreadable as error:
                if frame.whole:
                    self.events.append(Failure("elsewhere", code="unreadable", message=str(error)))

    def ended(self, at: int) -> Cut:
        """This is the last: the body ends here."""
        seen = {choice for event in self.events if (choice := getattr(event, "choice", None)) is not None}
        stopped = {event.choice for event in self.events if isinstance(event, Stop)}
        complete = self.memo.done is True or (bool(seen) and seen == stopped)
        rest: Said = [] if self.whole else list(self.vendor.end(self.memo))
        broken = any(isinstance(event, Failure) for event in self.events)
        return Cut(at, complete, broken, (*self.events, *rest))


def cuts(vendor: Vendor, call: Call, body: bytes, *, step: int = 1) -> Iterator[Cut]:
    """The answer cut after each byte (each `step`-th of a JSON document), and the whole of it at last.

    Between two borders of frames nothing changes but what the framer holds, so the reading goes on from the border.
    """
    framer, border = framer_for(vendor, call), 0
    reading = _Reading(vendor, vendor.memo(call), [])
    fresh, idle = (
        pickle.dumps(framer),
        reading.twin().ended(0),
    )  # thawed at each cut: a deep copy takes ten times as long
    for at in range(1, len(body) + 1):
        frames = framer.feed(body[at - 1 : at])
        if frames:
            reading.take(frames)
            border, fresh, idle = at, pickle.dumps(framer), reading.twin().ended(at)
        if at % step and at < len(body):
            continue
        rest: Framer = pickle.loads(fresh)  # noqa: S301 -- it is ours
        try:
            last = [*rest.feed(body[border:at]), *rest.end()]
        except Unreadable as error:  # half a frame, in a framing that can tell
            torn = Failure("elsewhere", code="unreadable", message=str(error))
            yield Cut(at, idle.complete, idle.broken, idle.events if idle.complete else (*idle.events, torn))
            continue
        if last:
            twin = reading.twin()
            twin.take(last)
            yield twin.ended(at)
        else:
            yield Cut(at, idle.complete, idle.broken, idle.events)
