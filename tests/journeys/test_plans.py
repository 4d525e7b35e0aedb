"""What plans, codes and budgets mean for calls: from the operator's service to the client's answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.awake import within
from tests.journeys.wire import said, serving
from tests.running import CHAT, Running, new_key, running
from tornadogw.accounts.codes import Codes
from tornadogw.accounts.plans import Plans
from tornadogw.accounts.subscriptions import Subscriptions
from tornadogw.store.mongo_codes import MongoCodes
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", **CHAT}
BOB = "bob@example.com"
SECONDS = 2.0
"""Within which a change counts."""


class Shop:
    """Bob, who has no money, and what the operator sells him."""

    def __init__(self, gateway: Running) -> None:
        self.gateway, self.plans = gateway, Plans(MongoPlans(gateway.mongo))
        self.subscriptions = Subscriptions(MongoSubscriptions(gateway.mongo), gateway.accounts, self.plans)
        self.codes = Codes(MongoCodes(gateway.mongo), gateway.accounts, self.plans, b"s" * 32)
        self.key = ""

    async def ask(self) -> tuple[int, Any]:
        status, answer = await self.gateway.ask(ASK, headers={"X-API-Key": self.key})
        return status, answer.get("code", answer.get("error", {}).get("code", 0))

    async def until(self, wanted: tuple[int, Any]) -> None:
        async with within(SECONDS, self.gateway.mongo):
            while await self.ask() != wanted:
                await asyncio.sleep(0.02)

    async def events(self) -> list[dict[str, Any]]:
        await self.gateway.gateway.ledger.rest()
        return await self.gateway.mongo.database.events.find({"k": {"$exists": True}, "c": {"$gt": 0}}).to_list(None)


@pytest.fixture
def shop(mongod, tmp_path, io_loop) -> Callable[[], Any]:
    @asynccontextmanager
    async def open_shop(**key: Any) -> AsyncIterator[Shop]:
        async with (
            FakeUpstream(Answer(body=said("hi"))) as upstream,
            running(mongod.url, tmp_path, serving(upstream.url)) as gateway,
        ):
            shop = Shop(gateway)
            await gateway.accounts.create(BOB)
            shop.key = await new_key(gateway, BOB, **key)
            yield shop

    return open_shop


async def test_a_code_for_a_plan_lets_its_owner_in_at_the_plans_price(shop) -> None:
    async with shop() as bob:
        assert (await bob.ask())[0] == 402
        await bob.plans.create("pro", daily="1", factor="0.5")
        [code] = (await bob.codes.create(plan="pro", count=1)).codes
        await bob.codes.redeem(BOB, code)
        await bob.until((200, 0))
        [event] = await bob.events()
        assert (event["w"], event["c"], event["f"]) == ("day", 5, 500_000)  # half of nine, rounded up
        await bob.subscriptions.end(BOB)
        async with within(SECONDS, bob.gateway.mongo):
            while (await bob.ask())[0] != 402:
                await asyncio.sleep(0.02)


async def test_a_day_that_is_used_up(shop) -> None:
    async with shop() as bob:
        await bob.plans.create("small", daily="0.0005")  # less than a call may cost
        await bob.subscriptions.subscribe(BOB, "small")
        await bob.until((402, 2003))
        await bob.gateway.accounts.credit(BOB, "1")
        await bob.until((200, 0))  # prepaid pays after the day's amount
        await bob.plans.change("small", prepaid_after=False)
        await bob.until((402, 2003))
        await bob.plans.change("small", daily="1")  # raises today's amount too
        await bob.until((200, 0))


async def test_a_model_outside_the_plan(shop) -> None:
    async with shop() as bob:
        await bob.plans.create("other", daily="1", models=["x"])
        await bob.subscriptions.subscribe(BOB, "other")
        await bob.gateway.accounts.credit(BOB, "1")
        await bob.until((200, 0))
        assert [each["w"] for each in await bob.events()][-1] == "prepaid"
        await bob.plans.change("other", prepaid_outside=False)
        await bob.until((400, 1003))


@pytest.mark.parametrize("budget", [{"daily_budget": "0.0005"}, {"budget": "0.0005"}])
async def test_a_key_with_a_budget_below_one_call(shop, budget) -> None:
    async with shop(**budget) as bob:
        await bob.gateway.accounts.credit(BOB, "1")
        assert (await bob.ask())[0] == 402
