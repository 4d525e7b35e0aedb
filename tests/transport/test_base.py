"""What every engine shares."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.transport.base import TransportError, read_body, reason


class Pieces:
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = list(pieces)

    async def read(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def finished(coroutine):
    """The result of a coroutine that never waits."""
    with pytest.raises(StopIteration) as caught:
        coroutine.send(None)
    return caught.value.value


@given(st.lists(st.binary(min_size=1)), st.integers(0, 50))
def test_a_body_is_cut_at_its_limit_and_nowhere_else(pieces, limit):
    assert finished(read_body(Pieces(pieces), limit)) == b"".join(pieces)[:limit]


def test_reading_stops_at_the_limit():
    endless = Pieces([b"x"] * 100)
    assert finished(read_body(endless, 10)) == b"x" * 10
    assert len(endless.pieces) == 90


def test_an_error_tells_its_kind():
    error = TransportError("tls", "host: words")
    assert (error.kind, str(error)) == ("tls", "host: words")


def test_reasons_are_the_systems_words():
    assert reason(ConnectionRefusedError(errno.ECONNREFUSED, "secret")) == f" ({os.strerror(errno.ECONNREFUSED)})"
    assert reason(OSError("secret")) == reason(ssl.SSLError(1, "secret")) == reason(KeyError("secret")) == ""
    assert reason(socket.gaierror(socket.EAI_NONAME, "secret")) == reason(None) == ""
