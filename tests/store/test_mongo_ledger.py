from __future__ import annotations

import asyncio

import bson
import pytest
from bson.int64 import Int64

from tests.store.money import charged, document, finished, new_caller, state
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_ledger import MongoLedger, MongoStarts
from tornadogw.store.ports import Released, Start, Taken


@pytest.fixture
def store(mongo: Mongo) -> MongoLedger:
    return MongoLedger(mongo)


@pytest.fixture
def starts(mongo: Mongo) -> MongoStarts:
    return MongoStarts(mongo)


# --- holds -----------------------------------------------------------------------------------------------------------


async def test_the_largest_amount_that_is_covered_is_taken(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 100)
    assert await store.hold(caller.account_id, "h1", "s", [101, 60, 10]) == Taken(60)
    assert await store.hold(caller.account_id, "h2", "s", [101, 60, 10]) == Taken(10)
    assert await store.hold(caller.account_id, "h3", "s", [31]) == Taken(None, account_active=True)
    assert await state(mongo, caller) == (30, 70, 0)
    holds = (await document(mongo, caller))["holds"]
    assert holds == {"h1": {"a": 60, "s": "s"}, "h2": {"a": 10, "s": "s"}}


async def test_every_amount_stays_64_bits_wide(mongo: Mongo, store: MongoLedger) -> None:
    """In 32 bits the sums would overflow one day, in doubles they would lose their last digits."""
    caller = await new_caller(mongo, 100)
    await store.hold(caller.account_id, "h1", "s", [101, 60])
    await store.hold(caller.account_id, "h2", "s", [10])
    await store.settle("h1", finished("r1", 5, account_id=caller.account_id))
    await store.void(caller.account_id, "h3", "s")
    await MongoStarts(mongo).release_starts(["gone"])
    found = await document(mongo, caller)
    amounts = [found["credited"], found["balance"], found["spent"], *(hold["a"] for hold in found["holds"].values())]
    assert len(amounts) == 5
    assert all(isinstance(each, Int64) for each in amounts)
    assert bson.encode(found)


async def test_a_hold_that_is_repeated_is_taken_once(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 100)
    await store.hold(caller.account_id, "h1", "s", [60])
    await store.hold(caller.account_id, "h1", "s", [30])
    assert await state(mongo, caller) == (40, 60, 0)


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"_id": "other"}])
async def test_nobody_active_holds_nothing(mongo: Mongo, store: MongoLedger, change: dict[str, str]) -> None:
    caller = await new_caller(mongo, 100)
    if "_id" in change:
        await mongo.database["accounts"].delete_one({"_id": caller.account_id})
    else:
        await mongo.database["accounts"].update_one({"_id": caller.account_id}, {"$set": change})
    assert await store.hold(caller.account_id, "h1", "s", [1]) == Taken(None, account_active=False)


async def test_a_release_may_be_repeated(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 100)
    await store.hold(caller.account_id, "h1", "s", [60])
    await asyncio.gather(*(store.release(caller.account_id, "h1") for _ in range(5)))
    assert await state(mongo, caller) == (100, 0, 0)


async def test_void_gives_back_what_was_taken(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 100)
    await store.hold(caller.account_id, "h1", "s", [60])
    assert not await store.void(caller.account_id, "h1", "s")
    assert (await document(mongo, caller))["holds"] == {}
    assert await state(mongo, caller) == (100, 0, 0)


async def test_void_keeps_out_a_hold_that_comes_late(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 100)
    assert await store.void(caller.account_id, "h1", "s")
    assert await store.void(caller.account_id, "h1", "s")
    assert (await store.hold(caller.account_id, "h1", "s", [60])).amount is None
    assert await state(mongo, caller) == (100, 0, 0)
    await store.forget(caller.account_id, "h1")
    assert (await document(mongo, caller))["holds"] == {}


async def test_forgetting_leaves_money_alone(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 100)
    await store.hold(caller.account_id, "h1", "s", [60])
    await store.forget(caller.account_id, "h1")
    assert await state(mongo, caller) == (40, 60, 0)


async def test_void_of_nobody_is_nothing(store: MongoLedger) -> None:
    assert not await store.void("nobody", "h1", "s")


# --- settlement ------------------------------------------------------------------------------------------------------


async def test_settlement_may_be_repeated(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 100)
    await store.hold(caller.account_id, "h1", "s", [60])
    call = finished("r1", 40, account_id=caller.account_id)
    await asyncio.gather(*(store.settle("h1", call) for _ in range(5)))
    assert await state(mongo, caller) == (60, 0, 40)
    assert await charged(mongo, caller) == [40]


async def test_settlement_without_its_hold_is_charged_late(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 100)
    await store.settle("h1", finished("r1", 130, account_id=caller.account_id))
    assert await state(mongo, caller) == (-30, 0, 130)


async def test_calls_that_share_an_id_are_all_charged_once(mongo: Mongo, store: MongoLedger) -> None:
    first, second = await new_caller(mongo, 100), await new_caller(mongo, 100)
    for _ in range(2):
        await store.settle("h1", finished("same", 1, account_id=first.account_id))
        await store.settle("h2", finished("same", 2, account_id=first.account_id))
        await store.settle("h3", finished("same", 4, account_id=second.account_id))
        await store.note("h4", finished("same", 0, account_id=second.account_id))
    assert await state(mongo, first) == (97, 0, 3)
    assert await state(mongo, second) == (96, 0, 4)
    assert await charged(mongo, first) == [1, 2]
    assert await charged(mongo, second) == [0, 4]


async def test_one_account_settles_many_calls_at_once(mongo: Mongo, store: MongoLedger) -> None:
    caller = await new_caller(mongo, 1000)
    numbers = range(50)
    await asyncio.gather(*(store.hold(caller.account_id, f"h{number}", "s", [20]) for number in numbers))
    calls = (finished(f"r{number}", number % 20, account_id=caller.account_id) for number in numbers)
    await asyncio.gather(*(store.settle(f"h{number}", call) for number, call in zip(numbers, calls, strict=True)))
    spent = sum(number % 20 for number in numbers)
    assert await state(mongo, caller) == (1000 - spent, 0, spent)


async def test_two_processes_settle_one_account_at_once(mongo: Mongo) -> None:
    """Each has its own store, so that nothing but the database keeps them apart."""
    caller = await new_caller(mongo, 1000)
    calls = [finished(f"r{number}", 3, account_id=caller.account_id) for number in range(20)]
    stores = [MongoLedger(mongo) for _ in range(4)]
    await asyncio.gather(*(stores[n % 4].settle(f"h{n}", call) for n, call in enumerate(calls)))
    assert await state(mongo, caller) == (940, 0, 60)


async def test_nobodys_call_is_stored_all_the_same(mongo: Mongo, store: MongoLedger) -> None:
    await store.settle("h1", finished("r1", 5, account_id="nobody"))
    assert await mongo.database["events"].count_documents({"a": "nobody"}) == 1


# --- starts ----------------------------------------------------------------------------------------------------------


async def test_a_start_is_registered_renewed_and_ended(starts: MongoStarts, mongo: Mongo) -> None:
    start = Start("s1", "host", 7, "began")
    await starts.beat(start)
    (found,) = await starts.starts()
    assert (found.id, found.host, found.pid, found.began) == ("s1", "host", 7, "began")
    assert 0 <= found.silent < 5
    older = [{"$set": {"beat": {"$subtract": ["$$NOW", 60_000]}}}]
    await mongo.database["starts"].update_one({}, older)
    assert 60 <= (await starts.starts())[0].silent < 65
    await starts.beat(start)
    assert (await starts.starts())[0].silent < 5
    await starts.end("s1")
    assert await starts.starts() == []


async def test_who_holds_is_known(mongo: Mongo, store: MongoLedger, starts: MongoStarts) -> None:
    caller, other = await new_caller(mongo, 100), await new_caller(mongo, 100)
    assert await starts.holding() == frozenset()
    await store.hold(caller.account_id, "h1", "s1", [10])
    await store.hold(caller.account_id, "h2", "s2", [10])
    await store.hold(other.account_id, "h3", "s1", [10])
    assert await starts.holding() == {"s1", "s2"}


async def test_holds_are_given_back_by_start(mongo: Mongo, store: MongoLedger, starts: MongoStarts) -> None:
    caller, other = await new_caller(mongo, 100), await new_caller(mongo, 100)
    await starts.beat(Start("s1", "host", 7, "began"))
    await store.hold(caller.account_id, "h1", "s1", [10])
    await store.hold(caller.account_id, "h2", "s2", [20])
    await store.hold(other.account_id, "h3", "s3", [40])
    await store.void(other.account_id, "h4", "s3")
    released = await asyncio.gather(*(starts.release_starts(["s1", "s3"]) for _ in range(3)))
    assert (sum(each.count for each in released), sum(each.amount for each in released)) == (2, 50)
    assert await state(mongo, caller) == (80, 20, 0)
    assert (await document(mongo, other))["holds"] == {}
    assert await starts.starts() == []
    assert await starts.release_starts([]) == Released()
