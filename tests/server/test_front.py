"""The server: it sweeps who waits for too long, lets answers finish when it stops, and leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest


def hurry(front):
    """Nobody may wait for long from now on: from the beginning, it might sweep who is about to ask."""
    front._sweeper.cancel()
    front._idle = 0.05
    front._sweep()


async def test_who_says_nothing_for_too_long_is_let_go(serve):
    async with serve(idle=0.05) as served, served.wire() as wire:
        assert await wire.rest() == b""


@pytest.mark.parametrize("said", ["GET /echo HTTP/1.1\r\nHost: x\r\n", "whole"])
async def test_who_waits_for_too_long_is_let_go(serve, said):
    async with serve() as served, served.wire() as wire:
        if said == "whole":
            wire.ask()
            await wire.answer()
        else:
            wire.send(said)
            while not any(each._arrived for each in served.front.connections):
                await asyncio.sleep(0.001)
        hurry(served.front)
        assert await wire.rest() == b""


async def test_a_long_answer_is_not_idle(serve):
    async with serve() as served, served.wire() as wire, served.wire() as idler:
        wire.ask("/waiting")
        await wire.head()
        hurry(served.front)
        await idler.rest()  # that one was swept
        served.seen.go_on.set()
        assert await wire.reader.readuntil(b"0\r\n\r\n") == b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"


async def test_a_stop_lets_answers_finish(serve):
    async with serve() as served, served.wire() as wire, served.wire() as idler:
        wire.ask("/waiting")
        await wire.head()
        idler.ask()
        await idler.answer()
        served.front.stop()
        assert await idler.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", served.port)
        served.seen.go_on.set()
        assert await wire.reader.readuntil(b"0\r\n\r\n") == b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"


async def test_who_has_just_connected_is_let_ask_once_when_it_stops(serve):
    async with serve() as served, served.wire() as wire, served.wire() as silent:
        while len(served.front.connections) < 2:
            await asyncio.sleep(0)
        served.front.stop()
        waiting = asyncio.create_task(served.front.answered())
        wire.ask()
        status, headers = await wire.head()
        assert (status, headers["connection"]) == (200, "close")
        assert b"127.0.0.1" in await wire.rest()
        assert await silent.rest() == b""
        await waiting


async def test_a_close_ends_answers(serve):
    async with serve() as served, served.wire() as wire:
        wire.ask("/waiting")
        await wire.head()
        await served.front.close()
        assert served.front.connections == set()
        assert served.seen.left.is_set()
        assert not (await wire.rest()).endswith(b"0\r\n\r\n")  # the answer does not look whole
        served.seen.go_on.set()
        await asyncio.sleep(0)
