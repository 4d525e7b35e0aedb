"""What a month of an account costs: the same checks for twenty thousand events and for a million."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from tests.million.usage_load import DAYS, explained, load, percentile
from tests.store.events import day_name
from tornadogw.rebuild import Rebuild
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays, began, counted
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_retention import keep
from tornadogw.store.mongo_usage import MongoUsage
from tornadogw.usage import usage

BUSIEST = "account000"


async def check_month(mongo: Mongo, count: int) -> dict[str, float]:
    """Load, close the days, and see what a page reads. Seconds and milliseconds of each step."""
    took: dict[str, float] = {}

    async def timed(name: str, work):  # type: ignore[no-untyped-def]
        begin = time.perf_counter()
        result = await work
        took[name] = time.perf_counter() - begin
        return result

    await keep(mongo, events=90, days=400)
    await timed("load s", load(mongo, count))
    days, jobs = MongoDays(mongo, "UTC"), MongoDayJobs(mongo, "UTC")
    await timed("rebuild s", Rebuild(jobs, "p").once())
    open_days = await mongo.database["events"].find({"d": {"$gte": day_name(3)}}).to_list(None)
    closed = {
        each["_id"] for each in await mongo.database["usage_runs"].find({"done": {"$exists": True}}).to_list(None)
    }
    await timed("add s", days.add([each for each in open_days if each["d"] not in closed]))
    first, last = day_name(DAYS - 1), day_name(0)

    # The page: a document a day, and an index entry each.
    pages = {"find": "usage_day", "filter": {"_id": {"$gte": f"{BUSIEST}:{first}", "$lte": f"{BUSIEST}:{last}"}}}
    returned, documents, keys, _ = await explained(mongo, {**pages, "sort": {"_id": 1}})
    assert (returned, documents) == (DAYS, DAYS)
    assert keys <= DAYS + 1
    page = await days.page(BUSIEST, first, last)
    exact = await days.days(BUSIEST, first, last)
    assert page == exact
    assert len(page) == DAYS
    theirs = (
        await mongo.database["events"]
        .aggregate(
            [
                {"$match": {"a": BUSIEST, "d": {"$gte": first}}},
                {"$group": {"_id": None, "c": {"$sum": "$c"}, "n": {"$sum": 1}}},
            ]
        )
        .to_list(1)
    )
    counts = [count for day in page for count in day.models.values()]
    assert [(sum(each.cost for each in counts), sum(each.requests for each in counts))] == [
        (each["c"], each["n"]) for each in theirs
    ]

    # The exact rows: events of the open days only, by the index on account and time.
    reads = []
    original = MongoDays._counted

    async def watched(self: MongoDays, account_id, open_names):  # type: ignore[no-untyped-def]
        reads.append(list(open_names))
        return await original(self, account_id, open_names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MongoDays, "_counted", watched)
        await days.days(BUSIEST, first, last)
    assert reads[0][-1] == last
    assert len(reads[0]) <= 3
    match = {"$or": [{"a": BUSIEST, "t": began(reads[0])}]}
    stages = counted(match, reads[0], "UTC")
    _, documents, keys, _ = await explained(mongo, {"aggregate": "events", "pipeline": stages, "cursor": {}})
    near = await mongo.database["events"].count_documents({"a": BUSIEST, "t": began(reads[0])})
    assert documents == near
    assert keys <= near + 1

    # One request.
    asked = await mongo.database["events"].find_one({"a": BUSIEST})
    again = {"$gte": f"{asked['r']}~", "$lt": f"{asked['r']}~~"}
    query = {"a": BUSIEST, "$or": [{"r": asked["r"]}, {"_id": asked["r"]}, {"_id": again}]}
    _, documents, keys, _ = await explained(mongo, {"find": "events", "filter": query, "sort": {"t": -1}, "limit": 1})
    assert documents <= 1
    assert keys <= 4
    assert (await MongoUsage(mongo).record(BUSIEST, asked["r"])).cost == asked["c"]

    for name, work in (
        ("page", lambda: days.page(BUSIEST, first, last)),
        ("rows", lambda: usage(days, BUSIEST, days=DAYS, zone="UTC", now=datetime.now(UTC).timestamp())),
    ):
        times = []
        for _ in range(30):
            begin = time.perf_counter()
            await work()
            times.append((time.perf_counter() - begin) * 1000)
        took[f"{name} p50 ms"], took[f"{name} p99 ms"] = percentile(times, 0.5), percentile(times, 0.99)
    await mongo.database["accounts"].insert_one(
        {"_id": BUSIEST, "credited": 0, "balance": 0, "spent": 0, "t": datetime.now(UTC), "leases": {}, "holds": {}}
    )
    await timed("doctor, busiest account s", MongoDoctor(mongo, "UTC").account(BUSIEST))
    return took
