from __future__ import annotations

import asyncio

import pytest

from tests.store.test_ports import methods
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_payments import MongoPayments, pay_once
from tornadogw.store.ports import Account, Duplicate, Entry, PaymentStore, StoreUnavailable

ENTRY = Entry(by="tester", act="test.pay", at=1.0, account_id="1", subject="r")


@pytest.fixture
def store(mongo: Mongo, run) -> MongoAccounts:
    store = MongoAccounts(mongo)
    for number in "12":
        run(store.add(Account(id=number, email=f"{number}@example.com"), None, ENTRY))
    return store


async def test_a_reference_moves_money_once(store: MongoAccounts, mongo: Mongo) -> None:
    told = await asyncio.gather(*(pay_once(mongo, "1", 5, ref="r", entry=ENTRY) for _ in range(10)))
    assert sorted(told) == [False] * 9 + [True]
    assert not await pay_once(mongo, "1", 5, ref="r", entry=ENTRY)
    assert (await store.by_email("1@example.com")).balance == 5
    assert await mongo.database["audit"].count_documents({"s": "r", "c.amount": 5}) == 1


@pytest.mark.parametrize(("account", "amount"), [("2", 5), ("1", 6), ("1", -5)])
async def test_a_reference_of_another_payment(store: MongoAccounts, mongo: Mongo, account: str, amount: int) -> None:
    await pay_once(mongo, "1", 5, ref="r", entry=ENTRY)
    with pytest.raises(Duplicate):
        await pay_once(mongo, account, amount, ref="r", entry=ENTRY)
    assert [each.balance for each in await store.all()] == [5, 0]


async def test_what_is_taken_back_may_leave_less_than_nothing(store: MongoAccounts, mongo: Mongo) -> None:
    await pay_once(mongo, "1", -5, ref="r", entry=ENTRY)
    account = await store.by_email("1@example.com")
    assert (account.balance, account.credited) == (-5, -5)


async def test_nobody_is_paid_nothing(store: MongoAccounts, mongo: Mongo) -> None:
    with pytest.raises(LookupError):
        await pay_once(mongo, "gone", 5, ref="r", entry=ENTRY)
    assert await mongo.database["payments"].count_documents({}) == 0


async def test_a_database_that_is_away(away: Mongo) -> None:
    with pytest.raises(StoreUnavailable):
        await pay_once(away, "1", 5, ref="r", entry=ENTRY)


async def test_an_accounts_payments_are_told_newest_first(store: MongoAccounts, mongo: Mongo) -> None:
    for at, (account, amount, ref) in enumerate((("1", 5, "first"), ("1", -2, "second"), ("2", 1, "others"))):
        await pay_once(
            mongo, account, amount, ref=ref, entry=Entry(by="olga", act="test.pay", at=at, account_id=account)
        )
    payments = MongoPayments(mongo)
    assert methods(MongoPayments) == methods(PaymentStore)
    told = [(each.ref, each.amount, each.by) for each in await payments.of_account("1", 10)]
    assert told == [("second", -2, "olga"), ("first", 5, "olga")]
    assert [each.ref for each in await payments.of_account("1", 1)] == ["second"]
