"""How an answer's end is told: by a length, by chunks, or by the connection's end, and never by a lie."""

from __future__ import annotations

import pytest


async def test_an_answer_in_chunks(serve):
    async with serve() as served, served.wire() as wire:
        for _ in range(2):
            wire.ask("/chunks")
            status, headers = await wire.head()
            assert (status, headers["transfer-encoding"], "content-length" in headers) == (200, "chunked", False)
            assert "connection" not in headers
            assert await wire.reader.readuntil(b"0\r\n\r\n") == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"


@pytest.mark.parametrize("wants", ["close", "keep-alive"])
async def test_the_old_version_is_answered_until_the_connection_ends(serve, wants):
    async with serve() as served, served.wire() as wire:
        wire.ask("/chunks", f"Connection: {wants}", version="1.0")
        _, headers = await wire.head()
        assert headers["connection"] == "close"
        assert "transfer-encoding" not in headers
        assert await wire.rest() == b"onethree"


async def test_the_old_version_may_ask_again(serve):
    async with serve() as served, served.wire() as wire:
        for _ in range(2):
            wire.ask("/echo", "Connection: keep-alive", version="1.0")
            _, headers = await wire.head()
            assert headers["connection"] == "keep-alive"
            await wire.reader.readexactly(int(headers["content-length"]))


async def test_who_wants_to_leave_is_let_go(serve):
    async with serve() as served, served.wire() as wire:
        wire.ask("/echo", "Connection: close")
        answer = await wire.rest()
        assert b"\r\nConnection: close\r\n" in answer
        assert answer.endswith(b"}")


@pytest.mark.parametrize(("verb", "status", "length"), [("HEAD", 200, "5"), ("DELETE", 204, None)])
async def test_answers_without_a_body(serve, verb, status, length):
    async with serve() as served, served.wire() as wire:
        wire.ask("/echo", verb=verb)
        found, headers = await wire.head()
        assert (found, headers.get("content-length"), headers.get("transfer-encoding")) == (status, length, None)
        wire.ask("/echo")
        assert (await wire.answer())[0] == 200


@pytest.mark.parametrize("how", ["long", "short", "header"])
async def test_an_answer_that_lies_ends_the_connection(serve, how, claim_log):
    """The client sees less than was promised, never more, and no header that a handler did not mean."""
    claim_log("tornado")
    async with serve() as served, served.wire() as wire:
        wire.ask(f"/broken?how={how}")
        said = await wire.rest()
    assert b"X-More" not in said
    assert b"12345" not in said
    assert said.count(b"HTTP/1.1") <= 1
