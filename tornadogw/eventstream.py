"""Bytes of an AWS event stream (`application/vnd.amazon.eventstream`) to frames. Pure, and the same for any split.

A message is: total size, size of the headers, CRC32 of these eight bytes, headers, payload, CRC32 of all before it.
Numbers are big-endian.
"""

from __future__ import annotations

import struct
import zlib

from tornadogw.errors import Unreadable
from tornadogw.types import Frame

__all__ = ["LIMIT", "EventStream"]

LIMIT = 16 * 1024 * 1024
"""Bytes of the largest message; the format's own limit is 24 MiB for the payload."""
HEADERS_LIMIT = 128 * 1024
"""Bytes of the headers of one message, as the format has it."""
_PRELUDE, _CRC = 12, 4
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Types of header values without a size of their own: bytes that follow."""
_BYTES, _STRING = 6, 7
_NAMES = {"event": ":event-type", "exception": ":exception-type", "error": ":error-code"}
"""The header that names a message, by its `:message-type`."""


class EventStream:
    """Cuts one body into frames: `data` is the payload, `event` the type of the event, exception or error.

    Raises `Unreadable` for a wrong check sum and a message above `limit` bytes, once the frames before it were given.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._size = 0  # of the message that has begun; 0: its prelude is not there yet
        self._headers = 0
        self._why = ""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        if self._why:
            raise Unreadable(self._why)
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        try:
            while (end := self._message_end(start)) > 0:
                frames.append(self._message(bytes(self._buffer[start:end])))
                start, self._size = end, 0
        except Unreadable as error:
            self._why = str(error)
            self._buffer.clear()
            if not frames:
                raise
            return frames
        del self._buffer[:start]
        return frames

    def end(self) -> list[Frame]:
        """The body has ended. An unfinished message is no frame."""
        if self._why:
            raise Unreadable(self._why)
        self._buffer.clear()
        return []

    def _message_end(self, start: int) -> int:
        """Where the message that begins at `start` ends; 0: it is not all there."""
        if not self._size:
            if len(self._buffer) - start < _PRELUDE:
                return 0
            size, headers, crc = struct.unpack_from(">III", self._buffer, start)
            if zlib.crc32(self._buffer[start : start + _PRELUDE - _CRC]) != crc:
                raise Unreadable("a message's prelude does not match its check sum")
            if size > self._limit or headers > HEADERS_LIMIT:
                raise Unreadable(f"a message is longer than {self._limit} bytes")
            if size < _PRELUDE + headers + _CRC:
                raise Unreadable("a message is shorter than its parts")
            self._size, self._headers = size, headers
        return start + self._size if len(self._buffer) - start >= self._size else 0

    def _message(self, message: bytes) -> Frame:
        (crc,) = struct.unpack_from(">I", message, len(message) - _CRC)
        if zlib.crc32(message[:-_CRC]) != crc:
            raise Unreadable("a message does not match its check sum")
        border = _PRELUDE + self._headers
        headers = _headers(message[_PRELUDE:border])
        name = headers.get(_NAMES.get(headers.get(":message-type", "event"), ""), "")
        return Frame(message[border:-_CRC], name)


def _headers(data: bytes) -> dict[str, str]:
    """The headers that are strings; others are skipped."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            start = at + 1
            at = start + data[at]
            name, kind = data[start:at].decode(), data[at]
            at += 1
            if kind in (_BYTES, _STRING):
                (size,) = struct.unpack_from(">H", data, at)
                at += 2
                if kind == _STRING:
                    found[name] = data[at : at + size].decode()
            else:
                size = _FIXED[kind]
            at += size
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        raise Unreadable("a message's headers cannot be read") from None
    if at > len(data):
        raise Unreadable("a message's headers cannot be read")
    return found
