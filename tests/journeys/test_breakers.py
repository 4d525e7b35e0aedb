"""An upstream that fails is left alone by all, until one call finds out how it is."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.journeys.test_routing import DOWN, settings, upstreams, who
from tests.journeys.wire import model, problem, said
from tornadogw import breaker
from tornadogw.testing import Answer
from tornadogw.types import Failure


async def test_many_that_fail_at_once_open_a_breaker_once(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 1)
        async with start(settings(ups, model("m", "u0"))) as gateway:
            released = asyncio.Event()
            ups[0].play(Answer(status=500, headers={"Content-Type": "application/json"}, body=[released, problem()]))
            asked = [asyncio.create_task(who(gateway, "m")) for _ in range(12)]
            await ups[0].received(12)
            released.set()
            assert await asyncio.gather(*asked) == ["4001"] * 12
            (left_alone,) = gateway.gateway.parts.gate.health._failing.values()
            assert left_alone.openings == 1
            assert len(ups[0].requests) < 12 + breaker.FAILURES, "it was not asked once more when it was open"


async def test_of_those_who_wait_for_the_only_upstream_one_finds_out_for_all(start, monkeypatch):
    monkeypatch.setattr(breaker, "FIRST", 6.0)  # until then all of them are there
    for name in ("plan", "exchange"):
        monkeypatch.setattr(f"tornadogw.{name}.WAIT", 100.0)  # they wait however slow the machine is
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 1)
        async with start(settings(ups, model("m", "u0"))) as gateway:
            health, place = gateway.gateway.parts.gate.health, {"upstream": "u0", "model": "m-at-u0"}
            for _ in range(breaker.FAILURES):
                health.enter(credential="u0#1", **place).failed(Failure("elsewhere", code="reset"))
            probed = asyncio.Event()
            ups[0].play(Answer(body=[probed, said("by u0")]))
            asked = [asyncio.create_task(who(gateway, "m")) for _ in range(8)]
            await ups[0].received(1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await ups[0].received(2)
            probed.set()
            assert await asyncio.gather(*asked) == ["by u0"] * 8


async def test_an_upstream_that_keeps_failing_is_left_alone_until_one_probe_is_answered(start, monkeypatch):
    monkeypatch.setattr(breaker, "FIRST", 100.0)  # until the test says that it is over
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 2)
        async with start(settings(ups, model("m", "u0", "u1 priority=1"))) as gateway:
            ups[0].play(DOWN)
            assert [await who(gateway, "m") for _ in range(breaker.FAILURES + 3)] == ["by u1"] * (breaker.FAILURES + 3)
            assert len(ups[0].requests) == breaker.FAILURES, "then it was left alone"
            probed, gate = asyncio.Event(), gateway.gateway.parts.gate
            ups[0].play(Answer(body=[probed, said("by u0")]))
            gate.health._failing["u0", "", "m-at-u0"]._until = 0
            probe = asyncio.create_task(who(gateway, "m"))
            await ups[0].received(breaker.FAILURES + 1)
            assert await asyncio.gather(*(who(gateway, "m") for _ in range(5))) == ["by u1"] * 5
            probed.set()
            assert await probe == "by u0"
            assert [await who(gateway, "m") for _ in range(3)] == ["by u0"] * 3
