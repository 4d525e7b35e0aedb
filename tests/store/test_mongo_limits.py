"""Counts that processes share: one update each, by the database's clock, and nothing is counted away too early."""

from __future__ import annotations

import asyncio
import time

import pytest

from tornadogw.store.mongo_limits import MongoLimits
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_limits import SLOTS, Share

SECONDS = 20.0
ONE_SLOT = SLOTS * 4e9
"""A window whose slots are so long that the clock passes from one to the next in the year 2096."""


async def test_the_limit_is_granted_once_whoever_asks(mongo):
    store = MongoLimits(mongo)
    took = await asyncio.gather(*(store.take("k:1", 10, 3, (), 60.0, SECONDS) for _ in range(8)))
    assert sorted(each.granted for each in took) == [0, 0, 0, 0, 1, 3, 3, 3]
    assert max(each.used for each in took) == 10
    assert all(bool(each.leaving) == (each.granted < 3) for each in took)


async def test_what_is_refused_says_when_something_leaves(mongo):
    store = MongoLimits(mongo)
    began = time.monotonic()
    await store.take("k:1", 2, 2, (), 60.0, SECONDS)
    took = await store.take("k:1", 2, 1, (), 60.0, SECONDS)
    lost = time.monotonic() - began
    assert (took.granted, took.used) == (0, 2)
    [(after, amount)] = took.leaving
    assert amount == 2
    assert 59 - lost < after <= 60 + 60 / SLOTS


async def test_what_is_owed_counts_even_above_the_limit(mongo):
    store = MongoLimits(mongo)
    took = await store.take("k:1", 5, 2, [(0, 4), (10, 1), (20, 2)], 60.0, SECONDS)
    assert (took.granted, took.used) == (0, 7)
    assert sorted(amount for _, amount in took.leaving) == [1, 2, 4]
    soonest, later, last = (after for after, _ in took.leaving)
    assert later - soonest == pytest.approx(10 * 60 / SLOTS, abs=0.001)
    assert last - later == pytest.approx(10 * 60 / SLOTS, abs=0.001)


async def test_asking_for_nothing_only_looks(mongo):
    store = MongoLimits(mongo)
    took = await store.take("t:1", 100, 0, [(0, 99)], ONE_SLOT, SECONDS)
    assert (took.granted, took.used, took.leaving) == (0, 99, [])
    took = await store.take("t:1", 100, 0, [(0, 1)], ONE_SLOT, SECONDS)
    assert (took.used, [amount for _, amount in took.leaving]) == (100, [100])


async def test_a_slot_leaves_when_all_of_it_is_a_window_old_and_says_when(mongo):
    store = MongoLimits(mongo)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await store.take("k:1", 1, 1, (), 1.0, SECONDS)).granted == 1
    while (took := await store.take("k:1", 1, 1, (), 1.0, SECONDS)).granted == 0:
        [(after, _)] = took.leaving
        assert 0 < after <= 1.0 + 1 / SLOTS
    assert loop.time() - began >= 1.0
    assert took.used == 1


async def test_documents_stay_small_and_end(mongo, database):
    store = MongoLimits(mongo)
    for _ in range(300):
        await store.take("k:1", 1000, 1, (), 60.0, SECONDS)
    document = await database.rl.find_one({"_id": "k:1"})
    assert len(document["g"]) <= SLOTS + 1
    assert sum(each["n"] for each in document["g"]) == 300
    assert 100 < (document["e"] - document["now"]).total_seconds() <= 120
    assert not {"now_slot", "others"} & set(document)


async def test_a_share_is_what_the_others_leave(mongo):
    store = MongoLimits(mongo)
    assert await store.share("c:1", "a", 3, 0, 5, 60.0, SECONDS) == Share(3, 0)
    assert await store.share("c:1", "b", 3, 0, 5, 60.0, SECONDS) == Share(2, 3)
    assert await store.share("c:1", "c", 1, 0, 5, 60.0, SECONDS) == Share(0, 5)
    assert await store.share("c:1", "a", 1, 0, 5, 60.0, SECONDS) == Share(1, 2), "it replaces what was held"
    assert await store.share("c:1", "c", 9, 0, 5, 60.0, SECONDS) == Share(2, 3)
    assert await store.share("c:1", "a", 0, 0, 5, 60.0, SECONDS) == Share(0, 4)
    assert await store.share("c:1", "b", 4, 4, 5, 60.0, SECONDS) == Share(4, 2), (
        "what runs is held, whatever others hold"
    )


async def test_a_share_that_is_not_renewed_is_over(mongo):
    store = MongoLimits(mongo)
    await store.share("c:1", "a", 5, 0, 5, 0.05, SECONDS)
    while (share := await store.share("c:1", "b", 1, 0, 5, 60.0, SECONDS)).mine == 0:
        assert share.others == 5
    assert share == Share(1, 0)


async def test_a_database_that_is_away_says_so_within_the_time(away):
    store = MongoLimits(away)
    with pytest.raises(StoreUnavailable):
        await store.take("k:1", 1, 1, (), 60.0, 0.1)
    with pytest.raises(StoreUnavailable):
        await store.share("c:1", "a", 1, 0, 1, 60.0, 0.1)
