from __future__ import annotations

import asyncio

import bson
import pytest
from bson.int64 import Int64

from tornadogw.accounts.accounts import Accounts
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.ports import MAX_AMOUNT, Account, Duplicate, Entry

ENTRY = Entry(by="tester", act="test", at=1.0)
ANN = Account(id="1", email="ann@example.com", role="operator", language="zh", created=5.5, has_password=True)


@pytest.fixture
def store(mongo: Mongo, run) -> MongoAccounts:
    store = MongoAccounts(mongo)
    run(store.add(ANN, "hash", ENTRY))
    return store


async def test_an_account_is_read_back(store: MongoAccounts) -> None:
    assert await store.by_email("ann@example.com") == ANN
    assert await store.by_email("bob@example.com") is None
    assert await store.all() == [ANN]


async def test_an_address_is_unique(store: MongoAccounts) -> None:
    with pytest.raises(Duplicate):
        await store.add(Account(id="2", email="ann@example.com"), None, ENTRY)


async def test_fields_change_one_by_one(store: MongoAccounts) -> None:
    await store.set_status("1", "disabled", ENTRY)
    await store.set_role("1", "user", ENTRY)
    await store.set_language("1", None, ENTRY)
    await store.set_password("1", None, ENTRY)
    found = await store.by_email("ann@example.com")
    assert found == Account(id="1", email="ann@example.com", status="disabled", created=5.5)
    assert await store.password_hash("1") is None
    await store.set_password("1", "other", ENTRY)
    assert await store.password_hash("1") == "other"
    assert await store.password_hash("2") is None


async def test_a_payment_counts_once_however_often_it_is_told(store: MongoAccounts, mongo: Mongo) -> None:
    told = await asyncio.gather(*(store.credit("1", 50, ref="order", by="tests", at=1.0) for _ in range(10)))
    assert sorted(told) == [False] * 9 + [True]
    found = await store.by_email("ann@example.com")
    assert found is not None
    assert (found.credited, found.balance) == (50, 50)
    assert await mongo.database["payments"].count_documents({}) == 1


@pytest.mark.parametrize(("account", "amount"), [("1", 51), ("2", 50)])
async def test_a_reference_names_one_payment(store: MongoAccounts, account: str, amount: int) -> None:
    await store.credit("1", 50, ref="order", by="", at=1.0)
    with pytest.raises(Duplicate):
        await store.credit(account, amount, ref="order", by="", at=1.0)


async def test_many_payments_at_once_all_count(store: MongoAccounts) -> None:
    await asyncio.gather(*(store.credit("1", 1, ref=f"order-{number}", by="", at=1.0) for number in range(20)))
    found = await store.by_email("ann@example.com")
    assert found is not None
    assert (found.credited, found.balance) == (20, 20)


async def test_a_payment_beyond_what_fits_pays_nothing(store: MongoAccounts, mongo: Mongo) -> None:
    await store.credit("1", MAX_AMOUNT, ref="all", by="", at=1.0)
    with pytest.raises(Exception, match="Failed to apply"):
        await store.credit("1", 1, ref="more", by="", at=1.0)
    assert await mongo.database["payments"].count_documents({}) == 1


async def test_amounts_are_stored_64_bits_wide(store: MongoAccounts, mongo: Mongo) -> None:
    await store.credit("1", 50, ref="order", by="", at=1.0)
    codec = bson.CodecOptions(tz_aware=True)
    found = await mongo.database["accounts"].with_options(codec).find_one({"_id": "1"})
    assert found is not None
    assert all(isinstance(found[name], Int64) for name in ("credited", "balance", "spent"))


async def test_accounts_are_found_by_what_their_address_begins_with_and_by_an_index(mongo: Mongo) -> None:
    accounts = Accounts(MongoAccounts(mongo))
    for number in range(30):
        role = "reader" if number % 10 == 0 else "user"
        await accounts.create(f"u{number:02}@example.com", role=role)
    await accounts.disable("u07@example.com")
    first = await accounts.search("u", limit=20)
    second = await accounts.search("u", limit=20, after=first[-1].email)
    assert [each.email for each in (*first, *second)] == [f"u{number:02}@example.com" for number in range(30)]
    assert [each.email for each in await accounts.search("U1", role="reader")] == ["u10@example.com"]
    assert [each.email for each in await accounts.search(status="disabled")] == ["u07@example.com"]
    assert [each.email for each in await accounts.search(first[3].id)] == [first[3].email]
    assert (await accounts.count(), await accounts.count(disabled=True)) == (30, 1)
