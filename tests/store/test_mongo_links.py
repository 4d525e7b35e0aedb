from __future__ import annotations

import asyncio
import time

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_links import MongoLinks
from tornadogw.store.ports import Entry
from tornadogw.store.ports_people import Link


async def test_as_many_take_it_as_it_has_uses(mongo: Mongo) -> None:
    store = MongoLinks(mongo)
    await store.add(Link("x", "invite", time.time() + 100, 3, {"by": "olga"}))
    taken = await asyncio.gather(*(store.take("invite", "x") for _ in range(10)))
    assert sum(each is not None for each in taken) == 3
    assert await store.find("invite", "x") is None
    await store.give_back("invite", "x")
    found = await store.find("invite", "x")
    assert found is not None
    assert (found.uses, found.what) == (1, {"by": "olga"})


async def test_it_is_of_one_kind_and_ends(mongo: Mongo) -> None:
    store = MongoLinks(mongo)
    await store.add(Link("x", "reset", time.time() + 100))
    await store.add(Link("old", "reset", time.time() - 1))
    assert await store.take("invite", "x") is None
    assert await store.take("reset", "old") is None
    assert [each.id for each in await store.of_kind("reset")] == ["x"]
    assert not await store.remove("invite", "x", Entry("b", "act", time.time()))
    assert await store.remove("reset", "x", Entry("b", "act", time.time()))
    assert await store.find("reset", "x") is None
    assert await mongo.database["audit"].count_documents({}) == 1, "only what was removed is noted"
