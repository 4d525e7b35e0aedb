"""The gateway's secret: made once, kept in the data folder, and the keys for each purpose that derive from it.

It is never stored in the database; its fingerprint is, so that a node with another secret notices at once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

from tornadogw.errors import SettingsError

__all__ = ["Secret", "load_secret"]

FILE = "secret"
SHORTEST = 16
"""Characters below which a secret could be guessed."""


class Secret:
    """Derives keys by HKDF-SHA256 (RFC 5869), each for one label: who learns one of them learns no other."""

    def __init__(self, text: str) -> None:
        self._material = text.encode(errors="surrogateescape")

    @override
    def __repr__(self) -> str:
        return f"Secret(fingerprint={self.fingerprint!r})"

    def derive(self, label: str, size: int = 32) -> bytes:
        """`size` bytes for the purpose `label`. A label's meaning never changes."""
        return HKDF(algorithm=SHA256(), length=size, salt=None, info=f"tornadogw/{label}".encode()).derive(
            self._material
        )

    @cached_property
    def key_hash_key(self) -> bytes:
        """32 bytes under which API keys are hashed."""
        return self.derive("key-hash/1")

    @cached_property
    def code_hash_key(self) -> bytes:
        """32 bytes under which redeem codes are hashed, and their check sums made."""
        return self.derive("code-hash/1")

    @cached_property
    def upstream_key(self) -> bytes:
        """32 bytes under which the fingerprints of upstreams' keys are made."""
        return self.derive("upstream-key/1")

    @cached_property
    def upstream_secrets_key(self) -> bytes:
        """32 bytes under which upstreams' keys are encrypted in the database."""
        return self.derive("upstream-secrets/1")

    @cached_property
    def totp_key(self) -> bytes:
        """32 bytes under which the secrets of second factors are encrypted in the database."""
        return self.derive("totp/1")

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that name this secret and tell nothing of it."""
        return self.derive("fingerprint/1", 8).hex()


def load_secret(value: str, data: Path) -> Secret:
    """The secret `value` of the settings, or, if that is empty, the one in the file `secret` of the folder `data`.

    The file is made when it is missing. Raises SettingsError when either cannot be trusted; the words never hold it.
    """
    if value:
        return _checked(value, "the setting `server.secret`")
    file = data / FILE
    with contextlib.suppress(FileNotFoundError):
        return _read(file)
    _make(file)
    return _read(file)


def _read(file: Path) -> Secret:
    """Owner and permissions are those of the very file that is read. Raises FileNotFoundError when there is none."""
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            text = opened.read().decode(errors="surrogateescape").strip()
    except (PermissionError, IsADirectoryError) as error:
        raise SettingsError(f"The file {file} cannot be read: {error.strerror}.") from None
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
        raise SettingsError(f"The file {file} must belong to user {os.getuid()}, who runs the gateway.")
    if found.st_mode & 0o077:
        raise SettingsError(f"The file {file} can be read by others: `chmod 600 {file}`.")
    return _checked(text, f"the file {file}")


def _checked(text: str, place: str) -> Secret:
    if len(text) < SHORTEST:
        raise SettingsError(f"The secret in {place} is shorter than {SHORTEST} characters.")
    return Secret(text)


def _make(file: Path) -> None:
    """Another process may do the same at the same moment: the file appears whole or not at all, and the first wins."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{FILE}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(32) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a power cut must not take the name away: every key would be lost
    finally:
        os.close(folder)
