from __future__ import annotations

import msgspec
import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_audit import MongoAudit, note
from tornadogw.store.ports import Entry, StoreUnavailable


def entry(at: float, account: str = "1") -> Entry:
    return Entry(by="ann", act="x.y", at=at, account_id=account, subject="s", before={"a": [1]}, after={"a": None})


async def test_an_entry_is_read_back_as_it_was(mongo: Mongo) -> None:
    store = MongoAudit(mongo)
    for each in (entry(2.5), entry(1.0), entry(3.0, "2"), entry(4.0)):
        await mongo.transaction(lambda session, each=each: note(mongo, session, each))
    assert await store.entries("1", 0, 9) == [entry(1.0), entry(2.5), entry(4.0)]
    assert await store.entries(None, 2.0, 9) == [entry(2.5), entry(3.0, "2"), entry(4.0)]
    assert await store.entries("1", 0, 2) == [entry(2.5), entry(4.0)]


async def test_what_only_the_transaction_knew_takes_the_place(mongo: Mongo) -> None:
    await mongo.transaction(lambda session: note(mongo, session, entry(1.0), {"b": 1}, {"b": 2}))
    [found] = await MongoAudit(mongo).entries("1", 0, 9)
    assert (found.before, found.after) == ({"b": 1}, {"b": 2})


async def test_large_numbers_of_an_entry_can_be_written_as_json(mongo: Mongo) -> None:
    amounts = {"amount": 2**40, "both": [2**41, {"c": 2**42}]}
    await mongo.transaction(lambda session: note(mongo, session, entry(1.0), amounts, amounts))
    [found] = await MongoAudit(mongo).entries("1", 0, 9)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Entry) == found
    assert (found.before, found.after) == (amounts, amounts)


async def test_an_entry_of_what_did_not_happen_is_gone(mongo: Mongo) -> None:
    async def fail(session) -> None:
        await note(mongo, session, entry(1.0))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await mongo.transaction(fail)
    assert await MongoAudit(mongo).entries(None, 0, 9) == []


async def test_an_accounts_entries_are_found_by_an_index(mongo: Mongo) -> None:
    cursor = mongo.database["audit"].find({"a": "1", "t": {"$gte": 0}}).sort([("t", -1)])
    assert "IXSCAN" in repr(await cursor.explain())


async def test_a_database_that_is_away(away: Mongo) -> None:
    with pytest.raises(StoreUnavailable):
        await MongoAudit(away).entries(None, 0, 9)
