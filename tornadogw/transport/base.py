"""What every answer of an upstream has, whichever engine fetched it, and how fetching one fails."""

from __future__ import annotations

import os
import ssl
from typing import Literal, Protocol

__all__ = ["Kind", "TransportError", "Upstream", "read_body", "reason"]

Kind = Literal["connect", "reset", "lost", "tls", "protocol"]


class TransportError(Exception):
    """The upstream could not be reached, or its answer broke off. The message is safe to log: host, no URL, no header.

    connect: nothing was sent. tls: the peer is not who it should be. reset: the connection was lost or the body ended
    early. lost: so was a second one, which replaced a first that had waited in the pool. protocol: what came is not
    HTTP, or the request cannot be written as HTTP.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Upstream(Protocol):
    """One answer. Valid inside the block of `send` only; one reader at a time."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> dict[str, str]:
        """Lower-case names; repeated headers are joined with a comma."""

    async def read(self) -> bytes:
        """What has arrived, as soon as there is any; `b""` at the clean end. Reads ahead a bounded buffer."""

    async def body(self, limit: int) -> bytes:
        """The body up to `limit` bytes, for errors; what is longer is cut."""


async def read_body(upstream: Upstream, limit: int) -> bytes:
    """`Upstream.body`, the same in every engine."""
    parts: list[bytes] = []
    size = 0
    while size < limit and (data := await upstream.read()):
        parts.append(data)
        size += len(data)
    return b"".join(parts)[:limit]


def reason(error: BaseException | None) -> str:
    """The system's own words for a failure, in brackets, or nothing. Never what a peer or a request said."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f" ({error.verify_message})"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno and error.errno > 0:
        return f" ({os.strerror(error.errno)})"
    return ""
