from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import pytest

from tests.journeys.wire import eventually
from tests.running import CHAT


async def raw(gateway, head: str, body: bytes = b"", *, close: bool = False) -> bytes:
    """What comes back for bytes written to a socket, until the server closes."""
    place = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: {gateway.key}\r\n{head}\r\n".encode()
        )
        writer.write(body)
        if close:
            writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_multipart_body_is_415(start):
    async with start() as gateway:
        status, body = await gateway.ask(b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert (status, body["code"]) == (415, 1002)
        status, body = await gateway.ask(b"x", headers={"Content-Encoding": "gzip"})
        assert (status, body["code"]) == (415, 1002)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_json_is_json_whatever_it_is_called(start, kind):
    async with start() as gateway:
        assert (await gateway.ask(headers={"Content-Type": kind} if kind else {}))[0] == 200


async def test_a_body_over_the_limit_is_refused_before_it_has_arrived(start):
    async with start("[server]\nmax_body_bytes = 1000\n") as gateway:
        said = await raw(gateway, "Content-Length: 1001\r\n")
        assert b" 413 " in said.split(b"\r\n")[0]
        assert b'"code":1002' in said
        chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
        assert b" 413 " in (await raw(gateway, "Transfer-Encoding: chunked\r\n", chunk)).split(b"\r\n")[0]


async def test_a_body_that_does_not_come_is_408(start):
    async with start("[server]\nbody_timeout = 0.2\n") as gateway:
        said = await raw(gateway, "Content-Length: 100\r\n", b"{")
        assert b" 408 " in said.split(b"\r\n")[0]
        assert b'"code":1002' in said


async def test_a_key_is_refused_before_the_body_comes(start):
    async with start() as gateway:
        gateway.key = "sk-bad"
        assert b" 401 " in (await raw(gateway, "Content-Length: 100\r\n")).split(b"\r\n")[0]


async def test_the_head_of_a_stream(start):
    async with start() as gateway, gateway.post(body={**CHAT, "stream": True}) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert response.headers["X-Gateway-Attempts"] == "1"
        await response.read()


async def test_a_cut_ends_the_exchange_as_if_the_client_had_left(start):
    slow = {**CHAT, "stream": True, "messages": [{"role": "user", "content": "echo:slow 50\n" + "word " * 400}]}
    async with start() as gateway:
        inflight = gateway.gateway.parts.inflight
        async with gateway.post(body=slow) as response:
            await response.content.readany()
            assert len(inflight) == 1
            inflight.cut()
            async with asyncio.timeout(15):
                await inflight.idle()
        [event] = await gateway.events()
        assert event["r"]


async def test_a_client_that_leaves_while_its_body_is_on_its_way_leaves_nothing(start):
    async with start() as gateway:
        place = urlsplit(gateway.url)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: {gateway.key}\r\nContent-Length: 99\r\n\r\n{{"
        )
        with socket.create_connection((place.hostname, place.port)) as left:
            left.sendall(head.encode())
        assert (await gateway.ask())[0] == 200
        await eventually(lambda: len(gateway.gateway.parts.inflight) == 0)
