from __future__ import annotations

import asyncio

import pytest

from tests.store.money import document, hold_of_old, new_caller, state
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_starts import MongoStarts
from tornadogw.store.ports import Released, Start


@pytest.fixture
def starts(mongo: Mongo) -> MongoStarts:
    return MongoStarts(mongo)


async def test_a_start_is_registered_renewed_and_ended(starts: MongoStarts, mongo: Mongo) -> None:
    start = Start("s1", "host", 7, "began")
    await starts.beat(start)
    (found,) = await starts.starts()
    assert (found.id, found.host, found.pid, found.began) == ("s1", "host", 7, "began")
    assert 0 <= found.silent < 30
    older = [{"$set": {"beat": {"$subtract": ["$$NOW", 60_000]}}}]
    await mongo.database["starts"].update_one({}, older)
    assert 60 <= (await starts.starts())[0].silent < 90
    await starts.beat(start)
    assert (await starts.starts())[0].silent < 30
    await starts.end("s1")
    assert await starts.starts() == []


async def test_who_holds_is_known(mongo: Mongo, starts: MongoStarts) -> None:
    caller, other = await new_caller(mongo, 100), await new_caller(mongo, 100)
    assert await starts.holding() == frozenset()
    await hold_of_old(mongo, caller, "h1", "s1", 10)
    await hold_of_old(mongo, caller, "h2", "s2", 10)
    await hold_of_old(mongo, other, "h3", "s1", 10)
    assert await starts.holding() == {"s1", "s2"}


async def test_holds_are_given_back_by_start(mongo: Mongo, starts: MongoStarts) -> None:
    caller, other = await new_caller(mongo, 100), await new_caller(mongo, 100)
    await starts.beat(Start("s1", "host", 7, "began"))
    await hold_of_old(mongo, caller, "h1", "s1", 10)
    await hold_of_old(mongo, caller, "h2", "s2", 20)
    await hold_of_old(mongo, other, "h3", "s3", 40)
    released = await asyncio.gather(*(starts.release_starts(["s1", "s3"]) for _ in range(3)))
    assert (sum(each.count for each in released), sum(each.amount for each in released)) == (2, 50)
    assert await state(mongo, caller) == (80, 20, 0)
    await starts.migrate()
    found = await document(mongo, other)
    assert ("holds" in found, found["leases"]) == (False, {})
    assert "holds" in await document(mongo, caller)
    assert await starts.starts() == []
    assert await starts.release_starts([]) == Released()


async def test_the_living_are_counted(starts: MongoStarts, mongo: Mongo) -> None:
    for name in ("s1", "s2", "s3"):
        await starts.beat(Start(name, "host", 7, "began"))
    assert await starts.alive(30) == 3
    await mongo.database["starts"].update_one({"_id": "s2"}, [{"$set": {"beat": {"$subtract": ["$$NOW", 31_000]}}}])
    await starts.end("s3")
    assert await starts.alive(30) == 1
