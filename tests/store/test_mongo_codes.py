from __future__ import annotations

import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_codes import MongoCodes
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.store.ports import Account, Entry, StoreUnavailable
from tornadogw.store.trade import Batch, Code, Standing

ENTRY = Entry(by="tester", act="test", at=5.0, account_id="1", subject="b1")
MONEY = Batch("b1", 2, amount=5, expires=9.5, label="x", created=1.5)
DAYS = Batch("b2", 1, plan="pro", days=7, created=2.5)
ONE, TWO, THREE = (bytes([n]) * 32 for n in (1, 2, 3))


def same(standing: Standing) -> Standing:
    return standing


@pytest.fixture
def store(mongo: Mongo, run) -> MongoCodes:
    run(MongoAccounts(mongo).add(Account(id="1", email="ann@example.com"), None, ENTRY))
    store = MongoCodes(mongo)
    run(store.add(MONEY, [ONE, TWO], ENTRY))
    run(store.add(DAYS, [THREE], ENTRY))
    return store


async def test_batches_and_codes_are_read_back(store: MongoCodes) -> None:
    assert await store.batches() == [MONEY, DAYS]
    assert await store.find(ONE) == Code(MONEY)
    assert await store.find(b"?" * 32) is None


async def test_a_claim_gives_once_what_the_code_is_worth(store: MongoCodes, mongo: Mongo) -> None:
    assert await store.claim(ONE, "1", same, ENTRY)
    assert not await store.claim(ONE, "1", same, ENTRY)
    assert (await MongoAccounts(mongo).by_email("ann@example.com")).balance == 5
    assert await store.claim(THREE, "1", lambda _: Standing("UTC"), ENTRY)
    assert await MongoSubscriptions(mongo).get("1") == Standing("UTC")
    assert [each.used for each in await store.batches()] == [1, 1]
    found = await store.find(ONE)
    assert (found.account_id, found.redeemed) == ("1", 5.0)


async def test_nobody_gets_nothing(store: MongoCodes, mongo: Mongo) -> None:
    with pytest.raises(LookupError):
        await store.claim(ONE, "gone", same, ENTRY)
    assert await store.find(ONE) == Code(MONEY)


async def test_what_is_void_or_over_is_not_claimed(store: MongoCodes) -> None:
    assert not await store.claim(ONE, "1", same, Entry(by="", act="", at=9.5))
    assert (await store.void("b1", ENTRY)).voided == 5.0
    assert not await store.claim(ONE, "1", same, ENTRY)
    assert await store.void("gone", ENTRY) is None


async def test_used_codes_are_counted_by_an_index(store: MongoCodes, mongo: Mongo) -> None:
    cursor = mongo.database["codes"].find({"b": "b1", "a": {"$exists": True}})
    assert "IXSCAN" in repr(await cursor.explain())


async def test_a_database_that_is_away(away: Mongo) -> None:
    store = MongoCodes(away)
    for work in (store.batches(), store.find(ONE), store.claim(ONE, "1", same, ENTRY), store.void("b1", ENTRY)):
        with pytest.raises(StoreUnavailable):
            await work
