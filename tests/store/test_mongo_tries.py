from __future__ import annotations

import asyncio
from datetime import timedelta

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_tries import MongoTries


async def test_every_try_counts_once_however_many_at_once(mongo: Mongo) -> None:
    store = MongoTries(mongo)
    counts = await asyncio.gather(*(store.count(["a"], 100) for _ in range(30)))
    assert sorted(count for (count,) in counts) == list(range(1, 31))
    assert await store.count(["a", "b"], 100) == [31, 1]
    await store.clear("a")
    assert await store.count(["a"], 100) == [1]


async def test_a_window_begins_with_its_first_try(mongo: Mongo) -> None:
    store, tries = MongoTries(mongo), mongo.database["tries"]
    await store.count(["a"], 100)
    first = await tries.find_one({})
    await store.count(["a"], 100)
    second = await tries.find_one({})
    assert first is not None
    assert second is not None
    assert first["e"] == second["e"]
    await tries.update_one({}, {"$set": {"e": first["e"] - timedelta(seconds=101)}})
    assert await store.count(["a"], 100) == [1], "it is over"
