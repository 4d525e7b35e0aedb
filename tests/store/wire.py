"""A real connection to the real server that can be cut, or made deaf: what is sent arrives, no answer comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase

from tornadogw.store.mongo import Mongo

PATIENT_MS = 20_000
READ = 65_536
TURNS = 4
"""Of the loop, after which a connection that was just being accepted has become a task, and an aborted one is lost."""


class Either:
    """One object while the wire is whole, another one in trouble: a deadline that has to pass soon is none for what
    has to succeed. A database or collection that is kept chooses anew at each use.
    """

    def __init__(self, wire: Wire, patient: Any, hasty: Any) -> None:
        self._wire, self._patient, self._hasty = wire, patient, hasty

    def __getattr__(self, name: str) -> Any:
        patient, hasty = getattr(self._patient, name), getattr(self._hasty, name)
        if isinstance(patient, AsyncIOMotorDatabase | AsyncIOMotorCollection):
            return Either(self._wire, patient, hasty)
        return hasty if self._wire.in_trouble else patient

    def __getitem__(self, name: str) -> Either:
        return Either(self._wire, self._patient[name], self._hasty[name])

    def with_options(self, **options: Any) -> Either:
        return Either(self._wire, self._patient.with_options(**options), self._hasty.with_options(**options))

    async def close(self) -> None:
        for each in (self._hasty, self._patient):
            await each.close()


class Wire:
    """A loopback port in front of a server's unix socket: `with Wire(path) as wire: ... wire.url`.

    It has a thread and a loop of its own, so that it carries on while the test's loop waits for the driver.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._deaf = self._down = False
        self._pumps: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    @property
    def in_trouble(self) -> bool:
        return self._down or self._deaf

    def connect(self, database: str, timeout_ms: int) -> Any:
        """A `Mongo` through the wire: so patient in trouble only. Made inside the running loop."""
        return Either(self, *(Mongo.connect(self.url, database, each) for each in (PATIENT_MS, timeout_ms)))

    def __exit__(self, *_: object) -> None:
        self._do(self._stop.set)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """No connection lives and none is made."""
        self._do(lambda: self._set(down=True))
        yield
        self._do(lambda: self._set(down=False))

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """The server reads and does what it is told; nobody hears of it."""
        self._deaf = True
        yield
        self._do(lambda: self._set(down=False))

    def _set(self, *, down: bool) -> None:
        self._down, self._deaf = down, False
        for pump in self._pumps:
            pump.cancel()

    def _do(self, work: Callable[[], None]) -> None:
        async def now() -> None:
            work()

        asyncio.run_coroutine_threadsafe(now(), self._loop).result(30)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"mongodb://127.0.0.1:{server.sockets[0].getsockname()[1]}/?directConnection=true"
        self._ready.set()
        await self._stop.wait()
        server.close()
        self._set(down=True)
        for _ in range(TURNS):
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others)
            await asyncio.sleep(0)
        await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pump = asyncio.create_task(self._connect(reader, writer))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        pump.add_done_callback(lambda _: writer.transport.abort())  # a pump may be cancelled before its first step

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
            ends = [each for each in (writer, there) if each is not None]
            for each in ends:  # all of them before the first await: this task may be cancelled twice
                each.transport.abort()
            for each in ends:
                with suppress(OSError):
                    await each.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await reader.read(READ):
            if not (answers and self._deaf):
                writer.write(data)
                await writer.drain()
        raise EOFError
