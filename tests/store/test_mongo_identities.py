from __future__ import annotations

import asyncio

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_identities import MongoIdentities
from tornadogw.store.ports import Entry
from tornadogw.store.ports_people import Identity


async def test_an_identity_has_one_account_and_an_account_one_identity_of_a_provider(mongo: Mongo) -> None:
    store, entry = MongoIdentities(mongo), Entry(by="ann", act="account.link", at=1.0, account_id="a")
    one, other, elsewhere = Identity("https://i", "1"), Identity("https://i", "2"), Identity("https://j", "1")
    assert await store.find(one) is None
    assert sum(await asyncio.gather(*(store.add(one, account, entry) for account in ("a", "b", "c")))) == 1
    owner = await store.find(one)
    assert owner in ("a", "b", "c")
    assert not await store.add(other, owner, entry), "of this provider it has one"
    assert await store.add(elsewhere, owner, entry)
    assert [await store.has(owner, issuer) for issuer in ("https://i", "https://j", "https://k")] == [True, True, False]
    assert await store.find(other) is None
    assert await mongo.database["audit"].count_documents({}) == 2, "what was not done is not noted"
