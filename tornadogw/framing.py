"""Bytes of an upstream to frames: server-sent events, JSON lines, the elements of a JSON array, binary messages, or one
JSON body. Pure, and the same for any split.

The Content-Type does not decide which of them it is (recorded streams come as `application/json`, JSON answers come
to `stream: true`): the first non-blank bytes do. There is no limit on the length of a line, only one on a frame.
"""

from __future__ import annotations

import re
from typing import Literal

import orjson

from tornadogw.errors import Unreadable
from tornadogw.eventstream import EventStream
from tornadogw.json_array import JsonArray
from tornadogw.types import Frame, Framing

__all__ = ["DONE", "LIMIT", "Framer", "Kind", "SSEBlocks", "read_block", "sniff"]

Kind = Literal["", "sse", "json", "ndjson", "json-array", "eventstream", "html", "garbage"]

LIMIT = 64 * 1024 * 1024
"""Bytes of the largest frame."""
DONE = b"[DONE]"
"""The terminator of the chat dialect."""

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:")
_FIELD_ROOM = len(b"retry: ")
"""A line may be longer than its frame by the name of its field."""
_BLOCK_END = re.compile(rb"(?:\r\n|\n|\r(?=[^\n]))(?:\r\n|\n|\r(?=[^\n]))")
"""Two line ends. A CR at the end of what has arrived may be half of a CRLF, so it waits for its successor."""


def sniff(head: bytes) -> Kind:
    """What a body is, from its first bytes; empty while they leave it open."""
    if len(head) < len(_BOM) and _BOM.startswith(head):
        return ""
    head = head.removeprefix(_BOM).lstrip(_BLANK)
    if not head:
        return ""
    first = head[:1]
    if first in b"{[":
        return "json"
    if first == b"<":
        return "html"
    if first == b":" or head.startswith(_FIELDS):
        return "sse"
    return "" if any(field.startswith(head) for field in _FIELDS) else "garbage"


class Framer:
    """Cuts one upstream body into frames. Frames above `limit` bytes raise `Unreadable`.

    HTML and garbage give no frame; `kind` tells them. `framing` is how a body is cut that is no stream of server-sent
    events, if the call asked to `stream`: `ndjson`, each line is a frame if the first is a document in itself;
    `json-array`, each element is; `eventstream`, what is no text is a stream of binary messages. Everything else is
    one document.
    """

    def __init__(self, limit: int = LIMIT, *, framing: Framing = "sse", stream: bool = True) -> None:
        self.kind: Kind = ""
        self._by_line = framing == "ndjson" and stream
        self._elements = JsonArray(limit) if framing == "json-array" and stream else None
        self._messages = EventStream() if framing == "eventstream" else None
        self._limit = limit
        self._head = b""
        self._pieces: list[bytes] = []  # of the unfinished line, or of the JSON body
        self._size = 0  # bytes in _pieces
        self._after_cr = False
        self._lines: list[bytes] = []  # data lines of the unfinished event
        self._lines_size = 0
        self._event = ""
        self._failed = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        if not self.kind:
            self._head += data
            self.kind = sniff(self._head)
            if not self.kind:
                self._head = _open_head(self._head)
                return []
            if self.kind == "garbage" and self._messages is not None:
                self.kind = "eventstream"
            if self._elements is not None and self._head.removeprefix(_BOM).lstrip(_BLANK).startswith(b"["):
                self.kind = "json-array"
            data, self._head = self._head.removeprefix(_BOM).lstrip(_BLANK), b""
        if self.kind == "sse":
            return self._feed_events(data)
        if self._by_line and self.kind in ("json", "ndjson"):
            return self._feed_lines(data)
        if self.kind == "json-array" and self._elements is not None:
            return self._elements.feed(data)
        if self.kind == "eventstream" and self._messages is not None:
            return self._messages.feed(data)
        if self.kind == "json":
            self._keep(data, self._limit)
        return []

    def end(self) -> list[Frame]:
        """The body has ended. An unterminated last event counts if it is complete in itself, else it is dropped."""
        self._raise_if_failed()
        if not self.kind:
            self.kind = "garbage" if self._head.strip(_BLANK) else ""
            return []
        if self.kind in ("json", "ndjson"):
            return self._end_json(self._take_line(b""))
        if self.kind == "json-array" and self._elements is not None:
            return self._elements.end()
        if self.kind == "eventstream" and self._messages is not None:
            return self._messages.end()
        if self.kind != "sse":
            return []
        frames: list[Frame] = []
        if self._pieces:
            self._line(self._take_line(b""), frames)
        self._dispatch(frames)
        return [frame for frame in frames if _complete(frame.data)]

    def _feed_lines(self, data: bytes) -> list[Frame]:
        self._raise_if_failed()
        frames: list[Frame] = []
        try:
            self._split_lines(data, frames)
        except Unreadable:
            if not frames:
                raise
        return frames

    def _split_lines(self, data: bytes, frames: list[Frame]) -> None:
        *lines, rest = data.split(b"\n")
        for at, piece in enumerate(lines):
            line = self._take_line(piece)
            self._check(len(line), self._limit)
            if self.kind == "json" and not _complete(line) and not _ends_in_string(line):
                self._by_line = False  # a document over several lines
                self._keep(b"\n".join([line, *lines[at + 1 :], rest]), self._limit)
                return
            self.kind = "ndjson"
            if line and not line.isspace():
                frames.append(Frame(line))
        if rest:
            self._keep(rest, self._limit)

    def _end_json(self, rest: bytes) -> list[Frame]:
        """The document, or the last line: without its end it counts if it is complete in itself."""
        if not self._by_line or (self.kind == "json" and not _complete(rest)):
            return [Frame(rest, whole=True)]
        self.kind = "ndjson"
        return [Frame(rest)] if _complete(rest) else []

    def _feed_events(self, data: bytes) -> list[Frame]:
        self._raise_if_failed()
        frames: list[Frame] = []
        try:
            self._split(data, frames)
        except Unreadable:
            self._failed = True
            if not frames:
                raise
        return frames

    def _split(self, data: bytes, frames: list[Frame]) -> None:
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._pieces:
            lines[0] = self._take_line(lines[0])
        for line in lines:
            self._line(line, frames)
        if rest:
            self._keep(rest, self._limit + _FIELD_ROOM)

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if not line:
            self._dispatch(frames)
        elif line.startswith(b"data:"):
            self._check(len(line), self._limit + _FIELD_ROOM)
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._lines_size += len(value) + 1
            self._check(self._lines_size - 1, self._limit)
            self._lines.append(value)
        elif line.startswith(b"event:"):
            self._check(len(line), self._limit + _FIELD_ROOM)
            self._event = line[6:].strip().decode("utf-8", "replace")
        else:
            self._check(len(line), self._limit + _FIELD_ROOM)  # a comment, or a field of no use here

    def _dispatch(self, frames: list[Frame]) -> None:
        if self._lines:
            data = self._lines[0] if len(self._lines) == 1 else b"\n".join(self._lines)
            if data and not data.isspace():
                frames.append(Frame(data, self._event))
            self._lines = []
            self._lines_size = 0
        self._event = ""

    def _keep(self, piece: bytes, limit: int) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        self._check(self._size, limit)

    def _take_line(self, last: bytes) -> bytes:
        self._pieces.append(last)
        line = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return line

    def _check(self, size: int, limit: int) -> None:
        if size > limit:
            self._failed = True
            raise Unreadable(f"a frame is longer than {self._limit} bytes")

    def _raise_if_failed(self) -> None:
        if self._failed:
            raise Unreadable(f"a frame is longer than {self._limit} bytes")


class SSEBlocks:
    """Cuts server-sent events into raw blocks, each with its blank line, for the relay that passes them unparsed.

    `tail` is what waits for its border. Blocks above `limit` bytes raise `Unreadable`.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0  # no border begins before it
        self._cr = False

    @property
    def tail(self) -> bytes:
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The blocks that `data` completes."""
        self._buffer += data
        if not self._cr and b"\r" in data:
            self._cr = True
        blocks: list[bytes] = []
        start = 0
        while (end := self._border()) >= 0:
            blocks.append(bytes(self._buffer[start:end]))
            start = self._searched = end
        if start:
            del self._buffer[:start]
        self._searched = max(0, len(self._buffer) - 3)
        if len(self._buffer) > self._limit:
            raise Unreadable(f"an event is longer than {self._limit} bytes")
        return blocks

    def _border(self) -> int:
        """Where the block that begins in the unsearched part ends; -1: not yet."""
        if self._cr:
            found = _BLOCK_END.search(self._buffer, self._searched)
            return found.end() if found else -1
        at = self._buffer.find(b"\n\n", self._searched)
        return at + 2 if at >= 0 else -1


def read_block(block: bytes) -> Frame | None:
    """The frame in one raw block of `SSEBlocks`; None: it holds comments or empty data only."""
    framer = Framer()
    framer.kind = "sse"
    frames = framer.feed(block.removeprefix(_BOM))
    return frames[0] if frames else None


def _open_head(head: bytes) -> bytes:
    """What must be kept of a head that leaves its kind open. Leading blanks may come for ever; one is enough to know
    that a byte order mark can no longer follow.
    """
    if _BOM.startswith(head) and head != _BOM:
        return head
    return head.removeprefix(_BOM).lstrip(_BLANK) or b" "


def _ends_in_string(line: bytes) -> bool:
    """Whether a string of JSON is open at the line's end: no document goes on like that, so the line is broken."""
    return line.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') % 2 == 1


def _complete(data: bytes) -> bool:
    if data.strip() == DONE:
        return True
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True
