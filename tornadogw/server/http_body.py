"""The body of one HTTP/1 request, cut out of what has arrived. Pure, and the same for any split of the bytes."""

from __future__ import annotations

import re
from typing import Protocol

from tornado.httputil import HTTPInputError
from typing_extensions import override

__all__ = ["Body", "Chunked", "Fixed", "body_of"]

SIZE_LINE = 256
"""Bytes of the line that begins a chunk, extensions included."""
TRAILERS = 8192
"""Bytes of the lines after the last chunk, which nobody reads."""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


class Body(Protocol):
    """A body that is on its way."""

    done: bool
    """All of it was taken."""

    def take(self, arrived: bytearray) -> bytes:
        """What has arrived of the body, which is removed from `arrived`. Raises HTTPInputError."""


def body_of(length: int | None) -> Body:
    """The body of a request whose head says `length`; None: it comes in chunks."""
    return Chunked() if length is None else Fixed(length)


class Fixed(Body):
    """A body of so many bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    @override
    def take(self, arrived: bytearray) -> bytes:
        data = bytes(arrived[: self._left])
        del arrived[: len(data)]
        self._left -= len(data)
        self.done = self._left == 0
        return data


class Chunked(Body):
    """A body in chunks (RFC 9112 section 7.1). Extensions and trailers are read over."""

    def __init__(self) -> None:
        self.done = False
        self._left = 0  # of the chunk, with the CRLF after it
        self._last = False
        self._trailers = 0

    @override
    def take(self, arrived: bytearray) -> bytes:
        pieces: list[bytes] = []
        at = 0
        while not self.done:
            if self._left > 0:
                taken, at = self._inside(arrived, at, pieces)
            else:
                taken, at = self._line(arrived, at)
            if not taken:
                break
        del arrived[:at]
        return b"".join(pieces)

    def _inside(self, arrived: bytearray, at: int, pieces: list[bytes]) -> tuple[bool, int]:
        """More of a chunk; its CRLF is checked, and waited for as a whole."""
        data = self._left - 2
        if data > 0:
            piece = bytes(arrived[at : at + data])
            pieces.append(piece)
            self._left -= len(piece)
            return len(piece) == data, at + len(piece)
        if len(arrived) < at + 2:
            return False, at
        if arrived[at : at + 2] != b"\r\n":
            raise HTTPInputError("A chunk that does not end where it says")
        self._left = 0
        return True, at + 2

    def _line(self, arrived: bytearray, at: int) -> tuple[bool, int]:
        """The line that begins a chunk, or one after the last."""
        limit = TRAILERS - self._trailers if self._last else SIZE_LINE
        end = arrived.find(b"\r\n", at, at + limit + 2)
        if end < 0:
            if len(arrived) - at > limit:
                raise HTTPInputError("A line of a chunked body is too long")
            return False, at
        line = bytes(arrived[at:end])
        if self._last:
            self._trailers += len(line) + 2
            self.done = not line
        else:
            found = _SIZE.fullmatch(line)
            if found is None:
                raise HTTPInputError("Malformed size of a chunk")
            size = int(found[1], 16)
            self._last = size == 0
            self._left = size + 2 if size else 0
        return True, end + 2
