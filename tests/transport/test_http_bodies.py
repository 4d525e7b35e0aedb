"""The HTTP engine: how answers arrive, in pieces, too early, too fast and broken."""

from __future__ import annotations

import asyncio
import gzip
import socket

import pytest

from tornadogw.transport import TransportError


async def test_reads_give_what_has_arrived(kit, transport):
    go_on = asyncio.Event()

    async def script(link, number):
        await link.request()
        await link.chunked(b"data: 1\n\ndata", end=False)
        await go_on.wait()
        await link.chunked(b": 2\n\n", head=False)

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        assert await upstream.read() == b"data: 1\n\ndata"
        go_on.set()
        assert await upstream.read() == b": 2\n\n"
        assert await upstream.read() == b""
        assert await upstream.read() == b""


async def test_no_line_is_too_long_and_nothing_is_decompressed(kit, transport):
    line = gzip.compress(b"a") + b"data: " + b"x" * (3 << 20)

    async def script(link, number):
        await link.request()
        await link.chunked(line)
        await link.request()
        await link.answer(line, headers=("Content-Encoding: gzip",))

    async with kit.Peer(script) as peer:
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, line)
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, line)


async def test_a_body_for_an_error_is_cut_at_its_limit(kit, transport):
    async def script(link, number):
        await link.request()
        await link.answer(b"x" * 5000, status="500 Oops")

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        assert upstream.status == 500
        assert await upstream.body(1000) == b"x" * 1000


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", b"abcde"),
        (b"Transfer-Encoding: chunked\r\n\r\n9\r\nabcde", b"abcde"),
        (b"Content-Length: 9\r\n\r\nabcde", b"abcde"),
        (b"Content-Length: 9\r\n\r\n", b""),
    ],
)
@pytest.mark.parametrize("late", [False, True])
async def test_an_early_end_is_a_failure_after_all_that_came(kit, transport, head, kept, late):
    async def script(link, number):
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n" + head)

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        while late and upstream._answer.fault is None:
            await asyncio.sleep(0)  # the end is known before the first read
        got = b""
        with pytest.raises(TransportError) as caught:
            while True:
                data = await upstream.read()
                assert data
                got += data
        assert (caught.value.kind, got) == ("reset", kept)
        with pytest.raises(TransportError):
            await upstream.read()


async def test_a_reset_in_the_body_is_a_failure(kit, transport):
    read = asyncio.Event()

    async def script(link, number):
        await link.request()
        await link.chunked(b"data: 1\n\n", end=False)
        await read.wait()
        link.reset()

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        assert await upstream.read() == b"data: 1\n\n"
        read.set()
        with pytest.raises(TransportError) as caught:
            await upstream.read()
        assert caught.value.kind == "reset"


async def test_a_body_that_ends_with_its_connection_is_whole(kit, transport):
    async def script(link, number):
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")

    async with kit.Peer(script) as peer:
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"all of it")
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"all of it")
        assert peer.links == 2


async def test_a_server_that_ends_tls_without_a_word_has_ended_its_body_all_the_same(kit, transport, certificates):
    async def script(link, number):
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        link.writer.transport.abort()

    async with kit.Peer(script, certificates[0]) as peer:
        assert await kit.fetch(transport, kit.post(peer.url(scheme="https"))) == (200, b"all of it")


async def test_early_hints_are_not_the_answer(kit, transport):
    async def script(link, number):
        await link.request()
        await link.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        await link.answer(b"yes")

    async with kit.Peer(script) as peer:
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"yes")


async def test_an_unread_answer_holds_its_sender_back(kit, transport):
    piece = b"x" * 65536
    total = 64 << 20

    sent = 0
    stalled = asyncio.Event()

    async def script(link, number):
        nonlocal sent
        await link.request()
        link.writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        await link.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            link.writer.write(piece)
            sent += len(piece)
            try:
                async with asyncio.timeout(0.3):
                    await link.writer.drain()
            except TimeoutError:
                stalled.set()
                await link.writer.drain()

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        await stalled.wait()
        assert sent < total // 2
        got = 0
        while data := await upstream.read():
            got += len(data)
        assert got == total


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    ],
)
async def test_what_is_not_http_is_told_so(kit, transport, answer):
    async def script(link, number):
        await link.request()
        await link.send(answer)
        await link.gone()

    async with kit.Peer(script) as peer:
        assert (await kit.failing(transport, kit.post(peer.url()))).kind == "protocol"


async def test_a_broken_chunk_ends_the_answer(kit, transport):
    async def script(link, number):
        await link.request()
        await link.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n")
        await link.gone()

    async with kit.Peer(script) as peer:
        assert (await kit.failing(transport, kit.post(peer.url()))).kind in {"reset", "protocol"}


async def test_a_server_that_speaks_first_is_not_asked_for_ever(kit, transport):
    async def script(link, number):
        await link.answer(b"busy", status="503 Busy")
        await link.gone()

    async with kit.Peer(script) as peer:
        async with asyncio.timeout(kit.BOUND):
            assert await kit.fetch(transport, kit.post(peer.url())) == (503, b"busy")
        assert peer.links == 1
