"""Bodies that are large, slow, endless or not what they say, and such heads: each is answered, nothing hangs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from tests.journeys.raw import Raw
from tests.journeys.wire import check_envelope, said, serving, settled
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

MB = 1024 * 1024


@pytest.fixture
def short(monkeypatch):
    """What was refused is not read on for long."""
    monkeypatch.setattr("tornadogw.handlers.base.LINGER", 0.3)


def body_of(size: int) -> bytes:
    """A request of exactly so many bytes."""
    frame = json.dumps({"model": "m", "messages": [{"role": "user", "content": ""}]}).encode()
    return frame.replace(b'""', b'"' + b"x" * (size - len(frame)) + b'"')


async def test_twenty_megabytes_are_accepted_below_the_limit_and_refused_above(start):
    large = body_of(20 * MB)
    async with (
        FakeUpstream(Answer(body=said("big"))) as upstream,
        start(serving(upstream.url), credit="1000") as gateway,
    ):
        async with Raw(gateway) as client:
            client.ask(large)
            status, _, answer = await client.answer()
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "big")
        assert len(upstream.requests[0].body) > 20 * MB
    top = "[server]\nmax_body_bytes = 1000000"
    async with FakeUpstream() as upstream, start(serving(upstream.url, top=top)) as gateway:
        for language, words in [("zh", "请求体过大"), ("en", "too large")]:
            async with Raw(gateway) as client:
                client.ask(large, f"Accept-Language: {language}")
                status, headers, answer = await client.answer()
                assert (status, headers["connection"]) == (413, "close")
                assert words in check_envelope(answer, 1002, "request_too_large")
                assert await client.closed()
        for size, expected in [(1_000_000, 200), (1_000_001, 413)]:
            upstream.play(Answer(body=said("fits")))
            status, answer = await gateway.ask(body_of(size))
            assert status == expected, answer
        assert len(upstream.requests) == 1


async def test_a_body_without_end_is_cut_off_by_its_size(start):
    async with start("[server]\nmax_body_bytes = 100000") as gateway, Raw(gateway) as client:
        client.head("Transfer-Encoding: chunked")
        chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                client.writer.write(chunk)
                await client.writer.drain()
                await asyncio.sleep(0)
        status, headers, answer = await client.answer()
        assert (status, headers["connection"]) == (413, "close")
        check_envelope(answer, 1002, "request_too_large")
        assert await client.closed()
        await settled(gateway)


@pytest.mark.parametrize("headers", [("Content-Length: 1000",), ("Transfer-Encoding: chunked",)])
async def test_a_body_without_end_is_cut_off_by_its_time(start, short, headers):
    async with start("[server]\nbody_timeout = 0.5") as gateway:
        for dripping in (False, True):
            async with Raw(gateway) as client:
                began = time.monotonic()
                client.head(*headers)
                dripper = asyncio.create_task(drip(client, chunked="chunked" in headers[0])) if dripping else None
                status, answered, answer = await client.answer()
                assert time.monotonic() - began > 0.4
                assert (status, answered["connection"]) == (408, "close")
                check_envelope(answer, 1002, "request_timeout")
                assert await client.closed()
                if dripper:
                    dripper.cancel()
                    await asyncio.wait({dripper})
        await settled(gateway)


async def drip(client: Raw, *, chunked: bool) -> None:
    """A byte now and then: each alone comes in time."""
    while True:
        client.writer.write(b"1\r\n \r\n" if chunked else b" ")
        await asyncio.sleep(0.05)


async def test_what_is_refused_from_the_headers_is_answered_before_the_body_comes(start, short):
    async with start("[limits]\nkey_per_minute = 1") as gateway:
        assert (await gateway.ask())[0] == 200
        cases: list[tuple[str, str, int, int]] = [
            ("/v1/chat/completions", "sk-nobody", 401, 2001),
            ("/v1/nothing", "sk-nobody", 401, 2001),
            ("/v1/chat/completions", gateway.key, 429, 2004),
        ]
        for path, key, expected, code in cases:
            async with Raw(gateway) as client:
                client.head("Content-Length: 100000", key=key, first=f"POST {path} HTTP/1.1")
                status, headers, answer = await client.answer()
                assert (status, headers["connection"]) == (expected, "close"), path
                check_envelope(answer, code)
                assert await client.closed()


async def test_a_refusal_is_read_even_by_a_client_that_goes_on_sending(start):
    """The connection lingers: closed at once, it would be reset, and the answer lost."""
    async with start() as gateway:
        for _ in range(5):
            async with Raw(gateway) as client:
                client.head(f"Content-Length: {30 * MB}", key="sk-nobody")
                with contextlib.suppress(ConnectionError):
                    for _ in range(20):
                        client.writer.write(b" " * 65536)
                        await asyncio.sleep(0)
                status, _, answer = await client.answer()
                assert status == 401
                check_envelope(answer, 2001)


async def test_kinds_of_bodies_that_are_not_taken(start):
    async with start() as gateway:
        body = json.dumps(CHAT).encode()
        for header, expected in [
            ("Content-Type: multipart/form-data; boundary=x", 415),
            ("Content-Encoding: gzip", 415),
            ("Content-Encoding: br", 415),
            ("Content-Encoding: identity", 200),
            ("Content-Type: text/plain", 200),
            ("Content-Type: application/x-www-form-urlencoded", 200),
            ("Content-Type: application/json; charset=utf-8", 200),
            ("X-Nothing: no content type at all", 200),
        ]:
            async with Raw(gateway) as client:
                client.ask(body, header, "Accept: application/json")
                status, _, answer = await client.answer()
                assert status == expected, header
                if expected == 415:
                    check_envelope(answer, 1002, "unsupported_media_type")


async def test_heads_that_no_parser_takes_end_the_connection_and_nothing_else(start):
    async with start() as gateway:
        heads = [
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * 70_000 + b"\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + b"X-Many: y\r\n" * 7000 + b"\r\n",
            b"POST /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"BROKEN\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nBad\x00Name: x\r\n\r\n",
        ]
        for head in heads:
            async with Raw(gateway) as client:
                client.writer.write(head)
                status, _, _ = await client.answer()
                assert status in (0, 400, 404, 431), head[:60]
                assert await client.closed(), head[:60]
        assert (await gateway.ask())[0] == 200


async def test_lengths_that_are_none(start):
    async with start() as gateway:
        for length in ("abc", "-5", "5, 6", "1e3", "٣", "+5", "0x10", "9" * 30, " ", "5 5"):
            async with Raw(gateway) as client:
                client.head(f"Content-Length: {length}")
                client.writer.write(b"hello")
                status, _, answer = await client.answer()
                assert status in (400, 413), (length, answer)
                if answer is not None:
                    check_envelope(answer, 1002)


async def test_a_body_in_pieces_is_one_body(start):
    async with start() as gateway, Raw(gateway) as client:
        client.head("Transfer-Encoding: chunked", "Accept: application/json")
        for byte in json.dumps(CHAT).encode():
            client.writer.write(b"1\r\n%c\r\n" % byte)
        client.writer.write(b"0\r\n\r\n")
        status, _, answer = await client.answer()
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "Hello there")


async def test_expect_100_continue(start):
    async with start() as gateway:
        async with Raw(gateway) as client:
            body = json.dumps(CHAT).encode()
            client.head("Expect: 100-continue", f"Content-Length: {len(body)}", "Accept: application/json")
            async with asyncio.timeout(15):
                assert (await client.reader.readuntil(b"\r\n\r\n")).split()[1] == b"100"
            client.writer.write(body)
            assert (await client.answer())[0] == 200
        async with Raw(gateway) as client:
            client.head("Expect: 100-continue", "Content-Length: 100", key="sk-nobody")
            status, headers, _ = await client.answer()
            assert (status, headers["connection"]) == (401, "close")
            assert await client.reader.read() == b"", "nothing asks for the body any more"
