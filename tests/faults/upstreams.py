"""One server that stands for many upstreams: the first part of a path is a place, and each place plays its script."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Self

LIMIT = 4 * 1024 * 1024


class Asked(NamedTuple):
    """One request as it came."""

    place: str
    number: int
    """Of this place's requests, from 1."""
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def stream(self) -> bool:
        """Whether a stream is asked for, in any dialect."""
        return bool(self.body.get("stream", "streamGenerateContent" in self.path))


class Script(NamedTuple):
    """What happens to one request. A float among the pieces is a pause in seconds."""

    body: Sequence[bytes | float] = ()
    status: int = 200
    headers: Mapping[str, str] = {}
    ending: Literal["clean", "close", "reset", "hang"] = "clean"
    framing: Literal["chunked", "length", "close"] = "chunked"
    """`close`: the end of the connection is the end of the body, as in HTTP/1.0."""
    missing: int = 0
    """Bytes that `length` promises and that never come."""
    head: bool = True
    """False: not a byte of an answer."""
    raw: bytes = b""
    """In place of the head."""


class Upstreams:
    """`async with Upstreams(play) as upstreams:`; `upstreams.url(place)` is a base URL."""

    def __init__(self, play: Callable[[Asked], Script]) -> None:
        self._play = play
        self._server: asyncio.Server | None = None
        self._address = ""
        self._connections: set[asyncio.Task[None]] = set()
        self.asked: dict[str, list[Asked]] = defaultdict(list)

    def url(self, place: str) -> str:
        return f"{self._address}/{place}"

    @property
    def connections(self) -> int:
        """Open ones."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=LIMIT, backlog=1024)
        self._address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        connection.add_done_callback(lambda _: writer.close())  # it may be cancelled before its first step

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while (asked := await self._read(reader)) is not None:
                    if not await answer(self._play(asked), reader, writer):
                        break
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.split("\r\n")
        _, path, _ = first.split(" ", 2)
        headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        place = path.split("/")[1]
        found = self.asked[place]
        asked = Asked(place, len(found) + 1, path, headers, json.loads(body) if body else {})
        found.append(asked)
        return asked


async def answer(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Play it; whether the connection can go on."""
    if script.head:
        writer.write(_head(script))
    try:
        for piece in script.body:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            elif piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if script.framing == "chunked" else piece)
                await writer.drain()
                await asyncio.sleep(0)  # each piece leaves by itself
    except ConnectionError:
        return False
    match script.ending:
        case "clean" if script.framing == "chunked":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        case "hang":
            await reader.read(1)  # until the other side goes
        case "reset":
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
    return script.ending == "clean" and script.framing != "close" and not script.missing


def _head(script: Script) -> bytes:
    if script.raw:
        return script.raw
    size = sum(len(piece) for piece in script.body if isinstance(piece, bytes))
    more = {
        "chunked": {"transfer-encoding": "chunked"},
        "length": {"content-length": str(size + script.missing)},
        "close": {"connection": "close"},
    }[script.framing]
    lines = [f"HTTP/1.1 {script.status} Fake", *(f"{name}: {text}" for name, text in (script.headers | more).items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
