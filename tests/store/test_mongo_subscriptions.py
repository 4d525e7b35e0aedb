from __future__ import annotations

import msgspec
import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.store.ports import Account, Entry, StoreUnavailable
from tornadogw.store.trade import Standing, Subscription

ENTRY = Entry(by="tester", act="test", at=1.0, account_id="1")
STANDING = Standing("Asia/Tokyo", (Subscription("a", 1.5, 2.5), Subscription("b", 3.0, 4.0, "order-1")))


@pytest.fixture
def store(mongo: Mongo, run) -> MongoSubscriptions:
    run(MongoAccounts(mongo).add(Account(id="1", email="ann@example.com"), None, ENTRY))
    return MongoSubscriptions(mongo)


async def test_a_standing_is_read_back_as_it_was(store: MongoSubscriptions) -> None:
    assert await store.get("1") == Standing()
    assert await store.change("1", lambda _: STANDING, ENTRY) == STANDING
    assert await store.get("1") == STANDING
    assert await store.get("gone") == Standing()


async def test_what_was_given_before_there_were_references_has_none(store: MongoSubscriptions, mongo: Mongo) -> None:
    await store.change("1", lambda _: STANDING, ENTRY)
    await mongo.database["accounts"].update_one({"_id": "1"}, {"$unset": {"subs.0.r": 1, "subs.1.r": 1}})
    assert [each.ref for each in (await store.get("1")).subscriptions] == ["", ""]


async def test_each_change_is_counted_for_those_who_watch(store: MongoSubscriptions, mongo: Mongo) -> None:
    await store.change("1", lambda _: STANDING, ENTRY)
    await store.change("1", lambda standing: standing, ENTRY)
    await store.change("1", lambda standing: msgspec.structs.replace(standing, time_zone=""), ENTRY)
    document = await mongo.database["accounts"].find_one({"_id": "1"})
    assert document["sv"] == 2


async def test_money_is_left_alone_and_an_edit_that_fails_changes_nothing(store: MongoSubscriptions, mongo) -> None:
    before = await mongo.database["accounts"].find_one({"_id": "1"})

    def fail(_: Standing) -> Standing:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.change("1", fail, ENTRY)
    assert await mongo.database["accounts"].find_one({"_id": "1"}) == before
    await store.change("1", lambda _: STANDING, ENTRY)
    after = await mongo.database["accounts"].find_one({"_id": "1"})
    assert set(after) - set(before) == {"tz", "subs", "sv"}
    assert {name: after[name] for name in before} == before


async def test_a_database_that_is_away(away: Mongo) -> None:
    store = MongoSubscriptions(away)
    for work in (store.get("1"), store.change("1", lambda standing: standing, ENTRY)):
        with pytest.raises(StoreUnavailable):
            await work
