"""One upstream answer as it is read: bytes in, events out, and the verdict whether it is whole. No I/O."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

import msgspec

from tornadogw.errors import Unreadable
from tornadogw.framing import LIMIT, Framer
from tornadogw.meter import Meter
from tornadogw.relay.sent import Sent
from tornadogw.types import (
    Call,
    Event,
    Extra,
    Failure,
    Frame,
    Meta,
    Reasoning,
    Refusal,
    Spent,
    Stop,
    Text,
    ToolCall,
)
from tornadogw.vendor import Vendor

__all__ = ["Item", "Reader"]

log = logging.getLogger(__name__)

Item = Event | bytes
"""An event, or whole SSE events of the client's dialect that pass as they came."""


class Reader:
    """Reads one answer of `vendor` to `call` and feeds the meter on the way.

    `offset` moves the choices of this answer: several prompts served one after the other share one answer.
    `sent` is told what a client gets to read; None: nobody will go on with this answer if it breaks off.
    """

    def __init__(self, vendor: Vendor, call: Call, meter: Meter, *, offset: int = 0, sent: Sent | None = None) -> None:
        self.meta = Meta()
        self.useful = False
        """The first useful event was read: text, reasoning, refusal or tool-call bytes, or a finish reason."""
        self.failure: Failure | None = None
        self.broken = 0
        """Events that were unreadable and left out."""
        self.frames = 0
        """Frames that told something."""
        self.pings = 0
        """Frames that told nothing."""
        self.body: bytes | None = None
        """The body, if it was one JSON document."""
        self._vendor = vendor
        self._memo = vendor.memo(call)
        self._meter = meter
        self._framer = Framer(framing=vendor.framing, stream=call.stream)
        self._choices = call.draft.choices
        self._offset = offset
        self._sent = sent
        self._seen: set[int] = set()
        self._stopped: set[int] = set()
        self._ended = False
        self._kept = 0 if call.draft.stream else LIMIT
        """Bytes of text that may still be folded; a stream keeps none."""

    @property
    def complete(self) -> bool:
        """Every choice seen has its finish reason: what is still missing cannot make the answer less than whole."""
        return bool(self._seen) and self._seen == self._stopped

    @property
    def finished(self) -> bool:
        """Every choice that was asked for has its finish reason: no part of the answer is to come."""
        return self.complete and len(self._seen) >= self._choices

    @property
    def done(self) -> bool:
        """The dialect's terminator was read: nothing follows that matters."""
        return self._memo.done is True

    def feed(self, data: bytes) -> Sequence[Item]:
        """The events in `data`; `failure` is set when the upstream said that it failed."""
        try:
            frames = self._framer.feed(data)
        except Unreadable as error:
            self._fail("unreadable", str(error))
            return []
        self._refuse_pages()
        return self._read_all(frames)

    def end(self) -> Sequence[Item]:
        """Nothing more comes: what was held back. Sets `failure` if the answer is not whole."""
        if self._ended:
            return []
        self._ended = True
        try:
            events = self._read_all(self._rest())
        except Unreadable as error:
            self._fail("unreadable", str(error))
            return []
        self._refuse_pages()
        if self.failure is None and self._framer.kind != "json":
            events += self._told(self._vendor.end, self._memo)
        if self.failure is None and not self._seen:
            self._fail("empty", "the upstream answered nothing")
        if self.failure is None:
            events += self._accept(
                [Stop("stop", choice - self._offset) for choice in sorted(self._seen - self._stopped)]
            )
        return events

    def _rest(self) -> list[Frame]:
        """The frames that the end of the body completes."""
        return self._framer.end()

    def _refuse_pages(self) -> None:
        if self._framer.kind in ("html", "garbage"):
            self._fail("unreadable", "the upstream answered something that is neither a stream nor JSON")

    def _read_all(self, frames: Iterable[Frame]) -> list[Item]:
        events: list[Item] = []
        for frame in frames:
            if self.failure is not None:
                break
            events += self.read(frame)
        return events

    def read(self, frame: Frame) -> list[Item]:
        """The events of one frame. An unreadable event of a stream is dropped and counted."""
        try:
            if frame.whole:
                self.body = frame.data
                return self._told(self._vendor.read_whole, frame.data, self._memo)
            return self._told(self._vendor.read, frame, self._memo)
        except Unreadable:
            self.broken += 1
            self.pings += 1
            if frame.whole:
                self._fail("unreadable", "the upstream's JSON cannot be read")
        return []

    def _told(self, read: Callable[..., Sequence[Event | Failure]], *what: object) -> list[Item]:
        """What the vendor says, accepted. Raises Unreadable."""
        try:
            said = read(*what)
            if said:
                self.frames += 1
            else:
                self.pings += 1
            return self._accept(said)
        except Unreadable:
            raise
        except Exception:  # a vendor is a plugin: its bug is a failed upstream, not ours
            log.exception("vendor %s failed to read an answer", self._vendor.name)
            self._fail("vendor_bug", "the vendor plugin failed to read the answer")
        return []

    def _accept(self, said: Sequence[Event | Failure]) -> list[Item]:
        """Note what each event means for the answer, and let through what a client may see."""
        events: list[Item] = []
        for item in said:
            if isinstance(item, Failure):
                self.failure = self.failure or item
                break
            if isinstance(item, Meta):
                self.meta = Meta(
                    self.meta.id or item.id, self.meta.model or item.model, self.meta.created or item.created
                )
            elif isinstance(item, Spent):
                self._meter.reported(item.usage)
            elif self._counts(item):
                events.append(self._moved(item) if self._offset else item)
                if self._sent is not None:
                    self._sent.add(item)
        return events

    def _counts(self, event: Event) -> bool:
        """Whether the event belongs to the answer; feeds the meter and the verdict."""
        if isinstance(event, Extra):
            return 0 <= event.choice < self._choices
        choice: int = event.choice  # type: ignore[attr-defined]  # all others were handled by the caller
        place = choice + self._offset
        if place in self._stopped or not 0 <= choice < self._choices:
            return False
        if isinstance(event, Stop):
            self._stopped.add(place)
        elif not (said := _said(event)) and not isinstance(event, ToolCall):
            return False
        else:
            self._meter.relayed(said)
            self._keep(said)
        self._seen.add(place)
        self.useful = True
        return True

    def _keep(self, said: str) -> None:
        """An answer without end must not fill our memory."""
        if self._kept and (left := self._kept - len(said)) <= 0:
            self._fail("too_large", "the answer is larger than the gateway folds into one document")
        elif self._kept:
            self._kept = left

    def _moved(self, event: Event) -> Event:
        if isinstance(event, Extra) and event.place == "answer":
            return event
        return msgspec.structs.replace(event, choice=event.choice + self._offset)  # type: ignore[attr-defined]

    def _fail(self, code: str, message: str) -> None:
        self.failure = self.failure or Failure("elsewhere", code=code, message=message)


def _said(event: Event) -> str:
    match event:
        case Text(text) | Reasoning(text) | Refusal(text):
            return text
        case ToolCall():
            return event.name + event.arguments
    return ""
