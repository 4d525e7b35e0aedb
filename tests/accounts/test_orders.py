from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.codes import Codes
from tornadogw.accounts.orders import Orders
from tornadogw.accounts.plans import Plans
from tornadogw.doctor import Doctor
from tornadogw.errors import UsageError
from tornadogw.store import mongo_orders
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_codes import MongoCodes
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_orders import MongoOrders
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.orders import Notice, Order

ANN = "ann@example.com"
LOG = "tornadogw.accounts.orders"


@pytest.fixture
def accounts(mongo: Mongo, run) -> Accounts:
    accounts = Accounts(MongoAccounts(mongo))
    run(accounts.create(ANN))
    return accounts


@pytest.fixture
def orders(mongo: Mongo, accounts: Accounts) -> Orders:
    return Orders(MongoOrders(mongo), accounts)


@pytest.fixture
def order(orders: Orders, run) -> Order:
    return run(orders.open(ANN, "5", provider="payments", due="35.5", currency="CNY", by="tester"))


def notice(order: Order, kind: str = "paid", event: str = "e1", **other: object) -> Notice:
    fitting = Notice("payments", event, order.id, kind, 35_500_000, "CNY")
    return msgspec.structs.replace(fitting, **other)


async def test_paid_is_credited_once(orders: Orders, order: Order, accounts: Accounts) -> None:
    assert (order.state, order.amount, order.due) == ("pending", 5_000_000, 35_500_000)
    done = await orders.take(notice(order))
    assert (done.kind, done.order.state) == ("moved", "credited")
    assert (await accounts.show(ANN)).balance == 5_000_000
    again = await orders.take(notice(order))
    assert (again.kind, again.order.state) == ("repeated", "credited")
    other = await orders.take(notice(order, event="e2"))
    assert (other.kind, other.order.state) == ("late", "credited")
    assert (await accounts.show(ANN)).credited == 5_000_000


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"amount": 35_499_999}, "35500000 micro-units are due, not 35499999"),
        ({"amount": 35_500_001}, "are due"),
        ({"currency": "USD"}, "is in CNY, not USD"),
        ({"provider": "other"}, "another provider's"),
        ({"order_id": "gone"}, "no such order"),
    ],
)
@pytest.mark.parametrize("kind", ["paid", "refunded"])
async def test_what_does_not_fit_moves_nothing_and_is_reported(
    orders: Orders, order: Order, accounts: Accounts, mongo: Mongo, claim_log, change, why, kind
) -> None:
    claim_log(LOG, r"event e1 of \w+ was rejected")
    for _ in range(2):
        done = await orders.take(notice(order, kind, **change))
        assert done.kind == "rejected"
        assert why in done.why
    assert (await orders.show(order.id)).state == "pending"
    assert (await accounts.show(ANN)).credited == 0
    told = [each for each in await MongoAudit(mongo).entries(None, 0, 99) if each.act == "order.rejected"]
    assert [(each.after["event"], why in each.after["why"]) for each in told] == [("e1", True)]


async def test_an_events_id_is_that_of_one_event(orders: Orders, order: Order, claim_log) -> None:
    claim_log(LOG, "another")
    await orders.take(notice(order))
    assert (await orders.take(notice(order, "refunded"))).kind == "rejected"
    assert (await orders.show(order.id)).state == "credited"
    assert (await orders.take(notice(order, "refunded", provider="elsewhere"))).why == "the order is another provider's"


async def test_a_refund_takes_back_what_was_credited_even_what_is_spent(
    orders: Orders, order: Order, accounts: Accounts
) -> None:
    await orders.take(notice(order))
    await accounts.debit(ANN, "4")
    done = await orders.take(notice(order, "refunded", "e2"))
    assert (done.kind, done.order.state) == ("moved", "refunded")
    assert (await accounts.show(ANN)).balance == -4_000_000
    assert (await orders.take(notice(order, "refunded", "e3"))).kind == "late"
    assert (await accounts.show(ANN)).balance == -4_000_000


async def test_a_refund_that_comes_first(orders: Orders, order: Order, accounts: Accounts) -> None:
    assert (await orders.take(notice(order, "refunded", "e2"))).order.state == "refunded"
    assert (await orders.take(notice(order))).kind == "late"
    assert await orders.credit_paid() == []
    assert (await accounts.show(ANN)).credited == 0


async def die(*_args, **_options):
    raise ConnectionAbortedError


@pytest.mark.parametrize("told_again", [True, False])
async def test_a_crash_between_paid_and_credited(
    orders: Orders, order: Order, accounts, monkeypatch, told_again
) -> None:
    """Either the provider says it again, or whoever looks for such orders finds it."""
    with monkeypatch.context() as patch, pytest.raises(ConnectionAbortedError):
        patch.setattr(mongo_orders, "pay", die)
        await orders.take(notice(order))
    assert (await orders.show(order.id)).state == "paid"
    assert (await accounts.show(ANN)).credited == 0
    await (orders.take(notice(order)) if told_again else orders.credit_paid())
    assert (await orders.show(order.id)).state == "credited"
    assert (await accounts.show(ANN)).credited == 5_000_000


async def test_a_crash_in_a_refund_leaves_it_to_be_done(orders: Orders, order: Order, accounts, monkeypatch) -> None:
    await orders.take(notice(order))
    with monkeypatch.context() as patch, pytest.raises(ConnectionAbortedError):
        patch.setattr(mongo_orders, "pay", die)
        await orders.take(notice(order, "refunded", "e2"))
    assert (await orders.show(order.id)).state == "credited"
    assert (await orders.take(notice(order, "refunded", "e2"))).kind == "moved"
    assert (await accounts.show(ANN)).credited == 0


async def test_the_same_events_at_the_same_moment(orders: Orders, order: Order, accounts: Accounts) -> None:
    told = await asyncio.gather(*(orders.take(notice(order)) for _ in range(20)))
    assert sorted({each.kind for each in told}) == ["moved", "repeated"]
    assert sum(each.kind == "moved" for each in told) == 1
    assert (await accounts.show(ANN)).credited == 5_000_000
    both = [notice(order, "refunded", "r"), notice(order, event="again")] * 5
    await asyncio.gather(*map(orders.take, both))
    assert (await orders.show(order.id)).state == "refunded"
    assert (await accounts.show(ANN)).credited == 0


EVENT = st.tuples(
    st.sampled_from(["paid", "refunded"]),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from([{}, {}, {}, {"amount": 1}, {"currency": "USD"}, {"provider": "other"}]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENT | st.just("credit_paid"), max_size=8), st.booleans())
def test_any_order_and_repetition_of_events_comes_to_the_same(orders, accounts, run, log_guard, events, crash) -> None:
    """`crash`: the process never lives to credit what is paid; somebody does it at the end."""
    order = run(orders.open(ANN, "5", provider="payments", due="35.5", currency="CNY"))
    before = run(accounts.show(ANN)).credited
    store = MongoOrders(orders._store._mongo)
    for each in events:
        if each == "credit_paid":
            run(orders.credit_paid())
            continue
        kind, name, wrong = each
        told = notice(order, kind, f"{order.id}-{kind}{name}{sorted(wrong)}", **wrong)
        run(store.take(told, orders._entry(f"order.{kind}", order.id, "payments")) if crash else orders.take(told))
    run(orders.credit_paid())
    log_guard.records.clear()  # rejections are tested above
    fitting = {each[0] for each in events if each != "credit_paid" and not each[2]}
    state = "refunded" if "refunded" in fitting else "credited" if "paid" in fitting else "pending"
    assert run(orders.show(order.id)).state == state
    account = run(accounts.show(ANN))
    assert account.credited - before == (5_000_000 if state == "credited" else 0)
    assert account.balance == account.credited


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"provider": "No Name"}, "provider"),
        ({"currency": "yuan"}, "currency"),
        ({"due": "0"}, "out of range"),
        ({"amount": "x"}, "not an amount"),
        ({"email": "who@example.com"}, "no account"),
    ],
)
async def test_wrong_arguments_open_no_order(orders: Orders, mongo: Mongo, words, named) -> None:
    fine = {"email": ANN, "amount": "5", "provider": "p", "due": "5", "currency": "CNY"}
    with pytest.raises(UsageError, match=named):
        await orders.open(**fine | words)
    assert await mongo.database["orders"].count_documents({}) == 0


async def test_impossible_events_and_orders(orders: Orders, order: Order) -> None:
    for wrong in ({"event_id": ""}, {"event_id": "a\nb"}, {"amount": 0}, {"amount": 2**63}, {"order_id": "x" * 300}):
        with pytest.raises(UsageError, match="an event has"):
            await orders.take(notice(order, **wrong))
    with pytest.raises(UsageError, match="no order"):
        await orders.show("gone")


async def test_each_step_is_in_the_audit_log(orders: Orders, order: Order, mongo: Mongo) -> None:
    await orders.take(notice(order))
    await orders.take(notice(order, "refunded", "e2"))
    told = [each for each in await MongoAudit(mongo).entries(order.account_id, 0, 99) if each.subject == order.id]
    assert [(each.by, each.act) for each in told] == [
        ("tester", "order.open"),
        ("provider payments", "order.paid"),
        ("provider payments", "order.credited"),
        ("provider payments", "order.refunded"),
    ]
    assert (told[1].before, told[1].after) == ({"state": "pending"}, {"event": "e1", "state": "paid"})
    assert (told[3].before["balance"], told[3].after["balance"]) == (5_000_000, 0)


async def test_the_doctor_finds_nothing_off_whatever_became_of_orders_and_codes(orders, accounts, mongo: Mongo) -> None:
    fates = [[], ["paid"], ["refunded"], ["paid", "refunded"], ["refunded", "paid"]]
    for kinds in fates:
        order = await orders.open(ANN, "5", provider="payments", due="35.5", currency="CNY")
        for kind in kinds:
            await orders.take(notice(order, kind, f"{order.id}-{kind}"))
    codes = Codes(MongoCodes(mongo), accounts, Plans(MongoPlans(mongo)), b"s" * 32)
    await codes.redeem(ANN, (await codes.create(amount="5", count=2)).codes[0])
    await accounts.credit(ANN, "1", ref="order-17")  # as an operator may call it
    await accounts.debit(ANN, "2")
    report = await Doctor(MongoDoctor(mongo, "UTC"), MongoDayJobs(mongo, "UTC"), pause=0.0).examine()
    assert (report.findings, report.notes) == ((), ())
    await mongo.database["codes"].update_many({}, {"$unset": {"a": ""}})
    report = await Doctor(MongoDoctor(mongo, "UTC"), MongoDayJobs(mongo, "UTC"), pause=0.0).examine()
    assert [(each.code, each.difference) for each in report.findings] == [("trade", 5_000_000)]
