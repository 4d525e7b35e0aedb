from __future__ import annotations

import asyncio

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_factors import MongoFactors
from tornadogw.store.ports import Entry
from tornadogw.store.ports_people import Factor


async def test_of_many_who_use_one_code_one_succeeds(mongo: Mongo) -> None:
    store, entry = MongoFactors(mongo), Entry(by="ann", act="test", at=1.0, account_id="a")
    assert await store.find("a") is None
    assert not await store.use_counter("a", 8)
    factor = Factor("a", b"sealed", 7, ("one", "two"), 1_700_000_000.0)
    await store.put(factor, entry)
    assert await store.find("a") == factor
    assert sum(await asyncio.gather(*(store.use_counter("a", 8) for _ in range(8)))) == 1
    assert not await store.use_counter("a", 7), "an earlier one"
    assert sum(await asyncio.gather(*(store.use_recovery("a", "one", entry) for _ in range(4)))) == 1
    found = await store.find("a")
    assert found is not None
    assert (found.counter, found.recovery) == (8, ("two",))
    assert await store.remove("a", entry)
    assert not await store.remove("a", entry)
    assert await mongo.database["audit"].count_documents({}) == 3
