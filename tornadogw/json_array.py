"""A JSON array that arrives piece by piece, to frames: each element is one. Pure, and the same for any split.

Only brackets, commas and quotes are looked at; what an element holds is for whoever reads the frame. Each byte is
looked at once, however small the pieces are.
"""

from __future__ import annotations

import re

from tornadogw.errors import Unreadable
from tornadogw.types import Frame

__all__ = ["JsonArray"]

_OUTSIDE = re.compile(rb'["{}\[\],]')
_INSIDE = re.compile(rb'["\\]')
_BLANK = b" \t\r\n"


class JsonArray:
    """Feed it from the `[` on. Raises `Unreadable` for an element above `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []  # of the element that has begun
        self._size = 0
        self._depth = 0
        self._quoted = False
        self._escaped = False  # a backslash was the last byte
        self._failed = self._over = False

    def feed(self, data: bytes) -> list[Frame]:
        """The elements that `data` completes. After the end of the array nothing more is one."""
        if self._failed:
            raise Unreadable(self._why())
        frames: list[Frame] = []
        if self._over:
            return frames
        start = at = 0
        if self._escaped and data:
            self._escaped, at = False, 1
        while (found := (_INSIDE if self._quoted else _OUTSIDE).search(data, at)) is not None:
            mark, at = found[0], found.end()
            if mark == b"\\":
                self._escaped = at == len(data)
                at += 1
            elif mark == b'"':
                self._quoted = not self._quoted
            elif self._border(mark):
                self._complete(data[start : at - 1], frames)
                start = at
                if self._depth == 0:
                    self._over = True
                    return frames
        self._keep(data[start:], frames)
        return frames

    def end(self) -> list[Frame]:
        """The body has ended: an element without its border never counts."""
        if self._failed:
            raise Unreadable(self._why())
        return []

    def _border(self, mark: bytes) -> bool:
        """Whether the bracket or comma begins or ends an element."""
        before = self._depth
        if mark in b"{[":
            self._depth += 1
            return before == 0
        if mark in b"}]":
            self._depth = max(0, before - 1)
            return before == 1
        return before == 1

    def _complete(self, last: bytes, frames: list[Frame]) -> None:
        self._keep(last, frames)
        element = b"".join(self._pieces).strip(_BLANK)
        self._pieces, self._size = [], 0
        if element and not self._failed:
            frames.append(Frame(element))

    def _keep(self, piece: bytes, frames: list[Frame]) -> None:
        """Part of an element. One that is too long is told after those before it."""
        if not piece:
            return
        self._size += len(piece)
        if self._size > self._limit:
            self._failed, self._pieces = True, []
            if not frames:
                raise Unreadable(self._why())
        elif not self._failed:
            self._pieces.append(piece)

    def _why(self) -> str:
        return f"a frame is longer than {self._limit} bytes"
