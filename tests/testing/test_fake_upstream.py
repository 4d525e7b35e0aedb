"""The fake upstream on a real socket: what it plays, what it received, and each fault."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tornadogw.testing import Answer, FakeUpstream
from tornadogw.testing.fake_upstream import _reset


@pytest.fixture
def client(io_loop, run):
    async def make():
        return aiohttp.ClientSession()

    session = run(make())
    yield session
    run(session.close())


async def test_it_plays_and_tells_what_came(client):
    answer = Answer(status=201, headers={"Content-Type": "application/json", "X-A": "1"}, body=b'{"a":1}')
    async with FakeUpstream(answer) as upstream:
        async with client.post(f"{upstream.url}/v1/x?y=1", json={"q": 1}, headers={"X-B": "2"}) as response:
            assert (response.status, response.headers["X-A"], await response.json()) == (201, "1", {"a": 1})
        (request,) = upstream.requests
        assert (request.method, request.path, request.json()) == ("POST", "/v1/x?y=1", {"q": 1})
        assert request.headers["x-b"] == "2"
        assert not request.gone.is_set()


async def test_answers_come_in_turn_and_the_last_stays(client):
    async with FakeUpstream(Answer(body=b"1"), Answer(body=b"2")) as upstream:
        assert [await read(client, upstream) for _ in range(3)] == [b"1", b"2", b"2"]
        upstream.play(Answer(body=b"3"))
        assert await read(client, upstream) == b"3"
        assert len(upstream.requests) == 4


async def test_connections_are_kept(client):
    async with FakeUpstream(Answer(body=b"1")) as upstream:
        await read(client, upstream)
        assert len(client.connector._conns) == 1
        for _ in range(20):
            assert await read(client, upstream) == b"1"


async def test_each_piece_is_a_chunk_of_its_own():
    async with FakeUpstream(Answer(body=[b"abcd", b"", b"ef"], split=3)) as upstream:
        assert b"\r\n\r\n3\r\nabc\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\n" in await raw(upstream, until=b"0\r\n\r\n")


async def test_a_body_sent_in_chunks_is_received(client):
    async def body():
        yield b"ab"
        yield b"cd"

    async with FakeUpstream() as upstream:
        async with client.post(upstream.url, data=body()) as response:
            assert await response.read() == b""
        assert upstream.requests[0].body == b"abcd"


async def test_it_waits_where_it_is_told_to(client):
    go = asyncio.Event()
    async with FakeUpstream(Answer(body=[b"a", go, b"b"])) as upstream, client.get(upstream.url) as response:
        assert await response.content.readany() == b"a"
        assert not response.content.at_eof()
        go.set()
        assert await response.content.read() == b"b"


async def test_an_end_without_the_proper_end(client):
    async with FakeUpstream(Answer(body=b"a", ending="eof")) as upstream, client.get(upstream.url) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_reset():
    async with FakeUpstream(Answer(body=b"a", ending="reset")) as upstream:
        with pytest.raises(ConnectionResetError):
            await raw(upstream, until=b"never")


async def test_silence_until_the_client_goes(client):
    async with FakeUpstream(Answer(body=b"a", ending="hang")) as upstream:
        async with client.get(upstream.url) as response:
            assert await response.content.readany() == b"a"
            response.close()
        request = await upstream.received()
        async with asyncio.timeout(15):
            await request.gone.wait()


async def test_a_client_that_goes_early_is_noticed(client):
    async with FakeUpstream(Answer(body=[b"a", asyncio.Event()])) as upstream:
        async with client.get(upstream.url) as response:
            await response.content.readany()
            request = upstream.requests[0]
            assert not request.gone.is_set()
            response.close()
        async with asyncio.timeout(15):
            await request.gone.wait()


async def test_a_client_that_resets_in_the_middle_of_a_long_answer_has_gone():
    """Reading and writing fail in the same moment."""
    async with FakeUpstream(Answer(body=b"x" * (64 << 20))) as upstream:
        reader, writer = await asyncio.open_connection(*address(upstream))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readexactly(1000)
        _reset(writer)
        async with asyncio.timeout(15):
            await upstream.requests[0].gone.wait()


async def test_a_request_sent_early_is_not_lost():
    go = asyncio.Event()
    async with FakeUpstream(Answer(body=[b"first", go]), Answer(body=b"second")) as upstream:
        reader, writer = await asyncio.open_connection(*address(upstream))
        writer.write(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        await upstream.received()
        go.set()
        async with asyncio.timeout(15):
            await upstream.received(2)
            await reader.readuntil(b"second")
        assert [request.path for request in upstream.requests] == ["/1", "/2"]
        writer.close()
        await writer.wait_closed()


async def test_its_end_does_not_wait_for_clients(client):
    async with asyncio.timeout(15):
        async with FakeUpstream(Answer(body=[b"a", asyncio.Event()])) as upstream:
            response = await client.get(upstream.url)
            await response.content.readany()
        response.close()


async def read(client, upstream):
    async with client.get(upstream.url) as response:
        return await response.read()


def address(upstream):
    host, port = upstream.url.removeprefix("http://").split(":")
    return host, int(port)


async def raw(upstream, until):
    """What comes over the wire for one request."""
    reader, writer = await asyncio.open_connection(*address(upstream))
    try:
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(15):
            return await reader.readuntil(until)
    finally:
        writer.close()
