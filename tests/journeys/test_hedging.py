"""`hedge = true`: a second route beside one that is slow to begin. One answer, one charge, and nobody left running."""

from __future__ import annotations

import asyncio

import pytest

from tests.journeys.wire import (
    check_books,
    check_envelope,
    events_of,
    eventually,
    joined,
    last_event,
    problem,
    said,
    serving,
    text,
)
from tests.running import CHAT
from tornadogw.hedging import ENOUGH
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", **CHAT}
HEDGED = "hedge = true\n"
FIRST, SECOND = Answer(body=said("first")), Answer(body=said("second"))


def learned(gateway, seconds=0.02):
    """What so many calls would have told."""
    for _ in range(ENOUGH):
        gateway.gateway.parts.gate.hedging.heard("m", seconds)


def held(until, answer=FIRST):
    return Answer(body=[until, answer.body], status=answer.status)


async def read(gateway, stream):
    """What the client read, and how many calls its answer says there were."""
    async with gateway.post(body={**ASK, "stream": stream}) as response:
        assert response.status == 200, await response.read()
        calls = int(response.headers["X-Gateway-Attempts"])
        if stream:
            events = events_of(await response.read())
            assert events[-1] == "[DONE]"
            return joined(events), calls
        return (await response.json())["choices"][0]["message"]["content"], calls


async def tries(gateway):
    """Upstream, outcome and reason of each attempt of the request made last, in the order of their beginning."""
    found = (await last_event(gateway))["at"]
    return [(each[0], *each[2:4]) for each in sorted(found, key=lambda each: each[5])]


@pytest.mark.parametrize("vendor", ["openai", "lmstudio"])
@pytest.mark.parametrize("stream", [True, False])
async def test_the_second_is_read_if_it_comes_first(start, stream, vendor):
    never = asyncio.Event()
    async with (
        FakeUpstream(*[FIRST] * ENOUGH, held(never)) as slow,
        FakeUpstream(SECOND) as quick,
        start(serving(slow.url, quick.url, vendor=vendor, model=HEDGED)) as gateway,
    ):
        for _ in range(ENOUGH):
            assert await read(gateway, stream) == ("first", 1)
        assert quick.requests == []
        assert await read(gateway, stream) == ("second", 2)
        await slow.requests[-1].gone.wait()
        assert len(quick.requests) == 1
        record = await last_event(gateway)
        assert (record["up"], record["st"], record["c"]) == ("u1", "whole", 9)
        slower, winner = sorted(record["at"], key=lambda each: each[5])
        assert (slower[0], *slower[2:4]) == ("u0", "ended", "slower")
        assert slower[7] > 0, "its prompt is the operator's to pay"
        assert (winner[0], *winner[2:4], len(winner)) == ("u1", "ok", "", 7)
        await check_books(gateway)


async def test_the_first_is_read_if_it_comes_first_after_all(start):
    now, never = asyncio.Event(), asyncio.Event()
    async with (
        FakeUpstream(held(now)) as first,
        FakeUpstream(held(never, SECOND)) as second,
        start(serving(first.url, second.url, model=HEDGED)) as gateway,
    ):
        learned(gateway)
        reading = asyncio.ensure_future(read(gateway, stream=True))
        await second.received()
        now.set()
        assert await reading == ("first", 2)
        await second.requests[0].gone.wait()
        assert await tries(gateway) == [("u0", "ok", ""), ("u1", "ended", "slower")]
        await check_books(gateway)


async def test_one_that_fails_leaves_it_to_the_other(start):
    for first_fails in (True, False):
        now, later = asyncio.Event(), asyncio.Event()
        broken = Answer(body=problem(), status=500)
        async with (
            FakeUpstream(held(now, broken if first_fails else FIRST)) as first,
            FakeUpstream(held(later, SECOND if first_fails else broken)) as second,
            start(serving(first.url, second.url, model=HEDGED)) as gateway,
        ):
            learned(gateway)
            reading = asyncio.ensure_future(read(gateway, stream=False))
            await second.received()
            (now if first_fails else later).set()
            health = gateway.gateway.parts.gate.health
            await eventually(lambda health=health: bool(health._runs))  # the failure is known
            (later if first_fails else now).set()
            assert (await reading)[0] == ("second" if first_fails else "first")
            assert [each[1] for each in await tries(gateway)] == (
                ["elsewhere", "ok"] if first_fails else ["ok", "elsewhere"]
            )
            await check_books(gateway)


async def test_both_may_fail_and_a_third_is_asked(start):
    broken, now = Answer(body=problem(), status=500), asyncio.Event()
    async with (
        FakeUpstream(held(now, broken)) as first,
        FakeUpstream(broken) as second,
        FakeUpstream(Answer(body=said("third"))) as third,
        start(serving(first.url, second.url, third.url, model=HEDGED)) as gateway,
    ):
        learned(gateway)
        reading = asyncio.ensure_future(read(gateway, stream=True))
        await second.received()
        assert third.requests == []
        now.set()
        assert await reading == ("third", 3)
        assert [each[1] for each in await tries(gateway)] == ["elsewhere", "elsewhere", "ok"]


async def test_what_the_client_did_wrong_ends_it(start):
    wrong, never = Answer(body=problem("bad temperature"), status=400), asyncio.Event()
    async with (
        FakeUpstream(held(never)) as first,
        FakeUpstream(wrong) as second,
        start(serving(first.url, second.url, model=HEDGED)) as gateway,
    ):
        learned(gateway)
        status, body = await gateway.ask(ASK)
        assert status == 400
        assert "bad temperature" in check_envelope(body, 1002)
        await first.requests[0].gone.wait()
        assert await gateway.events() == []


@pytest.mark.parametrize("stream", [True, False])
async def test_who_was_outrun_goes_on_where_the_winner_breaks_off(start, stream):
    never = asyncio.Event()
    cut = Answer(body=text("fir"), ending="reset")
    async with (
        FakeUpstream(held(never), FIRST) as first,
        FakeUpstream(cut) as second,
        start(serving(first.url, second.url, model=HEDGED, vendor="openai")) as gateway,
    ):
        learned(gateway)
        said, _ = await read(gateway, stream)
        assert said == "first"
        assert (len(first.requests), len(second.requests)) == (2, 1)
        outcomes = [each[1:] for each in await tries(gateway)]
        assert outcomes == [("ended", "slower"), ("elsewhere", "reset"), ("ok", "resumed" if stream else "")]
        await check_books(gateway)


async def test_a_client_that_leaves_ends_both_and_their_places_are_free(start):
    never = asyncio.Event()
    async with (
        FakeUpstream(held(never), FIRST) as first,
        FakeUpstream(held(never), SECOND) as second,
        start(serving(first.url, second.url, model=HEDGED, upstream="max_in_flight = 1\n")) as gateway,
    ):
        learned(gateway)
        reading = asyncio.ensure_future(gateway.ask(ASK))
        await second.received()
        queues = gateway.gateway.parts.gate.queues
        assert queues.lengths() == {"u0": (1, 0), "u1": (1, 0)}
        reading.cancel()
        await asyncio.wait({reading})
        await first.requests[0].gone.wait()
        await second.requests[0].gone.wait()
        record = await last_event(gateway)
        assert (record["st"], record["up"]) == ("client_gone", "u0")
        assert [each[2:4] for each in record["at"]] == [["ended", ""], ["ended", ""]]
        assert queues.lengths() == {"u0": (0, 0), "u1": (0, 0)}
        assert (await read(gateway, stream=True))[0] == "first"
        await check_books(gateway)


@pytest.mark.parametrize(
    ("model", "upstream", "known"),
    [("", "", True), (HEDGED, "", False), (HEDGED, "max_in_flight = 1\nqueue = 0\n", True)],
    ids=["not asked for", "too little known", "no free place"],
)
async def test_when_no_second_one_is_asked(start, model, upstream, known):
    now, there = asyncio.Event(), asyncio.Event()
    async with (
        FakeUpstream(held(now)) as first,
        FakeUpstream(held(there, SECOND)) as second,
        start(serving(first.url, second.url, model=model, upstream=upstream)) as gateway,
    ):
        gate = gateway.gateway.parts.gate
        if model and known:
            learned(gateway, 0.0)
        if upstream:
            assert await gate.queues.enter("u1")
        reading = asyncio.ensure_future(read(gateway, stream=True))
        await first.received()
        now.set()
        assert await reading == ("first", 1)
        assert second.requests == []
        if upstream:
            gate.queues.leave("u1")
