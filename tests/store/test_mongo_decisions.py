from __future__ import annotations

import pytest
from pymongo.errors import BulkWriteError

from tests.store.events import days_ago, stored
from tornadogw.store.mongo_decisions import MongoDecisions, keep_decisions
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_decisions import Decision
from tornadogw.types import Attempt, Record

AT = days_ago(0)


def decision(name: str, *, request: str = "r", account: str = "ann", later: float = 0.0, charged: bool = False, **more):
    started = AT.timestamp() + later
    record = Record(id=request, account_id=account, key_id="k", mode="chat", asked="m", started=started, **more)
    return Decision(name, record, charged, (("u", "m"),), (Attempt("v", "m", "skipped", "mode"),))


async def test_what_cost_nothing_is_kept_whole(mongo):
    store, told = MongoDecisions(mongo), decision("1", code=4001, finish="no_upstream")
    assert await store.insert([told]) == 0
    assert await store.find("r", "ann", 1) == [told]


async def test_a_charged_call_is_told_of_once_its_event_is_there(mongo):
    store = MongoDecisions(mongo)
    await store.insert([decision("1", charged=True)])
    [kept] = await mongo.database["decisions"].find().to_list(None)
    assert set(kept) == {"_id", "r", "a", "t", "ev", "n", "x"}, "what the event says is not stored twice"
    assert await store.find("r", "ann", 1) == []
    await mongo.database["events"].insert_one(stored(AT, 7, r="r"))
    [found] = await store.find("r", "ann", 1)
    assert (found.record.cost, found.charged, found.order) == (7, True, (("u", "m"),))
    assert [each.reason for each in found.passed] == ["mode"]


async def test_an_event_alone_is_told_without_candidates(mongo):
    await mongo.database["events"].insert_one(stored(AT, 7, r="r", at=[["u", "m", "ok", "", 5]]))
    [found] = await MongoDecisions(mongo).find("r", "ann", 1)
    assert (found.order, found.passed, found.record.attempts) == ((), (), (Attempt("u", "m", "ok", "", 5),))


async def test_one_id_of_several_requests_and_accounts(mongo):
    store = MongoDecisions(mongo)
    mine = [decision("1", later=0), decision("2", later=2)]
    await store.insert([*mine, decision("3", account="bob", later=3), decision("4", request="other", later=4)])
    await mongo.database["events"].insert_one(stored(days_ago(1), 7, r="r"))
    assert [each.id for each in await store.find("r", "ann", 1)] == ["2"]
    assert [each.id for each in await store.find("r", "ann", 9)][:2] == ["2", "1"]
    assert len(await store.find("r", "ann", 9)) == 3
    assert [each.id for each in await store.find("r", None, 2)] == ["3", "2"]
    assert await store.find("r", "eve", 9) == []


async def test_the_same_again_changes_nothing(mongo):
    store = MongoDecisions(mongo)
    assert [await store.insert([decision("1"), decision("2")][:n]) for n in (1, 2, 2)] == [0, 0, 0]
    assert await mongo.database["decisions"].count_documents({}) == 2


async def test_what_nobody_can_write_is_counted_and_the_rest_is_kept(mongo):
    bad = decision("1", attempts=(Attempt("u", "m", "elsewhere", "\ud800"),))
    assert await MongoDecisions(mongo).insert([bad, decision("2")]) == 1
    assert await mongo.database["decisions"].count_documents({}) == 1


async def test_what_the_database_refuses_is_counted(mongo):
    await mongo.database.command("collMod", "decisions", validator={"_id": {"$ne": "1"}})
    assert await MongoDecisions(mongo).insert([decision("1"), decision("2")]) == 1


@pytest.mark.parametrize("details", [{"writeConcernErrors": [{"code": 64}]}, {"writeErrors": [{"code": 11602}]}])
async def test_what_may_not_be_there_is_tried_again(mongo, monkeypatch, details):
    store = MongoDecisions(mongo)

    class Moving:
        async def insert_many(self, *_, **__):
            raise BulkWriteError(details)

    monkeypatch.setattr(store, "_decisions", Moving())
    with pytest.raises(StoreUnavailable):
        await store.insert([decision("1")])


async def expiry(mongo):
    indexes = await mongo.database["decisions"].list_indexes().to_list(None)
    return [index["expireAfterSeconds"] for index in indexes if "expireAfterSeconds" in index]


async def test_they_expire(mongo):
    for days in (7, 2, 0):
        await keep_decisions(mongo, days)
        assert await expiry(mongo) == [days * 86400]


async def test_the_database_is_away(away):
    with pytest.raises(StoreUnavailable):
        await MongoDecisions(away).insert([decision("1")])
    with pytest.raises(StoreUnavailable):
        await MongoDecisions(away).find("r", "ann", 1)
