"""One connection: requests one after the other, bodies, limits, and both sides leaving whenever they like."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

import pytest
from tornado.iostream import StreamClosedError

from tests.server.conftest import MAX_BODY, MAX_HEADER


async def test_requests_one_after_the_other(serve):
    async with serve() as served, served.wire() as wire:
        for number in range(3):
            wire.ask(f"/echo?n={number}")
            status, body = await wire.answer()
            assert (status, json.loads(body)) == (200, {"query": f"n={number}", "ip": "127.0.0.1", "scheme": "http"})


async def test_requests_asked_ahead_are_answered_in_order(serve):
    async with serve() as served, served.wire() as wire:
        for number in range(20):
            wire.send(f"\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {number}\r\n\r\n" + "y" * number)
        for number in range(20):
            assert await wire.answer() == (200, b"y" * number)


async def test_a_request_byte_by_byte(serve):
    async with serve() as served, served.wire() as wire:
        for byte in b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
            wire.send(bytes([byte]))
            await wire.writer.drain()
            await asyncio.sleep(0)
        assert await wire.answer() == (200, b"abc")
        wire.ask("/echo")  # a shorter one
        assert (await wire.answer())[0] == 200


async def test_who_asks_ahead_without_end_waits(serve):
    """What is not asked for yet stays with the kernel, not in our memory."""
    async with serve() as served, served.wire() as wire:
        wire.ask("/waiting")
        await wire.head()
        wire.send(b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Fill: " + b"f" * 900 + b"\r\n\r\n")
        (connection,) = served.front.connections
        sending = asyncio.ensure_future(_flood(wire))
        while not connection._paused:
            await asyncio.sleep(0.001)
        assert len(connection._arrived) < 1_000_000
        served.seen.go_on.set()
        async with asyncio.timeout(10):
            assert await wire.reader.readuntil(b"0\r\n\r\n") == b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
            assert (await wire.answer())[0] == 200
        sending.cancel()
        await asyncio.wait({sending})


async def _flood(wire):
    while True:
        wire.send(b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Fill: " + b"f" * 900 + b"\r\n\r\n")
        await wire.writer.drain()


@pytest.mark.parametrize(
    "asked",
    [
        "GET /echo HTTP/1.1\nHost: x\n\r\n\r\n",
        "GET /echo HTTP/1.1\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n",
        "GET /echo?%zz=&" + "a=1&" * 400 + " HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\r\n\r\n",
    ],
    ids=range(9),
)
async def test_what_is_no_http_is_refused_and_the_connection_ends(serve, asked):
    async with serve() as served, served.wire() as wire:
        wire.send(asked)
        assert b"HTTP/1.1 400 Bad Request\r\n" in await wire.rest()


@pytest.mark.parametrize("whole", [True, False])
async def test_a_head_over_the_limit(serve, whole):
    async with serve() as served, served.wire() as wire:
        wire.ask("/echo", "X: " + "x" * MAX_HEADER) if whole else wire.send("GET /" + "x" * MAX_HEADER)
        assert (await wire.rest()).startswith(b"HTTP/1.1 431 ")


async def test_a_body_in_chunks_over_the_limit(serve):
    async with serve() as served, served.wire() as wire:
        wire.ask("/echo", "Transfer-Encoding: chunked", verb="POST")
        wire.send(b"%x\r\n" % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1))
        assert (await wire.rest()).startswith(b"HTTP/1.1 400 ")


async def test_a_slow_handler_gets_the_whole_body(serve):
    async with serve() as served, served.wire() as wire:
        wire.ask("/streamed", f"Content-Length: {MAX_BODY}", verb="POST")
        wire.send(b"x" * MAX_BODY)
        assert await wire.answer() == (200, str(MAX_BODY).encode())


async def test_a_body_that_is_waited_for_is_asked_for(serve):
    async with serve() as served, served.wire() as wire:
        wire.ask("/echo", "Expect: 100-continue", "Content-Length: 2", verb="POST")
        assert await wire.head() == (100, {})
        wire.send("ok")
        assert await wire.answer() == (200, b"ok")


async def test_an_answer_before_the_body_ends_the_connection(serve):
    async with serve() as served, served.wire() as wire:
        wire.ask("/streamed?refuse=1", "Content-Length: 5", verb="POST")
        assert (await wire.rest()).startswith(b"HTTP/1.1 403 ")
    await _deserted(served)


@pytest.mark.parametrize("how", ["in the head", "in the body", "while it is answered", "with a reset"])
async def test_a_client_that_leaves_is_noticed(serve, how):
    async with serve() as served, served.wire() as wire:
        if how == "in the head":
            wire.send("GET /echo HTTP/1.1\r\nHos")
        elif how == "in the body":
            wire.ask("/streamed", "Content-Length: 5", verb="POST")
            wire.send("12")
        else:
            wire.ask("/waiting")
            await wire.head()
        while not served.front.connections:
            await asyncio.sleep(0)
        if how == "with a reset":
            raw = wire.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.writer.transport.abort()
        else:
            wire.writer.close()
        await _deserted(served)
        if how != "in the head":
            async with asyncio.timeout(20):
                await served.seen.left.wait()
        served.seen.go_on.set()


async def test_a_client_that_does_not_read_holds_the_writer(serve):
    """What waits for a slow client is a buffer, not the answer."""
    async with serve() as served, served.wire(limit=1000) as wire:
        wire.ask("/chunks?long=100000")
        while not any(connection._writers for connection in served.front.connections):
            await asyncio.sleep(0.001)
        (connection,) = served.front.connections
        assert connection._transport.get_write_buffer_size() < 1_000_000
        wire.writer.transport.abort()
        await _deserted(served)
        async with asyncio.timeout(20):  # the handler hears of it some turns of the loop later
            while not served.seen.errors:
                await asyncio.sleep(0.001)
    assert len(served.seen.errors) == 1


async def test_an_answer_that_was_ended_does_not_look_whole(serve):
    """The handler goes on writing to a connection that is closing: nothing of it may leave."""
    async with serve() as served, served.wire(limit=1000) as wire:
        wire.ask("/chunks?long=100000")
        while not any(connection._writers for connection in served.front.connections):
            await asyncio.sleep(0.001)
        (connection,) = served.front.connections
        exchange = connection._exchange
        connection.close()
        with pytest.raises(StreamClosedError):
            await exchange.write(b"more")
        exchange.finish()
        assert not (await wire.rest()).endswith(b"0\r\n\r\n")
        await _deserted(served)


async def test_a_slow_client_gets_everything(serve):
    async with serve() as served, served.wire() as wire:
        wire.ask("/chunks?long=100000", version="1.0")
        await wire.head()
        assert len(await wire.rest()) == 200 * 100_000


async def _deserted(served):
    async with asyncio.timeout(20):
        while served.front.connections:
            await asyncio.sleep(0.001)
