"""What a month of an account costs: the same checks for twenty thousand events and for a million."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from tests.million.usage_load import DAYS, explained, load, percentile
from tests.store.events import day_name, entries
from tornadogw.rebuild import Rebuild
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays, began, between, counted
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_retention import keep
from tornadogw.store.mongo_usage import MongoUsage
from tornadogw.usage import usage

BUSIEST = "account000"
FIRST, LAST = day_name(DAYS - 1), day_name(0)
REPEATS = 30


async def check_month(mongo: Mongo, count: int) -> dict[str, float]:
    """Load, close the days, and see what a page reads. How long each step took, with its unit."""
    took: dict[str, float] = {}
    await keep(mongo, events=90, days=400)
    took["load s"] = await _seconds(load(mongo, count))
    took["close all days s"] = await _seconds(Rebuild(MongoDayJobs(mongo, "UTC"), "p").once())
    still_open = await _open_days(mongo)
    unadded = await mongo.database["events"].find({"d": {"$in": still_open}}).to_list(None)
    days = MongoDays(mongo, "UTC")
    took["add open days s"] = await _seconds(days.add(entries(*unadded)))
    await _check_page(mongo, days)
    await _check_rows(mongo, still_open)
    await _check_record(mongo)
    now = datetime.now(UTC).timestamp()
    took |= await _times("page", lambda: days.page(BUSIEST, FIRST, LAST))
    took |= await _times("exact rows", lambda: usage(days, BUSIEST, days=DAYS, zone="UTC", now=now))
    account = {"credited": 0, "balance": 0, "spent": 0, "t": datetime.now(UTC), "leases": {}, "holds": {}}
    await mongo.database["accounts"].insert_one({"_id": BUSIEST, **account})
    took["doctor, busiest account s"] = await _seconds(MongoDoctor(mongo, "UTC").account(BUSIEST))
    return took


async def _seconds(work: Awaitable[Any]) -> float:
    begin = time.perf_counter()
    await work
    return time.perf_counter() - begin


async def _times(name: str, work: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    times = [await _seconds(work()) * 1000 for _ in range(REPEATS)]
    return {f"{name} p50 ms": percentile(times, 0.5), f"{name} p99 ms": percentile(times, 0.99)}


async def _open_days(mongo: Mongo) -> list[str]:
    done = await mongo.database["usage_runs"].find({"done": {"$exists": True}}).to_list(None)
    found = [day for day in between(FIRST, LAST) if day not in {each["_id"] for each in done}]
    assert found == between(found[0], LAST)
    assert len(found) <= 3
    return found


async def _check_page(mongo: Mongo, days: MongoDays) -> None:
    """A document a day, and an index entry each; they say what the events say."""
    month = {"_id": {"$gte": f"{BUSIEST}:{FIRST}", "$lte": f"{BUSIEST}:{LAST}"}}
    read = await explained(mongo, {"find": "usage_day", "filter": month, "sort": {"_id": 1}})
    assert (read.returned, read.documents) == (DAYS, DAYS)
    assert read.keys <= DAYS + 1
    page = await days.page(BUSIEST, FIRST, LAST)
    assert page == await days.days(BUSIEST, FIRST, LAST)
    assert len(page) == DAYS
    sums = {"$group": {"_id": None, "c": {"$sum": "$c"}, "n": {"$sum": 1}}}
    theirs = {"$match": {"a": BUSIEST, "d": {"$gte": FIRST}}}
    [true] = await mongo.database["events"].aggregate([theirs, sums]).to_list(1)
    counts = [count for day in page for count in day.models.values()]
    assert (sum(each.cost for each in counts), sum(each.requests for each in counts)) == (true["c"], true["n"])


async def _check_rows(mongo: Mongo, still_open: list[str]) -> None:
    """Beside the page's documents, the events of the open days, by the index on account and time; no others."""
    match = {"$or": [{"a": BUSIEST, "t": began(still_open)}]}
    stages = counted(match, still_open, "UTC")
    read = await explained(mongo, {"aggregate": "events", "pipeline": stages, "cursor": {}})
    near = await mongo.database["events"].count_documents(match)
    assert read.documents == near
    assert read.keys <= near + 1


async def _check_record(mongo: Mongo) -> None:
    """One request is found by its id, whichever version stored it."""
    asked = await mongo.database["events"].find_one({"a": BUSIEST})
    assert asked is not None
    again = {"$gte": f"{asked['r']}~", "$lt": f"{asked['r']}~~"}
    query = {"a": BUSIEST, "$or": [{"r": asked["r"]}, {"_id": asked["r"]}, {"_id": again}]}
    read = await explained(mongo, {"find": "events", "filter": query, "sort": {"t": -1}, "limit": 1})
    assert read.documents <= 1
    assert read.keys <= 4
    found = await MongoUsage(mongo).record(BUSIEST, asked["r"])
    assert found is not None
    assert found.cost == asked["c"]
