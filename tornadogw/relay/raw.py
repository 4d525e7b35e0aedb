"""The raw relay: once the answer has begun, most events of an upstream that speaks the client's dialect pass unparsed.

Raw means that most events pass unparsed, not that bytes are untouched (design.md, 'Relay').
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from typing_extensions import override

from tornadogw.errors import Unreadable
from tornadogw.framing import Framer, SSEBlocks, read_block, sniff
from tornadogw.meter import Meter
from tornadogw.relay.reader import Item, Reader
from tornadogw.relay.sent import Sent
from tornadogw.types import Call, Frame
from tornadogw.vendor import Vendor

__all__ = ["RawReader", "is_plain"]

_SAID = re.compile(rb'"(?:content|text)":\s?"([^"\\]*(?:\\.[^"\\]*)*)"')


def is_plain(event: bytes) -> bool:
    """Whether one whole SSE event may reach the client as it came.

    It says one thing about an unfinished choice, in one line, and nothing that clients read otherwise than we promise.
    A quote inside a JSON string is escaped, so no text can pass for a mark that must be there.
    """
    return (
        event.startswith(b"data: {")
        and event.endswith(b"}\n\n")
        and b"\n" not in event[:-2]
        and (b'"choices":[{' in event or b'"choices": [{' in event)
        and (b'"finish_reason":null' in event or b'"finish_reason": null' in event)
        and b'"reasoning' not in event
        and b'"tool_calls"' not in event
        and b'"content":[' not in event
        and b'"content": [' not in event
        and b'"refusal":"' not in event
        and b'"refusal": "' not in event
        and b'"error"' not in event
        and b'"usage":{' not in event
        and b'"usage": {' not in event
    )


class RawReader(Reader):
    """A Reader that lets plain events pass once `passing` is set; everything else is parsed as ever."""

    def __init__(self, vendor: Vendor, call: Call, meter: Meter, *, sent: Sent | None = None) -> None:
        super().__init__(vendor, call, meter, sent=sent)
        self.passing = False
        self._head = b""
        self._blocks: SSEBlocks | None = None

    @override
    def feed(self, data: bytes) -> Sequence[Item]:
        if self._blocks is None:
            if self._framer.kind:  # known to be no stream
                return super().feed(data)
            self._head = (self._head + data).lstrip(b" \t\r\n")  # blanks may come for ever
            if sniff(self._head) != "sse":
                return super().feed(data)
            data, self._head = self._head, b""
            self._blocks = SSEBlocks()
        try:
            return self._pass(self._blocks.feed(data))
        except Unreadable as error:
            self._fail("unreadable", str(error))
            return []

    @override
    def _rest(self) -> list[Frame]:
        """The tail is parsed like any other bytes: it never passes, for it has no border."""
        if self._blocks is None:
            return super()._rest()
        last = Framer()
        return last.feed(self._blocks.tail) + last.end()

    def _pass(self, blocks: Sequence[bytes]) -> list[Item]:
        items: list[Item] = []
        for block in blocks:
            if self.failure is not None or self.done:
                break
            if self.passing and 0 not in self._stopped and is_plain(block):
                self._count(block)
                items.append(block)
            elif (frame := read_block(block)) is not None:
                items += self.read(frame)
        return items

    def _count(self, block: bytes) -> None:
        self.frames += 1
        self._seen.add(0)
        spoken = 0
        for said in _SAID.finditer(block):
            if said[1]:
                spoken += 1
                self._meter.relayed_raw(said[1])
                if self._sent is not None:
                    self._sent.add_raw(said[1])
        if spoken > 1 and self._sent is not None:
            self._sent.lose()  # which of them is the text is not known here
