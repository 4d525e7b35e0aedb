from __future__ import annotations

import asyncio
import itertools
from typing import Any
from unittest.mock import Mock

import pytest
from bson.int64 import Int64

from tests.store.events import day_name, days_ago, stored
from tests.store.healthy import CLOSED, DAILY, FORGOTTEN, OF_DAY, OLD, OPEN, START, TODAY, TOTAL, healthy, lease
from tornadogw.doctor import CODES, Doctor, Report
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_retention import keep
from tornadogw.store.ports_doctor import Stray, TotalFacts, Trade

ANN, DAY, BUDGET = "accounts/ann", f"wallets/ann:{TODAY}", f"wallets/k:key:{TODAY}"


def doctor(mongo: Mongo, pause: float = 0.0) -> Doctor:
    return Doctor(MongoDoctor(mongo, "UTC"), MongoDayJobs(mongo, "UTC"), pause=pause)


def told(findings: Any) -> list[tuple[str, str, str, int]]:
    return [(each.code, each.document, each.part, each.difference) for each in findings]


async def examined(mongo: Mongo) -> Report:
    return await doctor(mongo).examine()


async def change(mongo: Mongo, document: str, **fields: int) -> None:
    """Add to fields; `__` stands for a dot."""
    collection, _, place = document.partition("/")
    added = {name.replace("__", "."): Int64(amount) for name, amount in fields.items()}
    done = await mongo.database[collection].update_one({"_id": place}, {"$inc": added})
    assert done.modified_count == 1


async def test_a_healthy_database_has_nothing(mongo: Mongo) -> None:
    await healthy(mongo)
    assert await examined(mongo) == Report(2, (), ())


async def test_an_empty_database_has_nothing(mongo: Mongo) -> None:
    assert await examined(mongo) == Report(0, (), ())


WRONG: list[tuple[str, dict[str, int], list[tuple[str, str, str, int]]]] = [
    (ANN, {"balance": 7}, [("wallet_sum", ANN, "credited", -7)]),
    (DAY, {"balance": -7}, [("wallet_sum", DAY, "credited", 7)]),
    (BUDGET, {"balance": -7}, [("wallet_sum", BUDGET, "credited", 7)]),
    (ANN, {"spent": 7, "balance": -7}, [("spent", ANN, "spent", 7)]),
    (ANN, {"spent": -7, "balance": 7}, [("spent", ANN, "spent", -7)]),
    (DAY, {"spent": 7, "balance": -7}, [("spent", DAY, "spent", 7)]),
    (BUDGET, {"spent": 7, "balance": -7}, [("budget_spent", BUDGET, "spent", 7)]),
    (BUDGET, {"spent": -7, "balance": 7}, [("budget_spent", BUDGET, "spent", -7)]),
    ("wallets/k:key", {"spent": 7, "balance": -7}, [("budget_spent", "wallets/k:key", "spent", 7)]),
    (ANN, {"credited": 7, "balance": 7}, [("payments", ANN, "credited", 7)]),
    (
        ANN,
        {f"leases__{OPEN}__s": 12, "spent": 12},
        [("lease_settled_above", ANN, f"leases.{OPEN}", 7), ("spent", ANN, "spent", 7)],
    ),
    (
        BUDGET,
        {f"leases__{DAILY}__s": 12, "spent": 12},
        [("lease_settled_above", BUDGET, f"leases.{DAILY}", 7), ("budget_spent", BUDGET, "spent", 7)],
    ),
    (
        ANN,
        {f"leases__{CLOSED}__s": -7, f"leases__{CLOSED}__g": -7, "spent": -7, "balance": 7},
        [("lease_settled_below", ANN, f"leases.{CLOSED}", -7)],
    ),
    (ANN, {f"leases__{CLOSED}__g": 7, "balance": -7}, [("lease_granted", ANN, f"leases.{CLOSED}", 7)]),
    (
        ANN,
        {f"leases__{OPEN}__g": -80, "balance": 80},
        [("lease_granted", ANN, f"leases.{OPEN}", -10)],
    ),
]


@pytest.mark.parametrize(("document", "fields", "findings"), WRONG, ids=itertools.count())
async def test_what_is_off_in_a_wallet_is_told_with_its_amount(mongo: Mongo, document, fields, findings) -> None:
    await healthy(mongo)
    await change(mongo, document, **fields)
    report = await examined(mongo)
    assert sorted(told(report.findings)) == sorted(findings)
    assert {each.account for each in report.findings} == {"ann"}
    assert not report.ok


async def test_an_event_too_many_or_too_few_is_told(mongo: Mongo) -> None:
    await healthy(mongo)
    extra = stored(days_ago(0), 9, lease=FORGOTTEN)
    await mongo.database["events"].insert_one(extra)
    assert told((await examined(mongo)).findings) == [("spent", ANN, "spent", -9)]
    await mongo.database["events"].delete_one({"_id": extra["_id"]})
    await mongo.database["events"].delete_many({"_id": {"$gte": OF_DAY, "$lt": f"{OF_DAY}g"}})
    total = "wallets/k:key"
    assert sorted(told((await examined(mongo)).findings)) == [
        ("budget_spent", total, "spent", 20),
        ("budget_spent", BUDGET, "spent", 15),
        ("lease_settled_above", DAY, f"leases.{OF_DAY}", 20),
        ("lease_settled_above", total, f"leases.{TOTAL}", 20),
        ("lease_settled_above", BUDGET, f"leases.{DAILY}", 15),
        ("spent", DAY, "spent", 20),
    ]


async def test_a_call_with_two_events_is_told(mongo: Mongo) -> None:
    await healthy(mongo)
    first = await mongo.database["events"].find_one({"c": 25})
    assert first is not None
    await mongo.database["events"].insert_one({**first, "_id": f"{FORGOTTEN}ffffffff"})
    assert told((await examined(mongo)).findings) == [
        ("spent", ANN, "spent", -25),
        ("event_twice", f"events/{first['_id']}", f"{FORGOTTEN}ffffffff", 25),
    ]


async def test_two_calls_may_share_the_id_that_their_client_gave(mongo: Mongo) -> None:
    await healthy(mongo)
    events = [stored(days_ago(0), 0, r="mine", ms=number) for number in (1, 2)]
    await mongo.database["events"].insert_many(events)
    assert (await examined(mongo)).ok


async def test_a_lease_that_nobody_gives_back_is_told(mongo: Mongo) -> None:
    await healthy(mongo)
    gone = {**lease(100, 30, over=600), "p": "ffff"}
    await mongo.database["accounts"].update_one({"_id": "ann"}, {"$set": {f"leases.{OPEN}": gone}})
    assert told((await examined(mongo)).findings) == [("lease_left", ANN, f"leases.{OPEN}", 65)]


async def test_a_start_that_has_fallen_silent_is_gone(mongo: Mongo) -> None:
    await healthy(mongo)
    await mongo.database["starts"].update_one({"_id": START}, {"$set": {"beat": days_ago(1)}})
    late = lease(100, 30, over=600)
    await mongo.database["accounts"].update_one({"_id": "ann"}, {"$set": {f"leases.{OPEN}": late}})
    assert told((await examined(mongo)).findings) == [("lease_left", ANN, f"leases.{OPEN}", 65)]


@pytest.mark.parametrize(("over", "start"), [(600.0, START), (30.0, "ffff")])
async def test_a_lease_whose_owner_lives_or_may_come_back_is_not(mongo: Mongo, over: float, start: str) -> None:
    await healthy(mongo)
    late = lease(100, 30, over=over, start=start)
    await mongo.database["accounts"].update_one({"_id": "ann"}, {"$set": {f"leases.{OPEN}": late}})
    assert (await examined(mongo)).ok


@pytest.mark.parametrize(
    ("path", "amount", "part"),
    [
        ("m.m.c", 7, "models cost"),
        ("k.key.n", 7, "keys requests"),
        ("w.prepaid.i", -1, "wallets prompt"),
        ("h.2020010100.o", 7, "hours completion"),
    ],
)
async def test_a_day_that_is_not_its_events_is_told(mongo: Mongo, path: str, amount: int, part: str) -> None:
    await healthy(mongo)
    await change(mongo, f"usage_day/ann:{OLD}", **{path.replace(".", "__"): amount})
    assert told((await examined(mongo)).findings) == [("usage_day", f"usage_day/ann:{OLD}", part, amount)]


async def test_a_closed_day_without_its_document_is_told(mongo: Mongo) -> None:
    await healthy(mongo)
    await mongo.database["usage_day"].delete_many({})
    assert told((await examined(mongo)).findings) == [("usage_day", f"usage_day/ann:{OLD}", "models cost", -10)]


async def test_a_day_that_waits_to_be_counted_anew_is_not(mongo: Mongo) -> None:
    await healthy(mongo)
    await mongo.database["usage_day"].update_one({"_id": f"ann:{OLD}"}, {"$set": {"m.m.c": 99, "x": days_ago(5)}})
    assert (await examined(mongo)).ok


async def test_what_belongs_to_nobody_is_told(mongo: Mongo) -> None:
    await healthy(mongo)
    database = mongo.database
    await database["events"].insert_one(stored(days_ago(0), 9, a="eve"))
    await database["wallets"].insert_one({"_id": "w", "a": "eve", "spent": Int64(8)})
    await database["payments"].insert_one({"_id": "p", "a": "eve", "amount": Int64(7)})
    await database["keys"].insert_one({"_id": "k", "a": "eve", "h": b"h"})
    report = await examined(mongo)
    assert told(report.findings) == [
        ("event_stray", "accounts/eve", "events", 9),
        ("wallet_stray", "accounts/eve", "wallets", 8),
        ("payment_stray", "accounts/eve", "payments", 7),
        ("key_stray", "accounts/eve", "keys", 1),
    ]


def code(number: int, batch: str = "b", **fields: Any) -> dict[str, Any]:
    return {"_id": bytes([number]) * 32, "b": batch, **fields}


def paid(ref: str, amount: int) -> dict[str, Any]:
    return {"_id": ref, "a": "ann", "amount": Int64(amount), "t": days_ago(0), "by": "t"}


async def test_codes_and_orders_are_paid_in_once(mongo: Mongo) -> None:
    await healthy(mongo)
    database = mongo.database
    await database["batches"].insert_many([{"_id": "b", "amount": Int64(100)}, {"_id": "plan", "amount": None}])
    hexes = [f"{number:02x}" * 32 for number in range(5)]
    await database["codes"].insert_many(
        [code(0), code(1, a="ann"), code(2, a="ann"), code(3, "plan", a="ann"), code(4, a="bob")]
    )
    orders = [("o1", "credited", 50), ("o2", "refunded", 40), ("o3", "pending", 30), ("o4", "credited", 20)]
    orders += [("o5", "refunded", 10), ("o6", "paid", 60), ("o7", "refunded", 70)]
    await database["orders"].insert_many(
        [{"_id": name, "a": "ann", "state": state, "amount": Int64(amount)} for name, state, amount in orders]
    )
    payments = [
        paid(f"code-{hexes[1]}", 100),
        paid(f"code-{hexes[4]}", 100),  # bob's code, ann's payment
        paid(f"code-{'ff' * 32}", 100),  # nobody's code
        paid("order-by-mail", 5),  # an operator's own words
        paid(f"order-{'0f' * 10}", 70),  # no such order
        paid("order-o1", 50),
        paid("order-o2", 40),
        paid("order-o2-refund", -40),
        paid("order-o5", 10),
        paid("order-o6", 60),
    ]
    await database["payments"].insert_many(payments)
    total = sum(each["amount"] for each in payments)
    await change(mongo, ANN, credited=total, balance=total)
    assert sorted(told((await examined(mongo)).findings)) == [
        ("trade", f"codes/{hexes[2]}", "payments", -100),
        ("trade", f"codes/{hexes[4]}", "payments", -100),
        ("trade", "orders/o4", "payments", -20),
        ("trade", "orders/o5", "payments", 10),
        ("trade", "orders/o6", "payments", 60),
        ("trade", f"payments/code-{'ff' * 32}", "payments", 100),
        ("trade", f"payments/order-{'0f' * 10}", "payments", 70),
    ]


async def test_a_negative_balance_is_a_fact_and_nothing_off(mongo: Mongo) -> None:
    await healthy(mongo)
    late = stored(days_ago(0), 900, lease=FORGOTTEN)
    await mongo.database["events"].insert_one(late)
    await change(mongo, ANN, balance=-900, spent=900)
    report = await examined(mongo)
    assert report.ok
    assert told(report.notes) == [("balance_negative", ANN, "balance", -75)]


def test_every_code_has_its_meaning_and_its_test() -> None:
    told_above = {code for _, _, findings in WRONG for code, *_ in findings}
    others = {"event_twice", "lease_left", "usage_day", "usage_total", "trade", "balance_negative", "spent_unknown"}
    assert told_above | others | {f"{each}_stray" for each in ("event", "wallet", "payment", "key")} == set(CODES)


# --- what is not known any more ------------------------------------------------------------------------------------


async def forgetful(mongo: Mongo, *, events: int, days: int) -> None:
    """Ann's old day is removed as far as these settings remove it."""
    await keep(mongo, events=events, days=days)
    await mongo.database["events"].delete_many({"d": OLD})
    if days < 5:
        await mongo.database["usage_day"].delete_many({})
        await mongo.database["usage_runs"].delete_many({})


async def closed_since(mongo: Mongo, first: int) -> None:
    jobs = MongoDayJobs(mongo, "UTC")
    for number in range(first, 0, -1):
        await jobs.done(day_name(number))


async def test_days_stand_in_for_events_that_are_gone(mongo: Mongo) -> None:
    await healthy(mongo)
    await closed_since(mongo, 5)
    await forgetful(mongo, events=2, days=400)
    assert await examined(mongo) == Report(2, (), ())
    await change(mongo, ANN, spent=7, balance=-7)
    assert told((await examined(mongo)).findings) == [("spent", ANN, "spent", 7)]


async def test_what_nobody_can_know_is_a_note(mongo: Mongo) -> None:
    await healthy(mongo)
    await forgetful(mongo, events=2, days=3)
    report = await examined(mongo)
    assert report.ok
    assert told(report.notes) == [("spent_unknown", ANN, "spent", 10)]
    await change(mongo, ANN, spent=-17, balance=17)
    assert told((await examined(mongo)).findings) == [("spent", ANN, "spent", -7)]  # less than is known


# --- a second look -------------------------------------------------------------------------------------------------


async def test_what_is_off_for_a_moment_only_is_not_believed(mongo: Mongo, monkeypatch) -> None:
    await healthy(mongo)
    late = stored(days_ago(0), 7, lease=CLOSED)
    await mongo.database["events"].insert_one(late)

    async def settle(pause: float) -> None:
        assert pause == 1.0
        await change(mongo, ANN, spent=7, balance=-7, **{f"leases__{CLOSED}__s": 7, f"leases__{CLOSED}__g": 7})

    monkeypatch.setattr("tornadogw.doctor.asyncio", Mock(wraps=asyncio, sleep=settle))
    assert await doctor(mongo, pause=1.0).examine() == Report(2, (), ())


class Fleeting:
    """A `DoctorStore` without accounts, with something of nobody's that is gone at the second look."""

    def __init__(self, *looks: list[Stray]) -> None:
        self.looks = list(looks)

    async def accounts(self) -> list[str]:
        return []

    async def trades(self) -> list[Trade]:
        return []

    async def totals(self) -> list[TotalFacts]:
        return []

    async def strays(self) -> list[Stray]:
        return self.looks.pop(0)


async def test_what_is_nobodys_is_looked_at_again_too() -> None:
    """An account may have been made after what belongs to it was read; what is new at the second look is not told."""
    gone, stays, new = (Stray("events", name, 1, 5) for name in ("gone", "stays", "new"))
    report = await Doctor(Fleeting([gone, stays], [stays, new]), None, pause=0.0).examine()
    assert told(report.findings) == [("event_stray", "accounts/stays", "events", 5)]


async def test_a_database_in_use_has_nothing(mongo: Mongo) -> None:
    """Everything moves while the doctor looks, and no figure is ever off for it."""
    await healthy(mongo)
    stop, calls = asyncio.Event(), 0

    async def work(number: int) -> None:
        """A process: takes a lease, stores events, settles, gives back; a part of the events it never settles."""
        nonlocal calls
        account = "ann" if number % 2 else "bob"
        wallet, accounts = f"leases.{START}{100 + number:06x}", mongo.database["accounts"]
        await MongoAccounts(mongo).credit(account, 10_000, ref=f"w{number}", by="t", at=0.0)
        taken = {wallet: lease(10_000, 0)}
        await accounts.update_one({"_id": account}, {"$set": taken, "$inc": {"balance": Int64(-10_000)}})
        settled = 0
        while not stop.is_set():
            costs = [calls % 7, 1]
            events = [stored(days_ago(0), cost, a=account, lease=wallet.partition(".")[2]) for cost in costs]
            await mongo.database["events"].insert_many(events)
            settled += sum(costs)
            raised = [{"$set": {"spent": {"$add": ["$spent", sum(costs)]}, f"{wallet}.s": Int64(settled)}}]
            await accounts.update_one({"_id": account}, raised)
            await MongoAccounts(mongo).credit(account, 1, ref=f"w{number}-{calls}", by="t", at=0.0)
            calls += 1
        await mongo.database["events"].insert_one(
            stored(days_ago(0), 3, a=account, lease=wallet.partition(".")[2], d=TODAY)
        )

    async def look() -> list[Report]:
        try:
            reports = []
            while calls < 40 or len(reports) < 2:
                reports.append(await examined(mongo))
            return reports
        finally:
            stop.set()

    reports, *_ = await asyncio.gather(look(), *(work(number) for number in range(4)))
    assert [report for report in reports if report != Report(2, (), ())] == []
    assert (await examined(mongo)) == Report(2, (), ())
