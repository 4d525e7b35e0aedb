"""Appends lines to a file, off the event loop: many at once, in order, whole, and never more waiting than agreed."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections import deque
from pathlib import Path

from tornadogw import UsageError

__all__ = ["Writer"]

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Between two tries while the disk takes nothing."""
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
"""Appending is atomic between processes; not blocking lets a named pipe be refused instead of waited for."""


class Writer:
    """One file. Other processes may append to it and rotate it at any time."""

    def __init__(self, path: str, most: int, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self.dropped = 0
        """Lines lost since the last that was written."""
        self._path = Path(path).expanduser()
        self._most = most
        self._retry_seconds = retry_seconds
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._ending = False
        self._failing = False
        self._file = -1
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the file and begin. Raises UsageError if it cannot be written, before any call could be lost."""
        try:
            await asyncio.to_thread(self._reopen)
        except OSError as error:
            raise UsageError(f"plugin.jsonlines.path = {str(self._path)!r}: {error.strerror or error}") from error
        self._task = asyncio.create_task(self._run(), name="jsonlines writer")

    async def stop(self) -> None:
        """Write what waits, then close. What the disk still refuses is lost, and the log says how much."""
        self._ending = True
        self._wake.set()
        try:
            if self._task is not None:
                await self._task
            self._close()  # not when cancelled: the thread may still be writing
        finally:
            if lost := self.dropped + len(self._waiting):
                log.warning("%s: %d finished calls were not written", self._path, lost)

    def put(self, line: bytes) -> None:
        """Take a line; never waits."""
        if len(self._waiting) >= self._most:
            self.dropped += 1
        else:
            self._waiting.append(line)
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                if not await self._write_out():
                    if self._ending:
                        return
                    await self._pause()
            if self._ending:
                return

    async def _pause(self) -> None:
        """Wait before the next try, but not through the end."""
        try:
            async with asyncio.timeout(self._retry_seconds):
                while not self._ending:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            return

    async def _write_out(self) -> bool:
        """Write all that waits now; whether the disk took it. New lines may come meanwhile, behind these."""
        batch = list(self._waiting)
        try:
            written = await asyncio.to_thread(self._append, b"".join(batch))
        except OSError as error:
            self._complain(error)
            return False
        for line in batch:
            if written < len(line):
                break
            written -= len(self._waiting.popleft())
        if written:  # the disk took a part of a line: the rest of it comes next
            self._waiting[0] = self._waiting[0][written:]
        self._recovered()
        return True

    def _append(self, data: bytes) -> int:
        self._reopen()
        return os.write(self._file, data)

    def _reopen(self) -> None:
        """Open the file unless it is open and still the one under its name: after a rotation it is not."""
        if self._file >= 0 and self._is_current():
            return
        opened = os.open(self._path, FLAGS, 0o600)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise OSError(0, "is not a regular file")
        self._close()
        self._file = opened

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _is_current(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._file))

    def _complain(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            log.warning("%s cannot be written: %s; finished calls wait", self._path, error.strerror or error)

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            log.warning("%s can be written again; %d finished calls were dropped", self._path, self.dropped)
            self.dropped = 0
