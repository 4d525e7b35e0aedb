"""What a call costs and whether the balance covers it; nothing is ever lost, whatever happens at once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import msgspec
import pytest

from tests.awake import within
from tests.journeys.wire import (
    DONE,
    check_envelope,
    chunk,
    eventually,
    last_event,
    model,
    role,
    said,
    serving,
    settled,
    text,
    usage,
)
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", **CHAT}
MANY = "[limits]\nkey_per_minute = 10000\nip_per_minute = 10000\n"
PRICES = 'price = { input = "2.5", output = "10", cached_input = "0.25", cache_write = "3", reasoning = "20" }'


async def test_each_kind_of_token_has_its_price(start):
    settings = serving("URL").replace('price = { input = "1", output = "1" }', PRICES)
    details = {
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    body = role() + text("x" * 50) + chunk(finish="stop") + usage(10, 5, **details) + DONE
    async with FakeUpstream(Answer(body=body)) as upstream, start(settings.replace("URL", upstream.url)) as gateway:
        assert (await gateway.ask(ASK))[0] == 200
        record = await last_event(gateway)
        # 4 x 2.5 + 4 x 0.25 + 2 x 3 + 2 x 10 + 3 x 20 micro-units
        assert (record["i"], record["ic"], record["iw"], record["o"], record["og"], record["c"]) == (10, 4, 2, 5, 3, 97)
        assert record["p"] == [2_500_000, 10_000_000, 250_000, 3_000_000, 20_000_000]
        _, answer = await gateway.ask(ASK)
        assert answer["usage"] == {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 3},
        }


async def test_a_balance_that_does_not_cover_the_request(start):
    """The hold is the most that the call can cost: 1000 tokens of output and a bound of the prompt."""
    async with (
        FakeUpstream(Answer(body=said("hi"))) as upstream,
        start(serving(upstream.url), credit="0.0005") as gateway,
    ):
        status, body = await gateway.ask(ASK)
        assert status == 402
        check_envelope(body, 2002, "insufficient_balance")
        status, body = await gateway.ask({**ASK, "max_tokens": 10**9, "stream": True})
        assert status == 402
        assert upstream.requests == []
        for limit in ("max_tokens", "max_completion_tokens"):
            assert (await gateway.ask({**ASK, limit: 100}))[0] == 200
        assert (await gateway.account()).spent == 18
        assert (await gateway.ask({**ASK, "max_tokens": 100, "n": 8}))[0] == 402, "each choice may be as long"
        long = [{"role": "user", "content": "x" * 1200}]
        assert (await gateway.ask({**ASK, "messages": long, "max_tokens": 1}))[0] == 402, "a prompt costs, too"


async def test_while_a_call_runs_its_money_is_held(start):
    gate = asyncio.Event()
    async with (
        FakeUpstream(Answer(body=[role() + text("a"), gate, said("b")])) as upstream,
        start(serving(upstream.url), credit="0.002") as gateway,
    ):
        first = asyncio.create_task(gateway.ask(ASK))
        await upstream.received()
        account = await gateway.account()
        assert account.held > 1000
        assert account.balance + account.held == account.credited == 2000
        status, body = await gateway.ask(ASK)
        assert status == 402, "what is held cannot be spent twice"
        check_envelope(body, 2002)
        gate.set()
        assert (await first)[0] == 200
        assert (await gateway.ask(ASK))[0] == 200


async def test_dearer_routes_are_left_out_when_the_balance_covers_only_cheaper_ones(start):
    dear = model("dear", "u0", price="1000", auto="1", fallbacks='["cheap"]')
    cheap = model("cheap", "u0", auto="2")
    async with (
        FakeUpstream(Answer(body=said("hi"))) as upstream,
        start(serving(upstream.url, model=dear + cheap), credit="0.01") as gateway,
    ):
        for asked in ("auto", "dear"):
            status, _ = await gateway.ask({**CHAT, "model": asked})
            assert (status, upstream.requests[-1].json()["model"]) == (200, "cheap-at-u0"), asked
            record = await last_event(gateway)
            assert record["at"][0][:4] == ["u0", "dear", "skipped", "balance"], record
        status, body = await gateway.ask({**CHAT, "model": "dear", "max_tokens": 100_000})
        assert status == 402
        check_envelope(body, 2002)


def patient(gateway) -> None:
    """On a busy machine hundreds of writes to one account may take longer than a request waits for the database.

    Then the gateway warns that the database is away, and is right to: only the figures are at stake here.
    """
    ledger = gateway.gateway.ledger
    ledger.leasing = msgspec.structs.replace(ledger.leasing, patience=60.0)
    for busy in ("tornadogw.ledger", "tornadogw.store.mongo_watch"):
        logging.getLogger(busy).addFilter(_quiet)


def _quiet(record: logging.LogRecord) -> bool:
    return record.levelno != logging.WARNING


@pytest.fixture(autouse=True)
def loud_again():
    yield
    for busy in ("tornadogw.ledger", "tornadogw.store.mongo_watch"):
        logging.getLogger(busy).removeFilter(_quiet)


async def test_two_hundred_at_once_on_a_balance_for_ten(start):
    """Each costs as much as was held for it, so ten is exactly what the money is good for."""
    settings = serving("URL", top=MANY).replace('input = "1"', 'input = "0"')
    body = role() + text("word " * 100) + chunk(finish="length") + usage(5, 100) + DONE
    async with (
        FakeUpstream(Answer(body=body)) as upstream,
        start(settings.replace("URL", upstream.url), credit="0.001") as gateway,
    ):
        patient(gateway)
        ask = {**ASK, "max_tokens": 100}
        streams = [gateway.ask({**ask, "stream": False}) for _ in range(200)]
        found = Counter([status for status, _ in await asyncio.gather(*streams)])
        await settled(gateway)
        account = await gateway.account()
        assert found == {200: 10, 402: 190}
        assert (account.spent, account.balance, len(upstream.requests)) == (1000, 0, 10)


async def test_many_calls_that_end_in_every_way_add_up(start):
    ways = [
        Answer(body=said("fine")),
        Answer(body=role() + text("cut off")),
        Answer(status=500),
        Answer(status=400, headers={"Content-Type": "application/json"}),
        Answer(body=role() + text("half"), ending="reset"),
        Answer(body=b""),
        Answer(body=role() + text("no usage") + chunk(finish="stop")),
    ]
    alone = 'resume = "off"\n'  # else a second answer, by chance the same, may make a cut one whole
    async with FakeUpstream() as upstream, start(serving(upstream.url, top=MANY, model=alone)) as gateway:
        patient(gateway)
        upstream.play(*(ways * 20), Answer(body=said("fine")))

        async def ask(number: int) -> int:
            async with gateway.post(body={**ASK, "stream": number % 2 == 0}) as response:
                if number % 11 == 10:
                    response.close()
                    return 0
                await response.read()
                return int(response.status)

        found = Counter(await asyncio.gather(*(ask(number) for number in range(140))))
        assert set(found) <= {0, 200, 400, 503}
        await settled(gateway)
        records = await gateway.events()
        assert {record["st"] for record in records} >= {"whole", "cut"}
        assert all(record["c"] == record["i"] + record["o"] > 0 for record in records)


async def test_nobody_reads_a_whole_answer_that_is_not_charged(start):
    """When the last byte is here the money is in the database: no waiting, no race."""
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url)) as gateway:
        for number in range(1, 6):
            await gateway.stream(ASK)
            account = await gateway.account()
            assert (account.spent, account.held) == (9 * number, 0)


async def test_a_free_model_needs_no_balance(start):
    async with start(credit="0.000001") as gateway:
        assert (await gateway.ask({**CHAT, "max_tokens": 10**9}))[0] == 200
        assert (await gateway.account()).spent == 0


async def test_an_account_disabled_while_its_call_runs_pays_for_it(start):
    gate = asyncio.Event()
    async with (
        FakeUpstream(Answer(body=[role() + text("a"), gate, said("b")])) as upstream,
        start(serving(upstream.url)) as gateway,
    ):
        running = asyncio.create_task(gateway.ask(ASK))
        await upstream.received()
        upstream.play(Answer(body=said("b")))  # until it is told, the account may ask
        await gateway.accounts.create("second@example.com", role="owner")  # the last owner cannot be disabled
        await gateway.accounts.disable("owner@tornadogw.local")
        asked = 0

        async def refused() -> bool:
            nonlocal asked
            status, _ = await gateway.ask(ASK)
            asked += status == 200
            return status == 401

        async with within(2.0, gateway.mongo):
            await eventually(refused)
        gate.set()
        assert (await running)[0] == 200
        costs = [event["c"] for event in await gateway.events()]
        assert len(costs) == asked + 1
        assert 9 in costs
        assert (await gateway.account()).spent == sum(costs)
