"""Who reads slowly is waited for: the upstream pauses and memory stays bounded. And events of any length pass."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from typing import Self

import orjson
import pytest

from tests.journeys.raw import LONGEST, Raw
from tests.journeys.wire import DONE, chunk, events_of, finishes, joined, role, serving, settled, text, usage
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", "stream": True, **CHAT}
PIECE = text("x" * 60_000)
FLOOD = 400 * 1024 * 1024
"""Bytes that the upstream would send to a client that reads."""
BUFFERS = 48 * 1024 * 1024
"""What the kernel's own buffers of two connections may take, and more; the gateway's own part is small."""
SMALL = 16 * 1024 * 1024


class Flood:
    """An upstream that writes as fast as it is read; `written` says how much that was."""

    def __init__(self, piece: bytes) -> None:
        self.written = 0
        self.gone = asyncio.Event()
        self.url = ""
        self._piece = piece

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + role())
        with contextlib.suppress(ConnectionError):
            while self.written < FLOOD:
                writer.write(self._piece)
                await writer.drain()
                self.written += len(self._piece)
        self.gone.set()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def paused(self) -> int:
        """How much was written once nothing more is taken."""
        before = -1
        async with asyncio.timeout(20):
            while before != self.written or not before:
                before = self.written
                await asyncio.sleep(0.3)
        return before


def memory() -> int:
    """The most that this process ever used, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("vendor", ["vllm", "openai"])
async def test_a_client_that_stops_reading_pauses_the_upstream(start, vendor):
    async with Flood(PIECE) as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
        async with Raw(gateway) as client:
            before = memory()
            client.ask(orjson.dumps(ASK))
            assert 0 < await upstream.paused() < BUFFERS
            assert memory() - before < SMALL
            paused = upstream.written
            async with asyncio.timeout(15):
                while upstream.written == paused:  # reading on lets it go on
                    await client.reader.read(LONGEST)
        async with asyncio.timeout(15):
            await upstream.gone.wait()
        assert upstream.written < FLOOD
        await settled(gateway)


async def test_a_client_that_never_reads_on_counts_as_gone(start, monkeypatch):
    monkeypatch.setattr("tornadogw.handlers.client.STALLED", 0.5)
    async with Flood(PIECE) as upstream, start(serving(upstream.url)) as gateway:
        async with Raw(gateway) as client, asyncio.timeout(15):
            client.ask(orjson.dumps(ASK))
            await upstream.gone.wait()
        await settled(gateway)
        assert [record["st"] for record in await gateway.events()] == ["client_gone"]


async def test_a_client_that_reads_slowly_gets_it_all(start):
    body = [role(), *[PIECE] * 40, chunk(finish="stop") + usage() + DONE]
    async with FakeUpstream(Answer(body=body)) as upstream, start(serving(upstream.url, vendor="openai")) as gateway:
        async with gateway.post(body=ASK) as response:
            raw = b""
            while data := await response.content.read(50_000):
                raw += data
                await asyncio.sleep(0.001)
        events = events_of(raw)
        assert (len(joined(events)), finishes(events), events[-1]) == (40 * 60_000, ["stop"], "[DONE]")


@pytest.mark.parametrize("vendor", ["vllm", "openai"])
async def test_an_event_of_megabytes_passes_whole(start, vendor):
    long = "0123456789abcdef" * 200_000
    body = role() + text("first ") + text(long) + chunk(finish="stop") + usage() + DONE
    async with FakeUpstream(Answer(body=body)) as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
        for stream in (True, False):
            began = time.process_time()  # the upstream and the client are in this process, too
            async with gateway.post(body={**ASK, "stream": stream}) as response:
                raw = await response.read()
            said_ = joined(events_of(raw)) if stream else orjson.loads(raw)["choices"][0]["message"]["content"]
            assert said_ == "first " + long
            assert time.process_time() - began < 5
