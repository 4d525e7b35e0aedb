"""Reads bytes through a vendor as the gateway does, but keeps every event and judges nothing."""

from __future__ import annotations

from collections.abc import Iterable

from tornadogw.framing import Framer
from tornadogw.types import Call, Event, Failure, Frame
from tornadogw.vendor import Vendor

__all__ = ["read_all"]


def read_all(vendor: Vendor, call: Call, chunks: Iterable[bytes]) -> list[Event | Failure]:
    """Everything that `vendor` reads out of one answer to `call`, split as `chunks` are.

    A JSON body goes to `read_whole`, a stream's frames to `read` and then `end`. Nothing is left out: `Unreadable` is
    raised on, events after a `Failure` are there as well.
    """
    framer, memo = Framer(by_line=vendor.framing == "ndjson" and call.stream), vendor.memo(call)
    events: list[Event | Failure] = []

    def take(frames: Iterable[Frame]) -> None:
        for frame in frames:
            events.extend(vendor.read_whole(frame.data, memo) if frame.whole else vendor.read(frame, memo))

    for chunk in chunks:
        take(framer.feed(chunk))
    take(framer.end())
    if framer.kind != "json":
        events.extend(vendor.end(memo))
    return events
