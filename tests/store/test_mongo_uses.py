from __future__ import annotations

import pytest

from tests.store.events import day_name, days_ago, entries, stored
from tornadogw.rebuild import Rebuild
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_totals import MongoBooks
from tornadogw.store.mongo_uses import MongoUses


async def test_the_latest_call_of_each_key_stays_however_often_it_is_told(mongo: Mongo) -> None:
    uses, books = MongoUses(mongo), MongoBooks(mongo, "UTC")
    early, late = days_ago(3), days_ago(1)
    await books.add(entries(stored(late), stored(early), stored(early, k="other")))
    await books.mark(entries(stored(early)))
    await uses.add(entries(stored(early, k="")))
    await uses.add([])
    assert await uses.last(["key", "other", "none"]) == {
        "key": pytest.approx(late.timestamp(), abs=0.001),
        "other": pytest.approx(early.timestamp(), abs=0.001),
    }
    assert await uses.last([]) == {}


async def test_what_was_not_told_is_found_in_the_events(mongo: Mongo) -> None:
    uses, jobs = MongoUses(mongo), MongoDayJobs(mongo, "UTC")
    await mongo.database["events"].insert_many([stored(days_ago(5)), stored(days_ago(2)), stored(days_ago(0), k="new")])
    await jobs.rebuild(day_name(5), day_name(5))
    assert await uses.last(["key", "new"]) == {"key": pytest.approx(days_ago(5).timestamp(), abs=1)}
    await Rebuild(jobs, "p").once()
    assert sorted(await uses.last(["key", "new"])) == ["key", "new"], "those from before it was told, once"
    await uses.add(entries(stored(days_ago(1))))
    await jobs.rebuild(day_name(5), day_name(5))
    assert await uses.last(["key"]) == {"key": pytest.approx(days_ago(1).timestamp(), abs=1)}
