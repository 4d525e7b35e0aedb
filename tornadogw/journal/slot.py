"""Whose journal is whose: one folder a process, under a lock that ends with the process however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from tornadogw.errors import UsageError

__all__ = ["Slot", "leftovers", "take_slot"]

_LOCK = "lock"
_SEGMENT = "*.segment"
_MOST = 4096
"""Slots of one data folder."""


class Slot:
    """A folder that only this process writes to, until `release`."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder, self._lock = folder, lock

    def segments(self) -> list[Path]:
        """What an earlier process left here, in the order in which it was made."""
        return sorted(self.folder.glob(_SEGMENT))

    def new_path(self, number: int) -> Path:
        """A name for a file that is there no file yet."""
        return self.folder / f"{number:016d}.segment"

    def release(self) -> None:
        """Give the folder up. The empty folder stays: to remove it would race with who takes it."""
        os.close(self._lock)


def take_slot(folder: Path) -> Slot:
    """The first slot under `folder` that is nobody's. Raises UsageError if the folder cannot be used."""
    try:
        for number in range(_MOST):
            slot = _locked(folder / f"slot-{number}")
            if slot is not None:
                return slot
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(
            f"The journal in {folder} cannot be written ({why}): make room or give us the folder, "
            'or set `money.journal = "mongo"` to do without.'
        ) from None
    raise UsageError(f"All {_MOST} journals in {folder} are in use.")


def leftovers(folder: Path) -> Iterator[Slot]:
    """Every slot under `folder` that has segments and is nobody's, locked; each is to be released."""
    for path in sorted(folder.glob("slot-*")):
        if not any(path.glob(_SEGMENT)):
            continue
        slot = _locked(path)
        if slot is None:
            continue
        if slot.segments():
            yield slot
        else:  # somebody was faster
            slot.release()


def _locked(path: Path) -> Slot | None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return Slot(path, lock)
