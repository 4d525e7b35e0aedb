from __future__ import annotations

import time

from tornadogw.accounts.accounts import Accounts
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_logins import SEEN, MongoLogins
from tornadogw.store.ports_people import Login


async def test_a_login_is_noted_as_seen_once_a_minute(mongo: Mongo) -> None:
    store, now = MongoLogins(mongo), time.time()
    ann = await Accounts(MongoAccounts(mongo)).create("ann@example.com")
    for name, seen in (("old", now - SEEN - 1), ("new", now - 1)):
        await store.add(Login(name, ann.id, now - 100, seen, now + 100, "192.0.2.1", "Browser"), None)
        await store.find(name)
    seen = {each.id: each.seen for each in await store.of_account(ann.id)}
    assert seen["old"] >= now - 1
    assert abs(seen["new"] - (now - 1)) < 0.01


async def test_what_has_ended_or_has_no_account_is_not_found(mongo: Mongo) -> None:
    store, now = MongoLogins(mongo), time.time()
    await store.add(Login("ended", "x", now, now, now - 1), None)
    await store.add(Login("orphan", "x", now, now, now + 100), None)
    assert (await store.find("ended"), await store.find("orphan")) == (None, None)
    assert [each.id for each in await store.of_account("x")] == ["orphan"]
    assert not await store.remove("x", "nothing")
    await store.remove_all("x")
    assert await mongo.database["logins"].count_documents({}) == 0


async def test_the_database_removes_them_by_itself(mongo: Mongo) -> None:
    indexes = await mongo.database["logins"].index_information()
    assert [each["key"] for each in indexes.values() if each.get("expireAfterSeconds") == 0] == [[("e", 1)]]
