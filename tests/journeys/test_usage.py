"""Every call's event says what each token cost and who counted it, and what the account reads of it adds up."""

from __future__ import annotations

import asyncio
import time

from tests.awake import within
from tests.journeys.wire import DONE, chunk, role, said, serving, settled, text, usage
from tests.running import CHAT
from tornadogw.doctor import Doctor
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.usage import usage as rows_of

ASK = {"model": "m", **CHAT}
PRICES = 'price = { input = "2.5", output = "10", cached_input = "0.25", cache_write = "3", reasoning = "20" }'
ROW = [2_500_000, 10_000_000, 250_000, 3_000_000, 20_000_000]
DETAILS = {
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
SECOND = 1.0
"""Within which what is read must be right."""


async def test_every_event_has_its_prices_and_its_source_and_the_rows_add_up(start):
    settings = serving("URL").replace('price = { input = "1", output = "1" }', PRICES)
    told = role() + text("x" * 50) + chunk(finish="stop")
    bodies = [told + usage(10, 5, **DETAILS) + DONE, told + DONE, told + usage(10**9, 5) + DONE]
    async with (
        FakeUpstream(*(Answer(body=body) for body in bodies)) as upstream,
        start(settings.replace("URL", upstream.url)) as gateway,
    ):
        for _ in bodies:
            assert (await gateway.ask(ASK))[0] == 200
        account = await gateway.account()
        days = MongoDays(gateway.mongo, "Asia/Shanghai")
        async with within(SECOND, gateway.mongo):
            while sum(row.requests for row in await rows(days, account.id)) < len(bodies):
                await asyncio.sleep(0.01)
        await settled(gateway)
        events = sorted(await gateway.events(), key=lambda event: event["t"])
        assert [event["src"] for event in events] == ["reported", "estimated", "disputed"]
        assert [event["p"] for event in events] == [ROW] * 3
        # 4 x 2.5 + 4 x 0.25 + 2 x 3 + 2 x 10 + 3 x 20 micro-units; the others have plain tokens only
        plain = [-(-(event["i"] * 25 + event["o"] * 100) // 10) for event in events[1:]]
        assert [event["c"] for event in events] == [97, *plain]
        [row] = await rows(days, account.id)
        assert (row.model, row.requests, row.cost) == ("m", 3, 97 + sum(plain))
        assert (row.cached_tokens, row.cache_write_tokens, row.reasoning_tokens) == (4, 2, 3)
        assert row.prompt_tokens == sum(event["i"] for event in events)
        assert row.completion_tokens == sum(event["o"] for event in events)
        assert (await gateway.account()).spent == row.cost


async def rows(days: MongoDays, account_id: str):
    return await rows_of(days, account_id, days=2, zone="Asia/Shanghai", now=time.time())


async def test_the_doctor_finds_nothing_while_a_gateway_serves(start):
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url)) as gateway:
        doctor = Doctor(MongoDoctor(gateway.mongo, "Asia/Shanghai"), MongoDayJobs(gateway.mongo, "Asia/Shanghai"))
        looking = True

        async def ask() -> int:
            answered = 0
            while looking and answered < 20:
                assert (await gateway.ask(ASK))[0] == 200
                answered += 1
            return answered

        async def look() -> None:
            nonlocal looking
            for _ in range(3):
                report = await doctor.examine()
                assert (report.findings, report.notes) == ((), ())
            looking = False

        _, *answered = await asyncio.gather(look(), *(ask() for _ in range(4)))
        assert sum(answered) > 4
        await settled(gateway)
        assert (await doctor.examine()).ok
