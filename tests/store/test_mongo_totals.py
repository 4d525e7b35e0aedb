from __future__ import annotations

from datetime import UTC, datetime

from tests.store.events import day_name, days_ago, entries, stored
from tornadogw.rebuild import Rebuild
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.mongo_rebuild import MARGIN_MS, MongoDayJobs
from tornadogw.store.mongo_totals import MongoBooks, MongoTotals
from tornadogw.store.ports_usage import Sum, Total

OLD, TODAY = day_name(5), day_name(0)
ODD = "m|1.5$%"
"""A name with all that a path may not hold, and with what parts model from upstream."""


def events(when: datetime) -> list[dict]:
    return [
        stored(when, 10, up="up", st="whole", pc=4),
        stored(when, 7, a="bob", up="up", st="client_gone"),
        stored(when, 5, m=ODD, up="a|b", st="cut", pc=6),
        stored(when, 1, m=None, st=None),
    ]


EXPECTED = {
    ("m", "up"): Sum(2, 17, 6, 4, 0, 4, 7),
    (ODD, "a|b"): Sum(1, 5, 3, 2, 1, 6),
    ("", ""): Sum(1, 1, 3, 2, 1, 0, 1),
}


async def settled(mongo: Mongo) -> None:
    """As if all additions lay some minutes back."""
    await mongo.database["usage_total"].update_many(
        {"u": {"$exists": True}}, [{"$set": {"u": {"$subtract": ["$u", 2 * MARGIN_MS]}}}]
    )


async def test_additions_and_a_rebuild_come_to_the_same(mongo: Mongo) -> None:
    totals, jobs = MongoTotals(mongo, "UTC"), MongoDayJobs(mongo, "UTC")
    calls = events(days_ago(5))
    await mongo.database["events"].insert_many(calls)
    await totals.add(entries(*calls[:2]))
    await totals.add(entries(*calls[2:]))
    assert await totals.totals(OLD, TODAY) == [Total(OLD, EXPECTED)]
    assert sum(each.profit for each in EXPECTED.values()) == 5
    await totals.add(entries(*calls))  # twice
    await settled(mongo)
    await jobs.rebuild(OLD, OLD)
    assert await totals.totals(OLD, TODAY) == [Total(OLD, EXPECTED)]
    assert "x" not in (await mongo.database["usage_total"].find_one({"_id": OLD}) or {})


async def test_both_books_are_kept_and_closed(mongo: Mongo) -> None:
    calls = events(days_ago(5))
    await mongo.database["events"].insert_many(calls)
    books = MongoBooks(mongo, "UTC")
    await books.add(entries(*calls[:1]))
    assert len(await MongoDays(mongo, "UTC").page("ann", OLD, OLD)) == 1
    assert await Rebuild(MongoDayJobs(mongo, "UTC"), "p").once() > 1
    totals = await MongoTotals(mongo, "UTC").totals(OLD, TODAY)
    assert totals[0] == Total(OLD, EXPECTED)
    assert not any(each.sums for each in totals[1:]), "closed days without calls"


async def test_what_came_late_and_what_was_never_counted_is_counted_later(mongo: Mongo) -> None:
    calls = events(days_ago(5))
    await mongo.database["events"].insert_many(calls)
    jobs, totals = MongoDayJobs(mongo, "UTC"), MongoTotals(mongo, "UTC")
    await Rebuild(jobs, "p").once()
    await mongo.database["usage_total"].delete_many({})  # as a database of an earlier version has none
    await jobs.rebuild_late()
    assert await totals.totals(OLD, OLD) == [Total(OLD, EXPECTED)]
    late = stored(days_ago(5), 3, up="up", st="whole", pc=1)
    await mongo.database["events"].insert_one(late)
    await totals.mark(entries(late))
    await settled(mongo)
    assert await totals.late() == [OLD]
    await jobs.rebuild_late()
    assert (await totals.totals(OLD, OLD))[0].sums["m", "up"] == Sum(3, 20, 9, 6, 0, 5, 7)
    assert await totals.late() == []


async def test_days_whose_addition_is_not_sure_are_marked_with_the_next(mongo: Mongo) -> None:
    totals = MongoTotals(mongo, "UTC")
    totals._unsure = frozenset({OLD})
    await totals.add(entries(stored(datetime.now(UTC), 1, up="up")))
    assert "x" in (await mongo.database["usage_total"].find_one({"_id": OLD}) or {})
    assert totals._unsure == frozenset()
    await totals.add([])
