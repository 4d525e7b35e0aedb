"""`X-Gateway-Buffer: full`: nothing is sent before the answer is whole, so that no fault shows."""

from __future__ import annotations

from tests.journeys.wire import (
    check_books,
    check_envelope,
    check_in_band,
    events_of,
    finishes,
    joined,
    last_event,
    role,
    said,
    serving,
    text,
)
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", "stream": True, **CHAT}
FULL = {"X-Gateway-Buffer": "full"}
CUT = Answer(body=role() + text("Once ") + text("more "))


async def ask(gateway, headers=FULL):
    async with gateway.post(body=ASK, headers=headers) as response:
        return response, await response.read()


async def test_a_stream_that_breaks_off_is_hidden_although_the_next_answer_is_another(start):
    async with (
        FakeUpstream(CUT) as bad,
        FakeUpstream(Answer(body=said("Once ", "upon a time"))) as good,
        start(serving(bad.url, good.url)) as gateway,
    ):
        response, raw = await ask(gateway)
        events = events_of(raw)
        assert (joined(events), finishes(events), events[-1]) == ("Once upon a time", ["stop"], "[DONE]")
        assert (response.headers["X-Gateway-Buffer"], response.headers["X-Gateway-Attempts"]) == ("full", "2")
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        record = await last_event(gateway)
        assert (record["st"], record["up"], record["src"]) == ("whole", "u1", "reported")
        await check_books(gateway)


async def test_if_nobody_gives_a_whole_answer_it_is_a_plain_error_and_free(start):
    async with FakeUpstream(CUT) as bad, start(serving(bad.url)) as gateway:
        response, raw = await ask(gateway)
        assert response.status == 503
        check_envelope(await response.json(), 4001)
        assert await gateway.events() == []
        assert b"Once" not in raw


async def test_a_longer_answer_than_there_is_room_for_goes_out_from_there_on(start):
    top = "[server]\nbuffer_bytes = 300\n"
    long = Answer(body=role() + text("Once ") + text("upon ") + text("a "))
    async with FakeUpstream(long) as bad, start(serving(bad.url, top=top, model='resume = "off"')) as gateway:
        response, raw = await ask(gateway)
        events = events_of(raw)
        assert (response.status, joined(events)) == (200, "Once upon a ")
        check_in_band(events[-1], 4001)


async def test_it_is_done_only_where_it_is_asked_for_and_allowed(start):
    async with FakeUpstream(Answer(body=said("x"))) as upstream:
        async with start(serving(upstream.url)) as gateway:
            for headers in ({}, {"X-Gateway-Buffer": "no"}):
                response, _ = await ask(gateway, headers)
                assert "X-Gateway-Buffer" not in response.headers
        async with start(serving(upstream.url, top="[server]\nbuffer_bytes = 0\n")) as gateway:
            response, raw = await ask(gateway)
            assert "X-Gateway-Buffer" not in response.headers
            assert joined(events_of(raw)) == "x"
