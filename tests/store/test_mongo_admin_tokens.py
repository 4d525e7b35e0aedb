from __future__ import annotations

import msgspec

from tornadogw.accounts.accounts import Accounts
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_admin_tokens import MongoAdminTokens
from tornadogw.store.ports import Entry
from tornadogw.store.ports_people import AdminToken


async def test_what_is_stored_comes_back(mongo: Mongo) -> None:
    store = MongoAdminTokens(mongo)
    account = await Accounts(MongoAccounts(mongo)).create("olga@example.com", role="operator")
    token = AdminToken("t1", account.id, "for billing", ("keys:read", "money:write"), 4e9, 1.7e9)
    await store.add(token, "d" * 64, Entry(by="olga", act="token.create", at=1.7e9, account_id=account.id))
    assert await store.find("e" * 64) is None
    found = await store.find("d" * 64)
    assert found is not None
    assert (found[0], found[1].email) == (token, "olga@example.com")
    [listed] = await store.list(None)
    assert listed.used is not None
    assert msgspec.structs.replace(listed, used=None) == token
    assert list(await store.list("another")) == []
    assert "tgw" not in str(await mongo.database.admin_tokens.find_one({}))


async def test_it_is_noted_once_a_minute_that_it_was_used_and_only_while_it_is_good(mongo: Mongo) -> None:
    store, accounts = MongoAdminTokens(mongo), Accounts(MongoAccounts(mongo))
    account = await accounts.create("olga@example.com")
    await store.add(AdminToken("t1", account.id, created=1.7e9), "d", Entry(by="", act="token.create", at=1.7e9))
    await store.find("d")
    first = (await store.list(None))[0].used
    await store.find("d")
    assert first is not None
    assert (await store.list(None))[0].used == first
    await mongo.database.admin_tokens.update_one({}, {"$set": {"u": None}})
    revoked = await store.revoke("t1", Entry(by="", act="token.revoke", at=1.8e9, subject="t1"))
    assert revoked is not None
    assert revoked.revoked == 1.8e9
    again = await store.revoke("t1", Entry(by="", act="token.revoke", at=1.9e9, subject="t1"))
    assert again == revoked
    assert await store.revoke("t2", Entry(by="", act="token.revoke", at=1.8e9)) is None
    await store.find("d")
    assert (await store.list(None))[0].used is None
    lines = await mongo.database.audit.find({"act": "token.revoke"}).to_list(None)
    assert {line["a"] for line in lines} == {account.id}
