"""Marks of several processes in a real MongoDB: by its clock, and the same whatever order they come in."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornadogw.store.mongo_health import KEPT, MongoHealth, _telling
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_health import Told

SPOT = ("up", "f00d", "m")


class Lost:
    """`lost()`: seconds since it was made, at least what a slow machine may have lost between a write and a read."""

    def __init__(self):
        self._began = time.monotonic()

    def __call__(self):
        return time.monotonic() - self._began + 0.01


async def test_what_one_tells_the_other_hears_in_seconds_from_now(mongo):
    one, other = MongoHealth(mongo, "one"), MongoHealth(mongo, "other")
    told, lost = Told(SPOT, "up#1", cool=30, age=2, openings=3, wait=12.5, disabled=True), Lost()
    [own] = await one.tell([told])
    [heard] = await other.since(0)
    assert (own.own_cool, own.own_state, heard.own_cool, heard.own_state) == (True, True, False, False)
    assert (heard.told.spot, heard.told.key, heard.told.openings, heard.told.disabled) == (SPOT, "up#1", 3, True)
    assert 30 - lost() < heard.told.cool <= 30
    assert 12.5 - lost() < heard.told.wait <= 12.5
    assert heard.told.age is not None
    assert 2 <= heard.told.age < 2 + lost()


async def test_the_longest_cool_down_and_the_latest_word_hold(mongo):
    one, other, lost = MongoHealth(mongo, "one"), MongoHealth(mongo, "other"), Lost()
    await one.tell([Told(SPOT, cool=30, age=5, openings=4, wait=60)])
    await other.tell([Told(SPOT, cool=9, age=1)])
    [heard] = await one.since(0)
    assert heard.told.cool > 30 - lost()
    assert (heard.own_cool, heard.own_state, heard.told.openings) == (True, False, 0)
    await other.tell([Told(SPOT, age=3, openings=1, wait=8)])
    [late] = await one.since(0)
    assert (late.told.openings, late.stamp) == (0, heard.stamp), "it had opened before it was closed"
    assert late.version > heard.version


async def test_a_lift_ends_the_cool_downs_before_it_and_no_later_ones(mongo):
    one, other = MongoHealth(mongo, "one"), MongoHealth(mongo, "other")
    await one.tell([Told(SPOT, cool=30, age=5, openings=4, wait=60)])
    [heard] = await other.tell([Told(SPOT, lifts=1)])
    assert (heard.told.cool, heard.told.lifts, heard.told.openings) == (0, 1, 4), "the breaker is another thing"
    [late] = await one.tell([Told(SPOT, cool=50)])
    assert late.told.cool == 0, "who told it had not heard of the lift"
    assert late.version > heard.version
    lost = Lost()
    [new] = await one.tell([Told(SPOT, cool=9, lifts=1)])
    assert 9 - lost() < new.told.cool <= 9
    assert new.own_cool


async def test_a_cool_down_of_before_lifts_were_counted_is_no_hindrance(mongo, database):
    store = MongoHealth(mongo, "one")
    await store.tell([Told(SPOT, cool=30)])
    await database.health.update_many({}, {"$unset": {"c.l": 1}})
    [heard] = await store.since(0)
    assert (heard.told.cool > 0, heard.told.lifts) == (True, 0)
    [lifted] = await store.tell([Told(SPOT, lifts=1)])
    assert lifted.told.cool == 0


async def test_a_cool_down_says_nothing_of_a_breaker(mongo):
    store = MongoHealth(mongo, "one")
    [heard] = await store.tell([Told(SPOT, cool=3)])
    assert heard.told.age is None
    await store.tell([Told(SPOT, age=0, openings=1, wait=9)])
    [heard] = await store.tell([Told(SPOT, cool=5)])
    assert (heard.told.openings, heard.told.disabled) == (1, False)


async def test_names_are_taken_as_they_are(mongo):
    store = MongoHealth(mongo, "$one")
    spot = ("$up", "", 'a.b"$c\n')
    [heard] = await store.tell([Told(spot, "$k", cool=3, age=0, openings=1, wait=1)])
    assert (heard.told.spot, heard.told.key, heard.own_cool, heard.own_state) == (spot, "$k", True, True)


async def test_only_what_is_new_is_read(mongo, database):
    store = MongoHealth(mongo, "one")
    await store.tell([Told(SPOT, cool=3)])
    await database.health.update_many({}, [{"$set": {"w": {"$subtract": ["$w", 60_000]}}}])
    [new] = await store.tell([Told(("up", "", "m"), cool=3)])
    assert [each.told.spot for each in await store.since(new.version)] == [("up", "", "m")]
    assert len(await store.since(0)) == 2


async def test_a_mark_is_removed_an_hour_after_its_end(mongo, database):
    store = MongoHealth(mongo, "one")
    await store.tell([Told(SPOT, cool=100, age=0, openings=1, wait=50)])
    document = await database.health.find_one()
    end = document["e"] - document["c"]["x"]
    assert end.total_seconds() == KEPT
    indexes = await database.health.index_information()
    assert indexes["e_1"]["expireAfterSeconds"] == 0
    await database.health.update_many({}, [{"$set": {"e": {"$subtract": ["$$NOW", 1]}}}])
    assert await store.since(0) == []


async def test_many_at_once_lose_nothing(mongo):
    stores, lost = [MongoHealth(mongo, f"process {at}") for at in range(8)], Lost()
    await asyncio.gather(*(store.tell([Told(SPOT, cool=10 + at)]) for at, store in enumerate(stores)))
    [heard] = await stores[7].since(0)
    assert heard.told.cool > 17 - lost()
    assert heard.own_cool


async def test_what_one_of_all_does_is_done_once_in_its_time(mongo, database):
    stores = [MongoHealth(mongo, f"process {at}") for at in range(8)]
    for _ in range(2):
        turns = await asyncio.gather(*(store.claim(SPOT, 30.0) for store in stores))
        assert turns.count(True) == 1, turns
        assert await stores[0].claim(("other", "", ""), 30.0)
        await database.probes.update_many({}, [{"$set": {"at": {"$subtract": ["$at", 31_000]}}}])
    indexes = await database.probes.index_information()
    assert indexes["at_1"]["expireAfterSeconds"] == 86400


async def test_a_database_that_is_away_says_so(away):
    store = MongoHealth(away, "one")
    with pytest.raises(StoreUnavailable):
        await store.tell([Told(SPOT, cool=3)])
    with pytest.raises(StoreUnavailable):
        await store.since(0)
    with pytest.raises(StoreUnavailable):
        await store.claim(SPOT, 3.0)


WORDS = st.lists(
    st.tuples(
        st.builds(
            Told,
            spot=st.just(SPOT),
            cool=st.sampled_from([0.0, 1.0, 5.0]),
            lifts=st.integers(0, 2),
            age=st.none() | st.sampled_from([0.0, 1.0, 2.0]),
            openings=st.integers(0, 2),
            wait=st.sampled_from([-1.0, 0.0, 9.0]),
            disabled=st.booleans(),
        ),
        st.sampled_from(["one", "two"]),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS, data=st.data())
def test_the_order_and_the_number_of_times_make_no_difference(words, data, database, run):
    now = datetime(2100, 1, 1, tzinfo=UTC)  # to come, else the server may remove a mark that is over between two words
    again = data.draw(st.permutations([*words, *words]))

    async def joined(order):
        await database.health.delete_many({})
        for told, process in order:
            await database.health.update_one({"_id": "x"}, list(_telling(told, process, now)), upsert=True)
        return await database.health.find_one({}, {"w": 0})

    assert run(joined(words)) == run(joined(again))
