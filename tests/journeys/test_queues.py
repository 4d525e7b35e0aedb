"""An upstream that takes so many calls at once: others wait their turn, go elsewhere, or are told to come back."""

from __future__ import annotations

import asyncio

from tests.journeys.wire import check_books, check_envelope, eventually, role, said, serving, text
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", **CHAT}
ONE = "max_in_flight = 1\n"


def held(until: asyncio.Event) -> Answer:
    return Answer(body=[role() + text("held "), until, said("on")])


async def test_calls_wait_for_their_turn(start):
    until = asyncio.Event()
    async with (
        FakeUpstream(held(until), Answer(body=said("next"))) as upstream,
        start(serving(upstream.url, upstream=ONE)) as gateway,
    ):
        first = asyncio.ensure_future(gateway.ask(ASK))
        await upstream.received()
        second = asyncio.ensure_future(gateway.ask(ASK))
        queues = gateway.gateway.parts.gate.queues
        await eventually(lambda: queues.lengths()["u0"] == (1, 1))
        assert len(upstream.requests) == 1
        until.set()
        assert (await first)[0] == 200
        status, body = await second
        assert (status, body["choices"][0]["message"]["content"]) == (200, "next")
        await eventually(lambda: queues.lengths()["u0"] == (0, 0))
        await check_books(gateway)


async def test_another_route_is_better_than_waiting(start):
    until = asyncio.Event()
    async with (
        FakeUpstream(held(until)) as busy,
        FakeUpstream(Answer(body=said("other"))) as free,
        start(serving(busy.url, free.url, upstream=ONE)) as gateway,
    ):
        first = asyncio.ensure_future(gateway.ask(ASK))
        await busy.received()
        assert (await gateway.ask(ASK))[1]["choices"][0]["message"]["content"] == "other"
        until.set()
        assert (await first)[0] == 200


async def test_where_the_queue_is_full_or_too_slow_it_is_503_with_retry_after(start):
    for limit in ("queue = 0\n", "queue_seconds = 0.05\n"):
        until = asyncio.Event()
        async with (
            FakeUpstream(held(until)) as upstream,
            start(serving(upstream.url, upstream=ONE + limit)) as gateway,
        ):
            first = asyncio.ensure_future(gateway.ask(ASK))
            await upstream.received()
            async with gateway.post(body=ASK) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
                assert "full" in check_envelope(await response.json(), 4001)
            until.set()
            assert (await first)[0] == 200
            await check_books(gateway)


async def test_who_leaves_while_waiting_leaves_its_place_in_the_line(start):
    until = asyncio.Event()
    async with (
        FakeUpstream(held(until)) as upstream,
        start(serving(upstream.url, upstream=ONE)) as gateway,
    ):
        first = asyncio.ensure_future(gateway.ask(ASK))
        await upstream.received()
        second = asyncio.ensure_future(gateway.ask(ASK))
        queues = gateway.gateway.parts.gate.queues
        await eventually(lambda: queues.lengths()["u0"] == (1, 1))
        second.cancel()
        await eventually(lambda: queues.lengths()["u0"] == (1, 0))
        until.set()
        assert (await first)[0] == 200
        await eventually(lambda: queues.lengths()["u0"] == (0, 0))
        assert len(upstream.requests) == 1
