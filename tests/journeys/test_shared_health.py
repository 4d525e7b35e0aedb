"""Two gateways on one database: what one has found out about an upstream, the other knows before it has asked it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.awake import within
from tests.journeys.wire import eventually, problem, said, serving
from tests.running import CHAT, Running
from tornadogw import breaker
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.testing import Answer, FakeUpstream

DOWN = Answer(status=500, headers={"Content-Type": "application/json"}, body=problem())
ASKED = {**CHAT, "model": "m"}
SECONDS = 2.0
"""Within which others must know."""


async def by(gateway: Running) -> str:
    status, body = await gateway.ask(ASKED)
    assert status == 200, body
    return body["choices"][0]["message"]["content"]


async def knows(gateway: Running, **place: str) -> None:
    """Wait until this process leaves it alone."""
    async with within(SECONDS, gateway.mongo):
        await eventually(lambda: gateway.gateway.parts.gate.health.wait(**place) > 0)


@pytest.fixture
def for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What opens stays open for longer than any of these tests takes."""
    monkeypatch.setattr(breaker, "FIRST", 100.0)


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the database took for each thing that was told or heard."""
    took: list[float] = []

    def timed(method: Any) -> Any:
        async def call(*given: Any) -> Any:
            began = time.monotonic()
            try:
                return await method(*given)
            finally:
                took.append(time.monotonic() - began)

        return call

    for name in ("tell", "since"):
        monkeypatch.setattr(MongoHealth, name, timed(getattr(MongoHealth, name)))
    return took


async def test_an_upstream_that_is_down_costs_the_second_process_nothing(start, beside, for_long):
    async with (
        FakeUpstream(DOWN) as down,
        FakeUpstream(Answer(body=said("by u1"))) as up,
        start(serving(down.url, up.url)) as one,
        beside(one) as other,
    ):
        assert [await by(one) for _ in range(breaker.FAILURES)] == ["by u1"] * breaker.FAILURES
        await knows(other, upstream="u0", credential="u0#1", model="m-up")
        assert [await by(other) for _ in range(3)] == ["by u1"] * 3
        assert len(down.requests) == breaker.FAILURES

        down.play(Answer(body=said("by u0")))
        for each in (one, other):  # its time is over
            each.gateway.parts.gate.health._failing["u0", "", "m-up"]._until = 0
        assert await by(other) == "by u0"
        async with within(SECONDS, one.mongo):
            await eventually(lambda: not one.gateway.parts.gate.health._failing)
        assert await by(one) == "by u0"


async def test_a_cool_down_ends_in_both_when_the_vendor_said(start, beside, delays):
    busy = Answer(status=429, headers={"Retry-After": "30"})
    async with (
        FakeUpstream(busy) as limited,
        FakeUpstream(Answer(body=said("by u1"))) as up,
        start(serving(limited.url, up.url)) as one,
        beside(one) as other,
    ):
        before = time.monotonic()
        assert await by(one) == "by u1"
        after = time.monotonic()
        place = {"upstream": "u0", "credential": "u0#1", "model": "m-up"}
        await knows(other, **place)
        assert await by(other) == "by u1"
        assert len(limited.requests) == 1
        here, there = (max(each.gateway.parts.gate.health._until.values()) for each in (one, other))
        assert before + 30 <= here <= after + 30
        assert abs(here - there) < 0.25 + 2 * max(delays), "as near as the database was quick"


async def test_a_disabled_key_stays_disabled_over_processes_and_restarts(start, beside, claim_log):
    claim_log("tornadogw.health", "key u0#1 is disabled: 401")
    refused = Answer(status=401, headers={"Content-Type": "application/json"}, body=problem())
    async with (
        FakeUpstream(refused) as bad,
        FakeUpstream(Answer(body=said("by u1"))) as up,
        start(serving(bad.url, up.url)) as one,
    ):
        async with beside(one) as other:
            assert await by(one) == "by u1"
            await knows(other, upstream="u0", credential="u0#1", model="m-up")
            assert await by(other) == "by u1"
        async with beside(one) as restarted:
            assert await by(restarted) == "by u1"
            assert len(bad.requests) == 1


async def test_the_first_call_of_a_new_process_knows_what_is_open(start, beside, for_long):
    async with (
        FakeUpstream(DOWN) as down,
        FakeUpstream(Answer(body=said("by u1"))) as up,
        start(serving(down.url, up.url)) as one,
    ):
        await asyncio.gather(*(by(one) for _ in range(breaker.FAILURES)))
        mark = one.mongo.database.health

        async def told() -> bool:
            return await mark.count_documents({}) > 0

        async with within(SECONDS, one.mongo):
            await eventually(told)
        asked = len(down.requests)
        async with beside(one) as late:
            assert await by(late) == "by u1"
        assert len(down.requests) == asked
