"""A small HTTP server on loopback that plays given bytes, in given pieces, with given faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

__all__ = ["Answer", "FakeUpstream", "Received"]

HEAD_LIMIT = 1024 * 1024
TURNS = 4
"""Of the loop, after which a connection that was just being accepted has its task, and a closed one is closed."""

Piece = bytes | asyncio.Event
"""Bytes that are written at once, or an event that is waited for before the next bytes."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the upstream answers to one request."""

    body: bytes | Sequence[Piece] = b""
    split: int = 0
    """Bytes of one write; 0: each piece as it is."""
    status: int = 200
    headers: Mapping[str, str] = {}
    """`Content-Type` is `text/event-stream` unless it is here."""
    ending: Literal["clean", "eof", "reset", "hang"] = "clean"
    """After the body: its proper end; a connection closed without it; a TCP reset; silence until the client goes."""

    def pieces(self) -> list[Piece]:
        """The body as it is written."""
        given = [self.body] if isinstance(self.body, bytes) else self.body
        cut: list[Piece] = []
        for piece in given:
            if self.split and isinstance(piece, bytes):
                cut += [piece[at : at + self.split] for at in range(0, len(piece), self.split)]
            else:
                cut.append(piece)
        return cut


class Received:
    """One request as it came. `gone` is set when the client leaves before the answer has ended."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self.method, self.path, self.body = method, path, body
        self.headers = headers
        """Names in lower case."""
        self.gone = asyncio.Event()

    def json(self) -> Any:
        return json.loads(self.body)


class FakeUpstream:
    """`async with FakeUpstream(Answer(body=b"..."), ...) as upstream:` answers the first request with the first answer
    and so on; the last answer goes on for ever. `upstream.url` is its base URL, `upstream.requests` what came.
    """

    def __init__(self, *answers: Answer) -> None:
        self.url = ""
        self.requests: list[Received] = []
        self._answers = deque(answers or [Answer()])
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def play(self, *answers: Answer) -> None:
        """From the next request on, these."""
        self._answers = deque(answers or [Answer()])

    async def received(self, count: int = 1) -> Received:
        """The request number `count`, once it is there; give it a deadline."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=HEAD_LIMIT)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for _ in range(TURNS):
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            await asyncio.sleep(0)
        if self._server is not None:
            await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        connection.add_done_callback(lambda _: writer.close())  # it may be cancelled before its first step

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # clients may leave at any time
                await self._converse(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request after the other, until one side has enough."""
        early = b""
        while (request := await _read_request(reader, early)) is not None:
            async with self._arrived:
                self.requests.append(request)
                self._arrived.notify_all()
            answer = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
            early = await _answer(answer, request, reader, writer)
            if answer.ending != "clean" or request.gone.is_set():
                break


async def _answer(
    answer: Answer, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    """Play `answer` to its end or until the client leaves. Gives what the client sent meanwhile: its next request."""
    listening = asyncio.create_task(reader.read(1))
    playing = asyncio.create_task(_play(answer, writer))
    try:
        await asyncio.wait({listening, playing}, return_when=asyncio.FIRST_COMPLETED)
        if _is_cut(playing) if playing.done() else _has_left(listening):
            request.gone.set()
            return b""
        await playing
        return listening.result() if listening.done() and not _has_left(listening) else b""
    finally:
        for task in (listening, playing):
            task.cancel()
        await asyncio.gather(listening, playing, return_exceptions=True)


def _is_cut(playing: asyncio.Task[None]) -> bool:
    """The client has left while something was being written to it."""
    return isinstance(playing.exception(), ConnectionError)


def _has_left(listening: asyncio.Task[bytes]) -> bool:
    return listening.exception() is not None or not listening.result()


async def _play(answer: Answer, writer: asyncio.StreamWriter) -> None:
    headers = {"content-type": "text/event-stream", **{name.lower(): text for name, text in answer.headers.items()}}
    headers["transfer-encoding"] = "chunked"
    lines = [f"HTTP/1.1 {answer.status} Fake", *(f"{name}: {text}" for name, text in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))
    for piece in answer.pieces():
        if isinstance(piece, asyncio.Event):
            await piece.wait()
        elif piece:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)  # the loop writes what it has: each piece leaves by itself
    if answer.ending == "clean":
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    elif answer.ending == "reset":
        _reset(writer)
    elif answer.ending == "hang":
        await asyncio.Event().wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: no lingering."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader, early: bytes) -> Received | None:
    """The next request of a connection, of which `early` has been read; None at its end."""
    try:
        head = early + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines) if name}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join([piece async for piece in _chunks(reader)])
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
