"""Events are stored once each, in one go, and none is lost because the database dislikes a word."""

from __future__ import annotations

import pytest

from tests.store.money import charged, document, finished, new_caller
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.mongo_usage import MongoUsage
from tornadogw.store.ports_money import Entry, Part
from tornadogw.types import Attempt, Usage

L1 = "5747000000000001" + "000001"


@pytest.fixture
def store(mongo: Mongo) -> MongoEvents:
    return MongoEvents(mongo)


def entry(number: int, account_id: str, cost: int = 1, parts: tuple[Part, ...] = (), **fields) -> Entry:
    return Entry(f"{L1}{number:08x}", finished(f"r{number}", cost, account_id=account_id, **fields), parts)


async def test_each_is_stored_once(mongo: Mongo, store: MongoEvents) -> None:
    caller = await new_caller(mongo)
    entries = [entry(number, caller.account_id, number) for number in range(5)]
    assert await store.insert(entries[:3]) == {each.id for each in entries[:3]}
    assert await store.insert(entries) == {each.id for each in entries[3:]}
    assert await store.insert(entries) == frozenset()
    assert await charged(mongo, caller) == [0, 1, 2, 3, 4]


async def test_an_event_says_what_it_counts_in(mongo: Mongo, store: MongoEvents) -> None:
    parts = (Part("day", "a:20261126", L1), Part("daily", "k:key:20261126", "b1"), Part("total", "k:key", "b2"))
    await store.insert([entry(1, "a", 5, parts, wallet="day", factor=500_000, day="20261126")])
    found = await mongo.database["events"].find_one()
    assert found is not None
    told = {name: found[name] for name in ("_id", "r", "w", "b", "f", "d", "a", "c")}
    assert told == {
        "_id": f"{L1}00000001",
        "r": "r1",
        "w": "day",
        "b": ["b1", "b2"],
        "f": 500_000,
        "d": "20261126",
        "a": "a",
        "c": 5,
    }


@pytest.mark.parametrize(
    "bad",
    [
        {"asked": "\ud800"},
        {"usage": Usage(2**64, 2)},
        {"attempts": (Attempt("u", "m", "x", "\ud800"),)},
    ],
    ids=["text", "number", "attempt"],
)
async def test_what_cannot_be_stored_whole_is_stored_all_the_same(
    mongo: Mongo, store: MongoEvents, claim_log, bad
) -> None:
    claim_log("tornadogw.store.mongo_events", "record of call r1 cannot be stored whole")
    caller = await new_caller(mongo)
    entries = [entry(0, caller.account_id, 3), entry(1, caller.account_id, 40, **bad)]
    assert await store.insert(entries) == {each.id for each in entries}
    assert await charged(mongo, caller) == [3, 40]
    kept = await MongoUsage(mongo).record(caller.account_id, "r1")
    assert kept is not None
    assert (kept.key_id, kept.cost, kept.usage.completion, kept.asked) == ("key", 40, 2, "")


async def test_orphans_are_charged_once_each(mongo: Mongo, store: MongoEvents) -> None:
    caller = await new_caller(mongo, 100)
    parts = (Part("prepaid", caller.account_id, L1),)
    entries = [entry(number, caller.account_id, 10, parts) for number in range(3)]
    await store.insert(entries[:1])
    for expected in ({each.id for each in entries[1:]}, set()):
        assert await store.charge_orphans(entries) == expected
        found = await document(mongo, caller)
        assert (found["balance"], found["spent"]) == (80, 20)
