from __future__ import annotations

import asyncio

import pytest

from tests.store.events import day_name, days_ago, stored
from tornadogw.errors import UsageError
from tornadogw.rebuild import Rebuild
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.ports import StoreUnavailable


async def test_each_day_is_closed_once_whoever_does_it(mongo: Mongo) -> None:
    await mongo.database["events"].insert_many([stored(days_ago(5), 5), stored(days_ago(4), 7), stored(days_ago(0), 9)])
    jobs = MongoDayJobs(mongo, "UTC")
    due = len(await jobs.due())
    closed = await asyncio.gather(*(Rebuild(MongoDayJobs(mongo, "UTC"), f"p{number}").once() for number in range(4)))
    assert sum(closed) == due
    assert await jobs.due() == []
    found = await MongoDays(mongo, "UTC").page("ann", day_name(9), day_name(0))
    assert [(each.day, each.models["m"].cost) for each in found] == [(day_name(5), 5), (day_name(4), 7)]
    assert await Rebuild(jobs, "p").once() == 0


class Store:
    """A `DayJobs` with one day, that does as it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked, self.closed = error, asyncio.Event(), []

    async def due(self) -> list[str]:
        if isinstance(self.error, UsageError):
            return ["20260101"]
        self.asked.set()
        if self.error:
            raise self.error
        return []

    async def claim(self, job: str, by: str, seconds: float) -> bool:
        return True

    async def done(self, day: str) -> None:
        self.closed.append(day)

    async def rebuild(self, first: str, last: str) -> int:
        raise self.error or AssertionError

    async def rebuild_uses(self) -> None: ...

    async def rebuild_late(self) -> int:
        return 0


async def test_it_looks_again_and_again_until_it_is_closed() -> None:
    store = Store()
    job = Rebuild(store, "p", every=0.01)
    job.start()
    for _ in range(3):
        store.asked.clear()
        await store.asked.wait()
    await job.close()


async def test_a_job_that_was_never_started_can_be_closed() -> None:
    await Rebuild(Store(), "p").close()


@pytest.mark.parametrize(("error", "line"), [(StoreUnavailable("x"), ""), (ValueError("x"), "cannot be closed")])
async def test_no_failure_ends_it(error: Exception, line: str, claim_log) -> None:
    if line:
        claim_log("tornadogw.rebuild", line)
    store = Store(error)
    job = Rebuild(store, "p", every=0.01)
    job.start()
    for _ in range(2):
        store.asked.clear()
        await store.asked.wait()
    await job.close()


async def test_a_day_whose_events_are_gone_stays_as_it_is() -> None:
    store = Store(UsageError("gone"))
    assert await Rebuild(store, "p").once() == 1
    assert store.closed == ["20260101", "uses"]


async def test_a_gateway_closes_days(start, mongod) -> None:
    async with start() as gateway:
        await gateway.mongo.database["events"].insert_one(stored(days_ago(5), 5))
        await Rebuild(MongoDayJobs(gateway.mongo, "UTC"), "p").once()
        async with asyncio.timeout(15):
            while await gateway.mongo.database["usage_runs"].find_one({"_id": "late"}) is None:
                await asyncio.sleep(0.01)
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert "rebuild of usage" in names
        indexes = await gateway.mongo.database["events"].index_information()
        assert indexes["t_1"]["expireAfterSeconds"] == 90 * 86400
