"""A real connection to the real server that can be cut, or made deaf: what is sent arrives, no answer comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

READ = 65_536


class Wire:
    """A loopback port in front of a server's unix socket. `async with Wire(path) as wire: ... wire.url`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._deaf = self._down = False
        self._pumps: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._hang_up()
        if self._pumps:
            await asyncio.wait(self._pumps)
        await self._server.wait_closed()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """No connection lives and none is made."""
        self._down = True
        self._hang_up()
        yield
        self._down = False

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """The server reads and does what it is told; nobody hears of it."""
        self._deaf = True
        yield
        self._deaf = False
        self._hang_up()

    def _hang_up(self) -> None:
        for pump in self._pumps:
            pump.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pump = asyncio.create_task(self._connect(reader, writer))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = None
        try:
            if self._down:
                return
            back, there = await asyncio.open_unix_connection(self._path)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, there, answers=False))
                both.create_task(self._pump(back, writer, answers=True))
        except* (OSError, EOFError):
            pass  # one side has gone: so does the other
        finally:
            for each in (writer, there):
                if each is not None:
                    each.close()
                    with suppress(OSError):
                        await each.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await reader.read(READ):
            if not (answers and self._deaf):
                writer.write(data)
                await writer.drain()
        raise EOFError
