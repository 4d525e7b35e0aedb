"""A small Tornado application behind the front, clients that write what they like, and whole gateways as processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body

from tests.serving import Client, Gateway
from tornadogw.server.front import Front

MAX_HEADER, MAX_BODY = 2000, 300_000


class Seen:
    """What the application's handlers have met."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.go_on = asyncio.Event()
        self.errors: list[BaseException] = []


class Handler(RequestHandler):
    """Base: what every handler here needs."""

    def initialize(self, seen: Seen) -> None:
        self.seen = seen

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.seen.left.set()


class Echo(Handler):
    """The body, and who asked."""

    def get(self) -> None:
        self.finish({"query": self.request.query, "ip": self.request.remote_ip, "scheme": self.request.protocol})

    def head(self) -> None:
        self.set_header("Content-Length", "5")

    def post(self) -> None:
        self.write(self.request.body)

    def delete(self) -> None:
        self.set_status(204)


class Chunks(Handler):
    """Three writes, the second of them empty; `?long` bytes in each write, 200 of them."""

    async def get(self) -> None:
        size = int(self.get_argument("long", "0"))
        for piece in [b"x" * size] * 200 if size else [b"one", b"", b"three"]:
            self.write(piece)
            try:
                await self.flush()
            except StreamClosedError as error:
                self.seen.errors.append(error)
                return


class Waiting(Handler):
    """Answers once it is told to."""

    async def get(self) -> None:
        self.write("a")
        await self.flush()
        await self.seen.go_on.wait()
        self.write("b")


@stream_request_body
class Streamed(Handler):
    """Wants its body piece by piece, and slowly."""

    def initialize(self, seen: Seen) -> None:
        super().initialize(seen)
        self.got = 0

    async def prepare(self) -> None:
        if self.get_argument("refuse", ""):
            self.set_status(403)
            self.finish("no")
        await asyncio.sleep(0)

    async def data_received(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        self.got += len(chunk)

    def post(self) -> None:
        self.finish(str(self.got))


class Broken(Handler):
    """Says it is longer or shorter than it is, or breaks a header."""

    def get(self) -> None:
        how = self.get_argument("how")
        if how == "header":
            self._headers["X-Bad"] = "a\r\nX-More: b"  # past Tornado's own check
        else:
            self.set_header("Content-Length", "3")
        self.finish("12345" if how == "long" else "1")


class Wire:
    """One connection to the front."""

    def __init__(self, port: int, limit: int) -> None:
        self._port, self._limit = port, limit

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, limit=self._limit)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def send(self, text: str | bytes) -> None:
        self.writer.write(text.encode("latin-1") if isinstance(text, str) else text)

    def ask(self, path: str = "/echo", *headers: str, verb: str = "GET", version: str = "1.1") -> None:
        self.send("\r\n".join([f"{verb} {path} HTTP/{version}", "Host: x", *headers, "", ""]))

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(20):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value for name, _, value in pairs}

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of an answer with a length."""
        status, headers = await self.head()
        async with asyncio.timeout(20):
            return status, await self.reader.readexactly(int(headers["content-length"]))

    async def rest(self) -> bytes:
        """Everything until the connection ends."""
        async with asyncio.timeout(20):
            return await self.reader.read(-1)


class Served:
    """A front with the application."""

    def __init__(self, front: Front, port: int, seen: Seen) -> None:
        self.front, self.port, self.seen = front, port, seen

    def wire(self, limit: int = 65536) -> Wire:
        return Wire(self.port, limit)


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Served]:
    seen = Seen()
    handlers = {"echo": Echo, "chunks": Chunks, "waiting": Waiting, "streamed": Streamed, "broken": Broken}
    app = Application(
        [(f"/{name}", handler, {"seen": seen}) for name, handler in handlers.items()], log_function=lambda _: None
    )
    limits = {"max_header": MAX_HEADER, "max_body": MAX_BODY, "idle": 60.0, **options}
    sockets = bind_sockets(0, "127.0.0.1")
    front = Front(app, **limits)
    await front.listen(sockets)
    try:
        yield Served(front, sockets[0].getsockname()[1], seen)
    finally:
        await front.close()


@pytest.fixture
def serve():
    """`async with serve() as served:`"""
    return serving


@pytest.fixture
def launch(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[Gateway, Client]]]:
    """Starts `serve` with words and settings; with `own` on a private MongoDB, else on the suite's."""
    started: list[Gateway] = []

    def launch(*words: str, own: bool = False, **settings: object) -> tuple[Gateway, Client]:
        if not own:
            settings["mongo__url"] = request.getfixturevalue("mongod").url
            settings["mongo__database"] = request.getfixturevalue("mongo").database.name
        settings = {"limits__ip_per_minute": 10**6, "limits__key_per_minute": 10**6, **settings}
        extra = {f"TORNADOGW_{name.upper()}": str(value) for name, value in settings.items()}
        started.append(Gateway(tmp_path / "data", ("--json", *words), extra))
        return started[-1], Client(started[-1])

    yield launch
    for gateway in started:
        gateway.end()
