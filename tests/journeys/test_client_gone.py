"""A client that leaves: its upstream is stopped at once, and what was seen is charged."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from tests.journeys.raw import Raw
from tests.journeys.wire import (
    DONE,
    check_books,
    chunk,
    eventually,
    last_event,
    role,
    said,
    serving,
    settled,
    text,
    usage,
)
from tests.running import CHAT
from tornadogw.meter import Meter
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", "stream": True, **CHAT}
AT_ONCE = 15.0
"""Seconds. It takes milliseconds, and longer where a machine stands still; the deadlines of these tests are 300 s."""
PATIENT = "timeouts = { first_event = 300, idle = 300, total = 300 }"


async def closed_at_once(gone: asyncio.Event) -> None:
    began = time.monotonic()
    async with asyncio.timeout(AT_ONCE):
        await gone.wait()
    print(f"the upstream was closed {1000 * (time.monotonic() - began):.0f} ms after the client had gone")


async def test_gone_in_the_middle_of_a_stream(start):
    for vendor in ("vllm", "openai"):
        answer = Answer(body=role() + text("Once ") + text("upon "), ending="hang")
        async with (
            FakeUpstream(answer) as upstream,
            start(serving(upstream.url, vendor=vendor, model=PATIENT)) as gateway,
        ):
            response = await gateway.post(body=ASK)
            async with asyncio.timeout(15):
                while b"upon" not in await response.content.readany():
                    pass
            response.close()
            await closed_at_once(upstream.requests[0].gone)
            record = await last_event(gateway)
            assert (record["st"], record["src"], record["o"]) == ("client_gone", "estimated", 3), vendor
            assert record["i"] > 0
            assert record["c"] == record["i"] + 3
            assert "cd" not in record


async def test_gone_after_usage_was_reported_is_charged_as_reported(start):
    answer = Answer(body=role() + text("Once ") + usage(70, 20), ending="hang")
    async with FakeUpstream(answer) as upstream, start(serving(upstream.url, model=PATIENT)) as gateway:
        response = await gateway.post(
            body={**ASK, "max_tokens": 50, "messages": [{"role": "user", "content": "x" * 90}]}
        )
        assert b"Once" in await response.content.readany()
        response.close()
        await closed_at_once(upstream.requests[0].gone)
        record = await last_event(gateway)
        assert (record["i"], record["o"], record["c"]) == (70, 20, 90)


async def test_gone_before_the_first_event(start):
    for stream in (True, False):
        answers = [Answer(body=b"", ending="hang"), Answer(body=role(), ending="hang")]
        async with FakeUpstream(*answers) as upstream, start(serving(upstream.url, model=PATIENT)) as gateway:
            for number in (1, 2):
                asking = asyncio.create_task(gateway.ask({**ASK, "stream": stream}))
                request = await upstream.received(number)
                asking.cancel()
                await asyncio.wait({asking})
                await closed_at_once(request.gone)
                record = await last_event(gateway)
                assert (record["st"], record.get("o"), record["c"]) == ("client_gone", 0, record["i"]), record
                assert record["i"] > 0, "the prompt was sent, so it is paid"


async def test_a_json_client_gone_in_the_middle(start, monkeypatch):
    """It has seen nothing, but the upstream has worked for it."""
    relayed, half = Meter.relayed, asyncio.Event()

    def watched(self: Meter, said: str) -> None:
        relayed(self, said)
        if said == "upon ":
            half.set()

    monkeypatch.setattr(Meter, "relayed", watched)
    answer = Answer(body=role() + text("Once ") + text("upon "), ending="hang")
    async with FakeUpstream(answer) as upstream, start(serving(upstream.url, model=PATIENT)) as gateway:
        asking = asyncio.create_task(gateway.ask({**ASK, "stream": False}))
        async with asyncio.timeout(15):
            await half.wait()
        asking.cancel()
        await asyncio.wait({asking})
        await closed_at_once(upstream.requests[0].gone)
        record = await last_event(gateway)
        assert (record["st"], record["o"]) == ("client_gone", 3), record


async def test_gone_between_two_routes_charges_the_second_alone(start):
    async with (
        FakeUpstream(Answer(status=500)) as bad,
        FakeUpstream(Answer(ending="hang")) as slow,
        start(serving(bad.url, slow.url, model=PATIENT)) as gateway,
    ):
        asking = asyncio.create_task(gateway.ask(ASK))
        request = await slow.received()
        asking.cancel()
        await asyncio.wait({asking})
        await closed_at_once(request.gone)
        record = await last_event(gateway)
        assert (record["up"], [each[2] for each in record["at"]]) == ("u1", ["elsewhere", "ended"])


async def test_gone_while_the_body_is_on_its_way_costs_nothing(start):
    async with FakeUpstream() as upstream, start(serving(upstream.url)) as gateway:
        async with Raw(gateway) as client:
            client.head("Content-Length: 1000")
            client.writer.write(b"{")
            await client.writer.drain()
            client.writer.transport.abort()
        await settled(gateway)
        assert (upstream.requests, await gateway.events()) == ([], [])


async def test_many_clients_gone_at_random_moments_leave_nothing_behind(start):
    steps = [role(), *(text(f"w{number} ") for number in range(30)), chunk(finish="stop"), usage(7, 30), DONE]
    async with (
        FakeUpstream(Answer(body=b"".join(steps), split=211)) as upstream,
        start(serving(upstream.url, model=PATIENT, top="[limits]\nkey_per_minute = 1000")) as gateway,
    ):

        async def ask_and_leave(number: int) -> None:
            """After so many words, or before any."""
            response = await gateway.post(body=ASK)
            seen = b""
            while seen.count(b"content") < number and (data := await response.content.readany()):
                seen += data
            response.close()

        await asyncio.gather(*(ask_and_leave(number % 40) for number in range(80)))
        await settled(gateway)
        account = await gateway.account()
        records = await gateway.events()
        assert account.spent == sum(record["c"] for record in records) > 0
        assert {record["st"] for record in records} <= {"whole", "client_gone"}


async def test_a_client_that_shuts_down_while_others_are_served_disturbs_nobody(start):
    gate = asyncio.Event()
    answer = Answer(body=[role() + text("one "), gate, text("two") + chunk(finish="stop") + usage() + DONE])
    async with FakeUpstream(answer) as upstream, start(serving(upstream.url, model=PATIENT)) as gateway:
        stayer = asyncio.create_task(gateway.stream(ASK))
        await upstream.received(1)
        async with aiohttp.ClientSession() as other:
            leaver = await other.post(
                gateway.url + "/v1/chat/completions", json=ASK, headers={"X-API-Key": gateway.key}
            )
            await upstream.received(2)
            leaver.close()
        await upstream.requests[1].gone.wait()
        gate.set()
        assert (await stayer)[-1] == b"[DONE]"


DRAIN = 'on_disconnect = "drain"\n'


async def left_in_the_middle(gateway, body=ASK):
    response = await gateway.post(body=body)
    async with asyncio.timeout(15):
        while b"Once" not in await response.content.readany():
            pass
    response.close()


async def test_an_answer_is_read_to_its_end_where_the_operator_wants_it(start):
    """For the exact usage: the connection stays good, and the client pays what the upstream reports."""
    go_on = asyncio.Event()
    answer = Answer(body=[role() + text("Once "), go_on, text("upon ") + chunk(finish="stop") + usage(7, 5) + DONE])
    async with (
        FakeUpstream(answer, Answer(body=said("x"))) as upstream,
        start(serving(upstream.url, model=PATIENT, upstream=DRAIN)) as gateway,
    ):
        await left_in_the_middle(gateway)
        await eventually(lambda: any(each.gone for each in gateway.gateway.parts.inflight._cuts))
        go_on.set()
        record = await last_event(gateway)
        assert (record["st"], record["src"], record["i"], record["o"]) == ("client_gone", "reported", 7, 5)
        assert [each[2] for each in record["at"]] == ["ok"]
        assert not upstream.requests[0].gone.is_set()
        assert (await gateway.ask())[0] == 200
        await check_books(gateway)


async def test_it_is_not_read_for_ever(start):
    for limit, tokens in (("drain_seconds = 0.2\n", 3), ("drain_tokens = 1\n", 4)):
        go_on = asyncio.Event()
        pieces = [role() + text("Once "), go_on, text("upon "), text("a ")] if limit.startswith("drain_t") else []
        answer = Answer(body=pieces or [role() + text("Once "), text("upon ")], ending="hang")
        async with (
            FakeUpstream(answer) as upstream,
            start(serving(upstream.url, model=PATIENT, upstream=DRAIN + limit)) as gateway,
        ):
            await left_in_the_middle(gateway)
            await eventually(lambda: all(each.gone for each in gateway.gateway.parts.inflight._cuts))
            go_on.set()
            await closed_at_once(upstream.requests[0].gone)
            record = await last_event(gateway)
            assert (record["st"], record["src"]) == ("client_gone", "estimated")
            assert record["o"] <= tokens
            await check_books(gateway)


async def test_nobody_else_is_asked_for_a_client_that_has_left(start):
    go_on = asyncio.Event()
    async with (
        FakeUpstream(Answer(body=[role() + text("Once "), go_on, b""])) as bad,
        FakeUpstream(Answer(body=said("Once upon"))) as good,
        start(serving(bad.url, good.url, model=PATIENT, upstream=DRAIN)) as gateway,
    ):
        await left_in_the_middle(gateway)
        await eventually(lambda: any(each.gone for each in gateway.gateway.parts.inflight._cuts))
        go_on.set()
        record = await last_event(gateway)
        assert (record["st"], record["o"]) == ("client_gone", 2)
        assert good.requests == []


async def test_nobody_is_asked_once_more_for_a_client_that_left_meanwhile(start, monkeypatch):
    monkeypatch.setattr("tornadogw.plan.BACK_OFF", (4.0, 4.0))  # time to leave
    cut = Answer(body=role() + text("Once "), ending="eof")
    async with (
        FakeUpstream(cut, Answer(body=said("Once upon"))) as upstream,
        start(serving(upstream.url, model=PATIENT, upstream=DRAIN)) as gateway,
    ):
        response = await gateway.post(body=ASK)
        await eventually(lambda: bool(gateway.gateway.parts.gate.health._failing))  # the cut is known: it pauses
        response.close()
        record = await last_event(gateway)
        assert (record["st"], record["o"]) == ("client_gone", 2)
        assert len(upstream.requests) == 1


async def test_an_answer_that_has_not_begun_is_not_waited_for(start):
    async with (
        FakeUpstream(Answer(body=role(), ending="hang")) as upstream,
        start(serving(upstream.url, model=PATIENT, upstream=DRAIN)) as gateway,
    ):
        asking = asyncio.create_task(gateway.ask(ASK))
        request = await upstream.received()
        asking.cancel()
        await asyncio.wait({asking})
        await closed_at_once(request.gone)


async def test_a_stop_does_not_wait_for_answers_without_a_reader(start):
    async with (
        FakeUpstream(Answer(body=role() + text("Once "), ending="hang")) as upstream,
        start(serving(upstream.url, model=PATIENT, upstream=DRAIN)) as gateway,
    ):
        await left_in_the_middle(gateway)
        await eventually(lambda: any(each.gone for each in gateway.gateway.parts.inflight._cuts))
        gateway.gateway.parts.inflight.cut()
        await closed_at_once(upstream.requests[0].gone)
        assert (await last_event(gateway))["st"] == "client_gone"
