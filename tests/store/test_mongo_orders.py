"""What the store keeps; the state machine itself is tested in accounts/test_orders."""

from __future__ import annotations

import msgspec
import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_orders import MongoOrders
from tornadogw.store.orders import Notice, Order
from tornadogw.store.ports import Account, Entry, StoreUnavailable

ENTRY = Entry(by="tester", act="order.test", at=1.0, subject="o1")
ORDER = Order("o1", "1", 5, "pay", 35, "CNY", created=1.5)
PAID = Notice("pay", "e1", "o1", "paid", 35, "CNY")


@pytest.fixture
def store(mongo: Mongo, run) -> MongoOrders:
    run(MongoAccounts(mongo).add(Account(id="1", email="ann@example.com"), None, ENTRY))
    store = MongoOrders(mongo)
    run(store.add(ORDER, ENTRY))
    return store


async def test_an_order_is_read_back_as_it_was(store: MongoOrders) -> None:
    assert await store.get("o1") == ORDER
    assert await store.get("gone") is None
    assert await store.of_state("pending") == [ORDER]
    assert await store.of_state("paid") == []


async def test_only_what_is_paid_is_credited(store: MongoOrders, mongo: Mongo) -> None:
    assert await store.credit("o1", ENTRY) == ORDER
    assert await store.credit("gone", ENTRY) is None
    assert (await store.take(PAID, ENTRY)).order == msgspec.structs.replace(ORDER, state="paid")
    for _ in range(2):
        assert (await store.credit("o1", ENTRY)).state == "credited"
    assert (await MongoAccounts(mongo).by_email("ann@example.com")).balance == 5


async def test_an_event_that_was_rejected_is_looked_at_again(store: MongoOrders, mongo: Mongo) -> None:
    early = msgspec.structs.replace(PAID, order_id="o2")
    assert (await store.take(early, ENTRY)).kind == "rejected"
    await store.add(msgspec.structs.replace(ORDER, id="o2"), ENTRY)
    assert (await store.take(early, ENTRY)).kind == "moved"
    assert await mongo.database["order_events"].count_documents({}) == 1


async def test_a_database_that_is_away(away: Mongo) -> None:
    store = MongoOrders(away)
    for work in (store.get("o1"), store.of_state("paid"), store.take(PAID, ENTRY), store.credit("o1", ENTRY)):
        with pytest.raises(StoreUnavailable):
            await work
