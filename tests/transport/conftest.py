"""A peer on a real socket that does exactly what a test says, and tells what it saw."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct

import pytest
import uvloop

from tests.certificates import self_signed
from tornadogw.transport import Transport, TransportError
from tornadogw.types import UpstreamRequest

TURNS = 4
"""Of the loop, after which a connection that was just being accepted has its task, and a closed one is closed."""
BOUND = 20.0
"""Seconds after which a test has failed; none of them waits for it when all is well."""


class Link:
    """One accepted connection, seen from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def request(self) -> bytes:
        """The next whole request: head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
        return head + await self.reader.readexactly(length)

    async def answer(self, body: bytes = b"{}", *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def chunked(self, *pieces: bytes, end: bool = True, head: bool = True) -> None:
        """A chunked answer, or a part of one."""
        start = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        await self.send((start if head else b"") + body + (b"0\r\n\r\n" if end else b""))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> bool:
        """Wait until the client has closed or reset the connection; what it still sends is thrown away."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        return True

    def reset(self) -> None:
        """RST instead of FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Peer:
    """A server whose every connection runs `script(link, number)`, counted from 1."""

    def __init__(self, script, tls=None) -> None:
        self._script, self._tls = script, tls
        self._tasks: set[asyncio.Task] = set()
        self.links = 0
        self.faults: list[Exception] = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc) -> None:
        self._server.close()
        for _ in range(TURNS):
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)
        await self._server.wait_closed()
        assert not self.faults, self.faults

    def url(self, path: str = "/v1/chat/completions", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def _accept(self, reader, writer) -> None:
        self.links += 1
        task = asyncio.create_task(self._play(Link(reader, writer), self.links))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # it may be cancelled before its first step

    async def _play(self, link: Link, number: int) -> None:
        try:
            await self._script(link, number)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the client left, as many tests want it to
        except asyncio.CancelledError:
            pass  # the end of the test
        except Exception as error:  # noqa: BLE001 -- whatever it is, it fails the test that owns the peer
            self.faults.append(error)


def post(url: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> UpstreamRequest:
    return UpstreamRequest(url=url, headers=headers or {}, body=body)


async def fetch(transport: Transport, request: UpstreamRequest, **options) -> tuple[int, bytes]:
    """The whole answer."""
    async with transport.send(request, **{"connect": BOUND, **options}) as upstream:
        parts = []
        while data := await upstream.read():
            parts.append(data)
        return upstream.status, b"".join(parts)


async def failing(transport: Transport, request: UpstreamRequest, **options) -> TransportError:
    """The failure that `request` ends with."""
    with pytest.raises(TransportError) as caught:
        await fetch(transport, request, **options)
    return caught.value


class Kit:
    """What the tests of this folder share."""

    Peer, Link, BOUND = Peer, Link, BOUND
    post, fetch, failing = staticmethod(post), staticmethod(fetch), staticmethod(failing)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def new_loop(request, monkeypatch):
    """`serve` runs on uvloop; who uses the gateway's rooms elsewhere has asyncio's own loop."""
    monkeypatch.setattr(asyncio, "new_event_loop", request.param)


@pytest.fixture
def io_loop(new_loop, io_loop):
    return io_loop


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """(server context, client context that trusts it); the certificate is for 127.0.0.1 only."""
    chain, server = self_signed(tmp_path_factory.mktemp("tls"))
    return server, ssl.create_default_context(cafile=chain)


@pytest.fixture
def transport(run, certificates):
    """An open transport that trusts the certificate of `certificates`."""
    transport = Transport(tls=certificates[1])
    run(transport.open())
    yield transport
    run(transport.close())
