"""Secrets that the database keeps: encrypted by AES-256-GCM, each bound to its place, so that it opens nowhere else."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typing_extensions import override

__all__ = ["Broken", "Seal"]

_NONCE = 12
"""Bytes, drawn anew each time (NIST SP 800-38D): enough for 2^32 secrets under one key."""


class Broken(ValueError):
    """What should be opened was sealed with another key, for another place, or was changed."""


class Seal:
    """Seals and opens texts. Shows no key in its repr."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 bytes."""
        self._cipher = AESGCM(key)

    @override
    def __repr__(self) -> str:
        return "Seal()"

    def close(self, text: str, place: str) -> bytes:
        """The text as it may be stored at `place`."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(errors="surrogateescape"), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """What was sealed for `place`. Raises Broken."""
        try:
            text = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
        except (InvalidTag, ValueError):
            raise Broken("it cannot be opened with this gateway's secret") from None
        return text.decode(errors="surrogateescape")
