"""The journal of this process: room is promised before a call is served, its record written before it is answered."""

from __future__ import annotations

import logging
import os
from collections import deque

from tornadogw.journal.segment import LONGEST, SIZE, Head, Segment
from tornadogw.journal.slot import Slot

__all__ = ["Journal"]

log = logging.getLogger(__name__)

_SPARE = 2
"""Segments that are kept for later when nothing needs them now."""
_FRESH_ROOM = (SIZE - LONGEST) // LONGEST
"""Records of the longest kind that a segment takes, at least."""


class Journal:
    """Writes, and knows what may be overwritten. Synchronous: a write goes to the kernel's memory, not to a disk."""

    def __init__(self, slot: Slot, database: str, start: str) -> None:
        """`database`, `start`: whose records these are, see `Head`."""
        self._slot, self._database, self._start = slot, database, start
        left = slot.segments()
        self._named = int(left[-1].stem) if left else 0
        self._number = 0
        self._current: Segment | None = None
        self._spare: deque[Segment] = deque()
        self._full: dict[int, Segment] = {}
        self._open: dict[int, int] = {}  # number to records that the database does not have
        self._promised = 0
        self._told = False

    def promise(self) -> bool:
        """Whether there is room for one more record; it is kept until `append` or `withdraw`."""
        while self._room() <= self._promised:
            if not self._grow():
                return False
        self._promised += 1
        return True

    def withdraw(self) -> None:
        """What was promised is not needed."""
        self._promised -= 1

    def append(self, payload: bytes) -> int:
        """Write a record for which room was promised; gives the number of its segment. Raises OSError.

        `payload` is at most `LONGEST` less eight bytes.
        """
        self._promised -= 1
        segment = self._current
        if segment is None or not segment.fits(payload):
            segment = self._next()
        segment.append(payload)
        self._open[segment.number] += 1
        return segment.number

    def acknowledge(self, number: int) -> None:
        """The database has one record more of this segment."""
        self._open[number] -= 1
        if not self._open[number]:
            self._reuse(number)

    @property
    def unacknowledged(self) -> int:
        """Records that only the journal has."""
        return sum(self._open.values())

    def close(self) -> None:
        """Leave what the database does not have for the next start, remove the rest, and give the slot up."""
        current = [] if self._current is None else [self._current]
        for segment in (*current, *self._full.values(), *self._spare):
            segment.close()
            if not self._open.get(segment.number):
                segment.path.unlink(missing_ok=True)
        self._slot.release()

    def _room(self) -> int:
        current = 0 if self._current is None else self._current.room
        return current + len(self._spare) * _FRESH_ROOM

    def _grow(self) -> bool:
        """One segment more; False: the disk has no room for it."""
        self._named += 1
        try:
            self._spare.append(Segment.made(self._slot.new_path(self._named)))
        except OSError as error:
            if not self._told:
                why = os.strerror(error.errno) if error.errno else str(error)
                log.error("the journal cannot grow (%s): calls are refused until there is room", why)  # noqa: TRY400 -- the sentence says it all
            self._told = True
            return False
        self._told = False
        return True

    def _next(self) -> Segment:
        """The next segment becomes the current one. Raises OSError."""
        if not self._spare:  # cannot be while every record had its promise
            raise OSError("the journal has no room")
        segment = self._spare[0]
        self._number += 1
        segment.begin(Head(self._number, self._database, self._start))
        self._spare.popleft()
        if self._current is not None:
            self._full[self._current.number] = self._current
            if not self._open[self._current.number]:
                self._reuse(self._current.number)
        self._current = segment
        self._open[segment.number] = 0
        return segment

    def _reuse(self, number: int) -> None:
        """All of this segment is in the database: it is free, unless it is still being written."""
        segment = self._full.pop(number, None)
        if segment is None:
            return
        del self._open[number]
        if len(self._spare) < _SPARE or self._room() < self._promised:
            self._spare.append(segment)
        else:
            segment.close()
            segment.path.unlink(missing_ok=True)
