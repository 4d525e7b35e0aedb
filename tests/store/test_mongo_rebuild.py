from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.store.events import day_name, days_ago, entries, stored
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays, began, counted
from tornadogw.store.mongo_rebuild import MARGIN_MS, MongoDayJobs, written_over
from tornadogw.store.mongo_retention import keep

OLD = day_name(5)
LONG_AGO = timedelta(milliseconds=2 * MARGIN_MS)


async def document(mongo: Mongo, account: str = "ann", day: str = OLD) -> dict:
    found = await mongo.database["usage_day"].find_one({"_id": f"{account}:{day}"})
    assert found is not None
    return found


async def settled(mongo: Mongo) -> None:
    """As if all additions lay some minutes back."""
    await mongo.database["usage_day"].update_many(
        {"u": {"$exists": True}}, [{"$set": {"u": {"$subtract": ["$u", 2 * MARGIN_MS]}}}]
    )


async def test_a_rebuild_puts_right_what_was_added_wrongly(mongo: Mongo) -> None:
    days, jobs = MongoDays(mongo, "UTC"), MongoDayJobs(mongo, "UTC")
    events = [stored(days_ago(5), 5), stored(days_ago(5), 7, a="bob"), stored(days_ago(4), 9)]
    await mongo.database["events"].insert_many(events)
    await days.add(entries(*events[:1]))
    await days.add(entries(*events[:1]))  # twice, and bob's never
    await settled(mongo)
    assert await jobs.rebuild(OLD, OLD) == 2
    ann, bob = await document(mongo), await document(mongo, "bob")
    assert (ann["m"]["m"]["c"], ann["m"]["m"]["n"], bob["m"]["m"]["c"]) == (5, 1, 7)
    assert "x" not in ann
    assert "x" not in bob
    assert await days.page("ann", day_name(4), day_name(4)) == []
    assert await jobs.rebuild(OLD, day_name(4)) == 3


async def test_an_addition_that_meets_a_rebuild_has_its_day_counted_again(mongo: Mongo) -> None:
    """Whether the rebuild saw the event or not, the addition may be lost or doubled: the mark stays."""
    days, jobs = MongoDays(mongo, "UTC"), MongoDayJobs(mongo, "UTC")
    event = stored(days_ago(5), 5)
    await mongo.database["events"].insert_one(event)
    await jobs.rebuild(OLD, OLD)
    await days.add(entries(event))  # it was counted already
    assert (await document(mongo))["m"]["m"]["c"] == 10
    await jobs.rebuild(OLD, OLD)
    assert (await document(mongo))["m"]["m"]["c"] == 5
    assert "x" in await document(mongo)  # too soon to know that no other addition was on its way
    await settled(mongo)
    assert await jobs.rebuild_late() == 1
    assert "x" not in await document(mongo)
    assert (await document(mongo))["m"]["m"]["c"] == 5
    assert await jobs.rebuild_late() == 0


async def test_a_day_without_events_is_emptied(mongo: Mongo) -> None:
    """Unless somebody has just added to it: the rebuild may have been too early for the event."""
    days, jobs = MongoDays(mongo, "UTC"), MongoDayJobs(mongo, "UTC")
    await days.add(entries(stored(days_ago(5), 5), stored(days_ago(4), 7)))
    await jobs.rebuild(OLD, OLD)
    assert (await document(mongo))["m"]["m"]["c"] == 5
    await settled(mongo)
    await jobs.rebuild(OLD, OLD)
    emptied = await document(mongo)
    assert ([emptied[name] for name in "hmkw"], "x" in emptied) == ([{}, {}, {}, {}], False)
    assert (await document(mongo, day=day_name(4)))["m"]["m"]["c"] == 7


async def test_the_rebuild_that_began_later_stays(mongo: Mongo) -> None:
    event = stored(days_ago(5), 5)
    await mongo.database["events"].insert_one(event)
    later = [{"$set": {"b": {"$add": ["$b", 1000]}, "m.m.c": 77}}]
    jobs = MongoDayJobs(mongo, "UTC")
    await jobs.rebuild(OLD, OLD)
    await mongo.database["usage_day"].update_one({}, [{"$set": {"b": {"$add": ["$$NOW", 60_000]}}}, later[0]])
    await jobs.rebuild(OLD, OLD)
    assert (await document(mongo))["m"]["m"]["c"] == 77


async def test_late_events_are_counted_for_their_accounts_only(mongo: Mongo) -> None:
    days, jobs = MongoDays(mongo, "UTC"), MongoDayJobs(mongo, "UTC")
    late = stored(days_ago(5), 5)
    await mongo.database["events"].insert_many([late, stored(days_ago(5), 7, a="bob"), stored(days_ago(0), 1)])
    await days.mark(entries(late, stored(days_ago(0), 1)))
    await settled(mongo)
    assert await jobs.rebuild_late() == 1
    assert (await document(mongo))["m"]["m"]["c"] == 5
    assert await mongo.database["usage_day"].count_documents({"a": "bob"}) == 0
    assert "m" not in await document(mongo, day=day_name(0))


async def test_a_mark_on_a_day_without_events_goes_away(mongo: Mongo) -> None:
    days, jobs = MongoDays(mongo, "UTC"), MongoDayJobs(mongo, "UTC")
    await days.mark(entries(stored(days_ago(5), 5)))
    assert await jobs.rebuild_late() == 1
    assert "x" in await document(mongo)
    await settled(mongo)
    assert await jobs.rebuild_late() == 1
    assert await jobs.rebuild_late() == 0


async def test_what_was_removed_is_not_counted_as_nothing(mongo: Mongo) -> None:
    days, jobs = MongoDays(mongo, "UTC"), MongoDayJobs(mongo, "UTC")
    await keep(mongo, events=30, days=400)
    await days.add(entries(stored(days_ago(40), 5)))
    with pytest.raises(UsageError, match="have been removed"):
        await jobs.rebuild(day_name(40), day_name(35))
    await settled(mongo)
    assert await jobs.rebuild_late() == 1
    found = await document(mongo, day=day_name(40))
    assert (found["m"]["m"]["c"], "x" in found) == (5, False)


async def test_days_that_are_over_everywhere_are_due_once(mongo: Mongo) -> None:
    jobs = MongoDayJobs(mongo, "UTC")
    assert await jobs.due() == []
    await mongo.database["events"].insert_one(stored(days_ago(5), 5))
    before = datetime.now(UTC)
    due = await jobs.due()
    assert due[:5] == [day_name(number) for number in (6, 5, 4, 3, 2)]
    hours = {moment.hour for moment in (before, datetime.now(UTC))}
    # 37 hours after its midnight of UTC
    assert due[5:] in [[day_name(1)] if hour >= 13 else [] for hour in hours]
    await jobs.done(OLD)
    assert await jobs.due() == [day for day in due if day != OLD]


async def test_days_that_are_not_whole_are_never_due(mongo: Mongo) -> None:
    await keep(mongo, events=10, days=400)
    await mongo.database["events"].insert_one(stored(days_ago(30), 5))
    due = await MongoDayJobs(mongo, "UTC").due()
    assert day_name(11) not in due
    assert day_name(8) in due
    await keep(mongo, events=10, days=3)
    assert day_name(8) not in await MongoDayJobs(mongo, "UTC").due()


async def test_one_of_many_gets_a_claim(mongo: Mongo) -> None:
    jobs = MongoDayJobs(mongo, "UTC")
    got = await asyncio.gather(*(jobs.claim(OLD, f"p{number}", 600) for number in range(20)))
    assert sum(got) == 1
    assert not await jobs.claim(OLD, "p", 600)
    assert await jobs.claim("late", "p", 600)
    assert await jobs.claim("late", "p", -60)  # the claim is too old
    assert await jobs.claim(OLD, "p", -60)
    await jobs.done(OLD)
    assert not await jobs.claim(OLD, "p", -60)


async def test_a_rebuild_of_a_day_reads_its_own_events(mongo: Mongo) -> None:
    await keep(mongo, events=90, days=400)
    await mongo.database["events"].insert_many([stored(days_ago(number % 40), 1) for number in range(400)])
    stages = [*counted({"t": began([OLD])}, [OLD], "UTC"), *written_over()]
    plan = await mongo.database.command(
        "explain", {"aggregate": "events", "pipeline": stages, "cursor": {}}, verbosity="queryPlanner"
    )
    assert "IXSCAN" in str(plan)
