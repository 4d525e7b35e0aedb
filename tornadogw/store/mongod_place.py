"""Folders and files of the private MongoDB server: who may own them, how long a path may be, what its log says."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tornadogw.errors import UsageError

__all__ = ["data_folder", "log_since", "rotate_log", "runtime_folder"]

LONGEST_SOCKET_PATH = 103
"""Bytes that `sockaddr_un` holds everywhere (104 with its zero on macOS, 108 on Linux)."""
LOG_BYTES = 16 * 1024 * 1024
"""A log larger than this is put aside at the next start; one former log is kept."""


def data_folder(folder: Path) -> Path:
    """The absolute path of `folder`, made (0700) if it is missing. Raises UsageError if it is not ours to use."""
    folder = folder.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    if folder.stat().st_uid != os.getuid() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(f"The folder {folder} must belong to user {os.getuid()} and be writable.")
    return folder


def runtime_folder(folder: Path, name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the socket `name` of the server in `folder` lies: a short path that only we can enter.

    `$XDG_RUNTIME_DIR`, else a folder of ours in the temporary folder; then 8 hex digits of the data path. Raises
    UsageError when somebody else could have put it there, or when the path is too long for a socket.
    """
    digits = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:8]
    parents = [Path(environ.get("TMPDIR") or tempfile.gettempdir()) / f"tornadogw-{os.getuid()}"]
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK | os.X_OK):
        parents.insert(0, Path(runtime) / "tornadogw")
    for parent in parents:
        if len(os.fsencode(parent / digits / name)) <= LONGEST_SOCKET_PATH:
            _make_private(parent)
            _make_private(parent / digits)
            return parent / digits
    raise UsageError(f"{parents[-1]} is too long a path for a socket; set XDG_RUNTIME_DIR or TMPDIR to a shorter one.")


def _make_private(folder: Path) -> None:
    """No link is followed: in a shared temporary folder anybody could have been there first."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UsageError(f"{folder} must be a folder of user {os.getuid()} that nobody else can enter (chmod 700).")


def rotate_log(log: Path) -> None:
    """Put a large log aside as `<name>.1`."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def log_since(log: Path, offset: int) -> str:
    """Why the server ended, from what it wrote after `offset`: its last errors, or its last line."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "its log cannot be read"
    errors = [said for said in map(_error, lines) if said]
    return "; ".join(errors[-3:] or lines[-1:]) or "it said nothing"


def _error(line: str) -> str:
    """The words of a log line that tells an error, else ""."""
    try:
        entry = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return ""
    if not isinstance(entry, dict) or entry.get("s") not in {"E", "F"}:
        return ""
    attributes = entry.get("attr") or {}
    reason = attributes.get("error") or attributes.get("reason") or ""
    return f"{entry.get('msg')} {reason}".strip()
