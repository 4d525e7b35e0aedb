"""One file of the journal: its form, and what can be read of it after any crash. No locks, no policy.

A segment has its whole length from the beginning, so that writing into it cannot fail for want of room. It begins with
a head; records follow, each with its length and a CRC that is also one of the segment's number, so that what is left of
an earlier use of the file is no record. The first thing that is no record is the end: a torn one was never promised.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from tornadogw.types import Value

__all__ = ["HEAD", "LONGEST", "SIZE", "Head", "Segment", "read_segment"]

SIZE = 262_144
"""Bytes of a segment."""
LONGEST = 4096
"""Bytes of the longest record, its frame included: what a promise of room promises."""
_MAGIC = b"TGWJ0001"
_HEAD = struct.Struct("<8sQ32s16sI")
"""Magic, number, database, start, CRC of all that."""
HEAD = _HEAD.size
_FRAME = struct.Struct("<II")
"""Length of the payload, CRC of number, length and payload."""
_NUMBER = struct.Struct("<QI")


class Head(Value, frozen=True):
    """Whose records a segment has."""

    number: int
    database: str
    """Which database they belong to: its id, 32 characters."""
    start: str
    """The start that wrote them, 16 characters."""


class Segment:
    """A segment that is written. Made by `Segment.made`, which has all the room it will ever need."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor
        self._number, self._at = 0, SIZE

    @classmethod
    def made(cls, path: Path) -> Segment:
        """A new file. Raises OSError when there is no room for it: then there is none of it left."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return cls(path, descriptor)

    @property
    def number(self) -> int:
        """0: not begun."""
        return self._number

    @property
    def room(self) -> int:
        """Records of the longest kind that still fit."""
        return (SIZE - self._at) // LONGEST

    def begin(self, head: Head) -> None:
        """From now on it has the records that follow; what was in the file is over. Raises OSError."""
        packed = _HEAD.pack(_MAGIC, head.number, head.database.encode(), head.start.encode(), 0)[:-4]
        self._write(packed + zlib.crc32(packed).to_bytes(4, "little"), 0)
        self._number, self._at = head.number, HEAD

    def fits(self, payload: bytes) -> bool:
        return self._at + _FRAME.size + len(payload) <= SIZE

    def append(self, payload: bytes) -> None:
        """Raises OSError: then the record is not there, and the next one takes its place."""
        self._write(_FRAME.pack(len(payload), _crc(self._number, payload)) + payload, self._at)
        self._at += _FRAME.size + len(payload)

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, data: bytes, at: int) -> None:
        written = os.pwrite(self._descriptor, data, at)
        if written != len(data):
            raise OSError(f"{written} of {len(data)} bytes were written to {self.path}")


def read_segment(data: bytes) -> tuple[Head, Iterator[bytes]] | None:
    """The head and the records of a file; None if it has no head, which is so if nothing was ever written to it."""
    if len(data) < HEAD:
        return None
    magic, number, database, start, crc = _HEAD.unpack_from(data)
    if magic != _MAGIC or crc != zlib.crc32(data[: HEAD - 4]):
        return None
    head = Head(number, database.rstrip(b"\0").decode(), start.rstrip(b"\0").decode())
    return head, _records(data, number)


def _records(data: bytes, number: int) -> Iterator[bytes]:
    at = HEAD
    while at + _FRAME.size <= len(data):
        length, crc = _FRAME.unpack_from(data, at)
        payload = data[at + _FRAME.size : at + _FRAME.size + length]
        if not length or len(payload) != length or _crc(number, payload) != crc:
            return
        yield payload
        at += _FRAME.size + length


def _crc(number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_NUMBER.pack(number, len(payload))))
