"""One command to one MongoDB server over its unix socket, blocking, without a driver.

The process that supervises a private mongod must have neither threads nor an event loop, and every client of the driver
starts threads. Starting a server needs four small commands, so they are spoken here in plain OP_MSG.
Source: the MongoDB wire protocol, OP_MSG (opcode 2013).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Any

import bson

__all__ = ["command"]

_HEADER = struct.Struct("<iiii")
"""Length of the message with this header, request id, id answered to, opcode."""
_OP_MSG = 2013
_ONE_DOCUMENT = b"\0\0\0\0\0"
"""No flags, then a section of kind 0: one document."""


def command(path: str, document: Mapping[str, Any], timeout: float = 5.0) -> dict[str, Any]:
    """Run `document` in the database `admin` of the server at the socket `path` and give back its whole answer.

    `timeout` is in seconds and covers each step. An answer with `ok: 0` is an answer. Raises OSError when there is no
    server or it falls silent.
    """
    body = _ONE_DOCUMENT + bson.encode({**document, "$db": "admin"})
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
        length, _, _, opcode = _HEADER.unpack(_exactly(connection, _HEADER.size))
        answer = _exactly(connection, length - _HEADER.size)
    if opcode != _OP_MSG:
        raise ConnectionError(f"the server answered with opcode {opcode}")
    return dict(bson.decode(answer[len(_ONE_DOCUMENT) :]))


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0:
        part = connection.recv(size)
        if not part:
            raise ConnectionError("the server closed the connection")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
