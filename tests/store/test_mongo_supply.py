from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_supply import MongoSupply
from tornadogw.store.ports import Entry, StoreUnavailable
from tornadogw.store.ports_supply import Edit, Stored, StoredKey, Supplied
from tornadogw.types import Price

ENTRY = Entry(by="tester", act="test", at=1.0)
KEYS = (StoredKey(1, reference="env:KEY"), StoredKey(3, sealed=b"\x00sealed"))
UP = Stored("upstream", "up", {"vendor": "v"}, KEYS, 3, b"\x01hidden", changed=5.5, by="olga")
MODEL = Stored("model", "m.$x", {"price": {"input": "1", "output": "2"}, "routes": [{"upstream": "up"}]}, changed=6.0)


def put(entry: Stored, **more: object) -> Edit:
    return Edit(entry.kind, entry.name, entry, ENTRY, **more)


async def test_entries_are_read_back_as_they_were_in_their_order(mongo: Mongo) -> None:
    store = MongoSupply(mongo)
    assert await store.read() == Supplied()
    assert await store.edit(lambda _: [put(UP)]) == 1
    assert await store.edit(lambda _: [put(MODEL)]) == 2
    up, model = (msgspec.structs.replace(each, revision=at, created=at) for at, each in enumerate((UP, MODEL), 1))
    assert await store.read() == Supplied(2, (up, model))
    changed = msgspec.structs.replace(up, fields={"vendor": "w", "large": 2**40})
    assert await store.edit(lambda _: [put(changed)]) == 3
    read = await store.read()
    assert read == Supplied(3, (msgspec.structs.replace(changed, revision=3), model))
    assert msgspec.json.encode(read.entries[0].fields)
    assert await store.edit(lambda _: [Edit("upstream", "up", None, ENTRY)]) == 4
    assert await store.read() == Supplied(4, (model,))
    assert await mongo.database["audit"].count_documents({"act": "test"}) == 4


async def test_what_is_not_decided_leaves_nothing(mongo: Mongo) -> None:
    store = MongoSupply(mongo)
    await store.edit(lambda _: [put(UP)])

    def refuse(supplied: Supplied) -> Sequence[Edit]:
        raise KeyError(supplied.revision)

    with pytest.raises(KeyError, match="1"):
        await store.edit(refuse)
    assert (await store.read()).revision == 1
    assert await mongo.database["audit"].count_documents({}) == 1


async def test_edits_at_the_same_time_see_each_other(mongo: Mongo) -> None:
    """Each is decided on what all before it have left: of ten that want a name, one gets it."""
    store = MongoSupply(mongo)

    def add(number: int) -> None:
        def decide(supplied: Supplied) -> Sequence[Edit]:
            entry = Stored("model", f"m{number}", {"seen": len(supplied.entries)})
            return [put(entry)]

        return decide

    await asyncio.gather(*(store.edit(add(number)) for number in range(10)))
    found = await store.read()
    assert found.revision == 10
    assert [each.fields["seen"] for each in found.entries] == list(range(10))


async def test_prices_are_noted_with_the_edit(mongo: Mongo) -> None:
    store = MongoSupply(mongo)
    await store.edit(lambda _: [put(MODEL, prices={"m": Price(1, 2), "free": Price()})])
    await store.edit(lambda _: [put(MODEL, prices={"m": Price(1, 3), "free": None})])
    await store.edit(lambda _: [put(MODEL, prices={"m": None})])
    lines = await mongo.database["audit"].find({"act": "price.change"}).sort("_id").to_list(None)
    assert [(line["s"], line["b"], line["c"], line["by"]) for line in lines] == [
        ("m", {}, {"input": 1, "output": 2}, "tester"),
        ("m", {"input": 1, "output": 2}, {"input": 1, "output": 3}, "tester"),
        ("m", {"input": 1, "output": 3}, {}, "tester"),
    ]
    assert (await mongo.database["meta"].find_one({"_id": "prices"}))["m"] == []


async def test_a_database_that_is_away(away: Mongo) -> None:
    store = MongoSupply(away)
    for work in (store.read(), store.edit(lambda _: [put(UP)])):
        with pytest.raises(StoreUnavailable):
            await work


async def test_what_others_have_written_there_is_no_obstacle(mongo: Mongo) -> None:
    odd = [{"_id": "note"}, {"_id": "model bare"}, {"_id": "upstream odd", "d": 7}]
    await mongo.database["supply"].insert_many(odd)
    assert await MongoSupply(mongo).read() == Supplied(0, (Stored("model", "bare", {}), Stored("upstream", "odd", {})))
