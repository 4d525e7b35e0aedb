"""Answers that never see a socket."""

from __future__ import annotations

import asyncio

import pytest

from tornadogw.transport import TransportError
from tornadogw.types import UpstreamRequest

SSE = {"Content-Type": "text/event-stream", "X-A": "1"}


def loop(query: str = "", body: bytes = b"data: 1\n\ndata: 2\n\n", headers: dict[str, str] = SSE) -> UpstreamRequest:
    return UpstreamRequest(method="LOOP", url=f"loop://echo{query}", headers=headers, body=body)


async def read_all(upstream) -> list[bytes]:
    pieces = []
    while data := await upstream.read():
        pieces.append(data)
    return pieces


async def test_an_event_a_read(transport):
    async with transport.send(loop("?status=201&delay_ms=1"), connect=1) as upstream:
        assert upstream.status == 201
        assert upstream.headers == {"content-type": "text/event-stream", "x-a": "1"}
        assert await read_all(upstream) == [b"data: 1\n\n", b"data: 2\n\n"]
        assert await upstream.read() == b""


async def test_a_last_event_without_its_end_is_given_too(transport):
    async with transport.send(loop(body=b"data: 1\n\ndata: 2"), connect=1) as upstream:
        assert await read_all(upstream) == [b"data: 1\n\n", b"data: 2"]


async def test_json_comes_at_once(transport):
    request = loop(body=b'{"a":\n\n1}', headers={"content-type": "application/json"})
    async with transport.send(request, connect=1) as upstream:
        assert await read_all(upstream) == [b'{"a":\n\n1}']
    async with transport.send(request, connect=1) as upstream:
        assert await upstream.body(4) == b'{"a"'


async def test_cut(transport):
    async with transport.send(loop("?cut=1", body=b"data: 1\n\n"), connect=1) as upstream:
        assert await upstream.read() == b"data: 1\n\n"
        with pytest.raises(TransportError) as caught:
            await upstream.read()
        assert caught.value.kind == "reset"


async def test_stall_waits_for_the_callers_deadline(transport):
    async with transport.send(loop("?stall=1"), connect=1) as upstream:
        assert await upstream.read() == b"data: 1\n\n"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await upstream.read()


async def test_refuse(transport):
    with pytest.raises(TransportError) as caught:
        async with transport.send(loop("?refuse=1"), connect=1):
            pytest.fail("there is no answer")
    assert caught.value.kind == "connect"


async def test_a_delay_is_between_events_and_others_run_meanwhile(transport):
    seen = []

    async def reader(name):
        async with transport.send(loop(), connect=1) as upstream:
            while data := await upstream.read():
                seen.append((name, data))

    await asyncio.gather(reader("a"), reader("b"))
    assert [name for name, _ in seen] == ["a", "b", "a", "b"]
    started = asyncio.get_running_loop().time()
    async with transport.send(loop("?delay_ms=20"), connect=1) as upstream:
        await read_all(upstream)
    assert asyncio.get_running_loop().time() - started >= 0.039
