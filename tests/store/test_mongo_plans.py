from __future__ import annotations

import asyncio

import msgspec
import pytest
from bson.int64 import Int64

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.ports import Duplicate, Entry, StoreUnavailable
from tornadogw.store.trade import Plan

ENTRY = Entry(by="tester", act="test", at=1.0)
PRO = Plan("pro", 5, ("a", "b.c"), 7, 800_000, 31, False, False, True, 5.5)
BARE = Plan("bare", 2**40)


async def test_plans_are_read_back_as_they_were(mongo: Mongo) -> None:
    store = MongoPlans(mongo)
    for plan in (PRO, BARE):
        await store.add(plan, ENTRY)
    assert await store.all() == [BARE, PRO]
    assert await store.get("pro") == PRO
    assert await store.get("gone") is None
    with pytest.raises(Duplicate):
        await store.add(PRO, ENTRY)
    document = await mongo.database["plans"].find_one({"_id": "pro"})
    assert isinstance(document["daily"], Int64)


async def test_changes_at_the_same_time_lose_none(mongo: Mongo) -> None:
    store = MongoPlans(mongo)
    await store.add(BARE, ENTRY)

    def raise_it(plan: Plan) -> Plan:
        return msgspec.structs.replace(plan, daily=plan.daily + 1)

    await asyncio.gather(*(store.change("bare", raise_it, ENTRY) for _ in range(10)))
    assert (await store.get("bare")).daily == BARE.daily + 10
    assert await store.change("gone", raise_it, ENTRY) is None
    assert await mongo.database["audit"].count_documents({}) == 11


async def test_a_database_that_is_away(away: Mongo) -> None:
    store = MongoPlans(away)
    for work in (store.all(), store.get("a"), store.add(PRO, ENTRY)):
        with pytest.raises(StoreUnavailable):
            await work
