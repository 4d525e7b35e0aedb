"""One connection: long requests, early answers, readers that wait, and what spoils a socket for another request."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from tornadogw.transport import TransportError
from tornadogw.transport.http_connection import UNREAD, Connection
from tornadogw.transport.http_wire import parse_url

LONG = bytes(range(256)) * (32 << 12)
"""32 MB."""


def waiting(transport) -> list[Connection]:
    return [connection for group in transport._pool._idle.values() for connection in group]


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


# --- long requests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
async def test_a_long_request_arrives_whole(kit, transport, certificates, secure):
    async def script(link, number):
        while True:
            request = await link.request()
            body = request.split(b"\r\n\r\n", 1)[1]
            await link.answer(hashlib.sha256(body).hexdigest().encode())

    async with kit.Peer(script, certificates[0] if secure else None) as peer:
        request = kit.post(peer.url(scheme="https" if secure else "http"), LONG)
        for _ in range(2):
            assert await kit.fetch(transport, request) == (200, hashlib.sha256(LONG).hexdigest().encode())
        assert peer.links == 1


async def test_an_answer_may_come_before_the_request_is_written(kit, transport):
    """A peer that sends all of a long answer before it reads the request: each would wait for the other."""

    async def script(link, number):
        await link.reader.readuntil(b"\r\n\r\n")
        await link.answer(LONG)
        await link.reader.readexactly(len(LONG))

    async with kit.Peer(script) as peer:
        assert await kit.fetch(transport, kit.post(peer.url(), LONG)) == (200, LONG)


async def test_a_request_that_was_not_taken_up_spoils_the_connection(kit, transport):
    async def script(link, number):
        await link.reader.readuntil(b"\r\n\r\n")
        await link.answer(b"too long", status="413 No")
        if number == 1:
            await asyncio.Event().wait()

    async with kit.Peer(script) as peer:
        async with transport.send(kit.post(peer.url(), LONG), connect=kit.BOUND) as upstream:
            assert (upstream.status, await upstream.body(100)) == (413, b"too long")
            assert 0 < upstream._connection._transport.get_write_buffer_size() < 1 << 20  # the rest is not copied there
        assert waiting(transport) == []
        assert (await kit.fetch(transport, kit.post(peer.url())))[0] == 413
        assert peer.links == 2


async def test_a_request_refused_by_closing_may_still_be_answered(kit, transport):
    async def script(link, number):
        await link.reader.readuntil(b"\r\n\r\n")
        await link.answer(b"too long", status="413 No", headers=("Connection: close",))

    async with kit.Peer(script) as peer:
        task = asyncio.create_task(kit.fetch(transport, kit.post(peer.url(), LONG)))
        await asyncio.wait([task])
        if isinstance(error := task.exception(), TransportError):
            assert error.kind == "reset"  # it may overtake the answer: nothing brings that back
        else:
            assert await task == (413, b"too long")


# --- reading --------------------------------------------------------------------------------------------------------


async def test_what_is_unread_is_bounded_and_then_given_at_once(kit, transport):
    total = 8 << 20

    async def script(link, number):
        await link.request()
        await link.answer(b"x" * total)

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        await until(lambda: upstream._answer.unread > UNREAD)
        for _ in range(100):
            await asyncio.sleep(0)
        held = upstream._answer.unread
        assert held <= UNREAD + 65536
        assert len(await upstream.read()) == held
        assert held + len(await upstream.body(total)) == total


async def test_one_reader(kit, transport):
    async def script(link, number):
        await link.request()
        await link.chunked(end=False)
        await link.gone()

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        first = asyncio.create_task(upstream.read())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await upstream.read()
        first.cancel()
        await asyncio.wait([first])


async def test_a_read_that_was_given_up_loses_nothing(kit, transport):
    go_on = asyncio.Event()

    async def script(link, number):
        await link.request()
        await link.chunked(end=False)
        await go_on.wait()
        await link.chunked(b"late", head=False)

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await upstream.read()
        go_on.set()
        assert await upstream.read() == b"late"
        assert await upstream.read() == b""


async def test_outside_of_its_block_an_answer_is_nobodys(kit, transport):
    async def script(link, number):
        while True:
            await link.request()
            await link.answer()

    async with kit.Peer(script) as peer:
        sending = transport.send(kit.post(peer.url()), connect=kit.BOUND)
        with pytest.raises(RuntimeError):
            await sending.read()
        async with sending as upstream:
            pass
        with pytest.raises(RuntimeError):
            await upstream.read()


async def test_a_read_that_is_still_waiting_ends_with_the_block(kit, transport):
    async def script(link, number):
        await link.request()
        await link.chunked(end=False)
        await link.gone()

    async with kit.Peer(script) as peer:
        async with transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
            reading = asyncio.create_task(upstream.read())
            await asyncio.sleep(0)
        with pytest.raises(TransportError):
            await reading


# --- the socket's other ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("status", ["204 No", "304 No", "200 OK"])
async def test_answers_without_a_body_leave_the_connection_in_step(kit, transport, method, status):
    async def script(link, number):
        while True:
            head = await link.reader.readuntil(b"\r\n\r\n")
            body = b"" if head.startswith(b"HEAD") or not status.startswith("200") else b"12345"
            await link.send(f"HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n".encode() + body)

    async with kit.Peer(script) as peer:
        for _ in range(3):
            got = await kit.fetch(transport, _bodiless(kit, peer.url(), method))
            assert got == (int(status[:3]), b"12345" if (method, status) == ("GET", "200 OK") else b"")
        assert peer.links == 1


def _bodiless(kit, url, method):
    request = kit.post(url)
    return type(request)(url=url, headers={}, body=b"", method=method)


async def test_a_connection_that_the_server_closes_leaves_the_pool(kit, transport):
    async def script(link, number):
        await link.request()
        await link.answer()

    async with kit.Peer(script) as peer:
        await kit.fetch(transport, kit.post(peer.url()))
        await until(lambda: not waiting(transport))
        assert not transport._pool._all


@pytest.mark.parametrize("busy", [b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", b"HTTP/1.1 503 Bu"])
async def test_a_connection_that_speaks_first_carries_one_request(kit, transport, busy):
    async def script(link, number):
        await link.send(busy)
        await link.gone()

    async with kit.Peer(script) as peer:
        connection = await transport._pool.dial(parse_url(peer.url()), "", kit.BOUND)
        await until(lambda: connection._early == busy)
        answer = connection.ask(b"", b"")
        answer.feed(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"[len(busy) :])
        assert (answer.status, answer.whole, answer.take()) == (503, True, b"busy")
        assert not connection.release()
        connection.abort()


async def test_a_connection_that_is_closed_before_it_is_asked(kit, transport):
    async def script(link, number):
        pass

    async with kit.Peer(script) as peer:
        connection = await transport._pool.dial(parse_url(peer.url()), "", kit.BOUND)
        await until(lambda: connection.gone)
        answer = connection.ask(b"", b"")
        assert answer.fault == ("reset", "the connection was lost")
        assert not answer.heard
