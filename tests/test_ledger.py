"""Holding and settling, as the exchange sees it: over a real database, with a journal."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.store.money import Books, charged, check_wallet, finished, new_caller, offers, state
from tornadogw.errors import DailyLimit, InsufficientBalance, InvalidKey, ModelMismatch, Unavailable
from tornadogw.ledger import Offer
from tornadogw.store.mongo import Mongo
from tornadogw.store.ports import MAX_AMOUNT
from tornadogw.types import Caller, Terms

NOW = 1_800_000_000.0


@pytest.fixture
def books(mongo: Mongo, tmp_path, run):
    async def make() -> Books:
        return Books(mongo, tmp_path / "journal", now=lambda: NOW)

    books = run(make())
    yield books
    assert run(books.ledger.drain(10)) == 0


async def rested(books: Books, caller: Caller) -> tuple[int, int, int]:
    """(balance, held, spent) with nothing on lease that no call needs."""
    await books.ledger.rest()
    return await state(books.mongo, caller)


# --- holding and settling --------------------------------------------------------------------------------------------


async def test_a_call_is_held_and_then_charged(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 1000)
    async with books.ledger.holding(caller, offers(300)) as hold:
        assert hold.amount == 300
        assert await rested(books, caller) == (700, 300, 0)
        hold.charge(120, finished("r1"))
    assert await rested(books, caller) == (880, 0, 120)
    [event] = await mongo.database["events"].find().to_list(None)
    assert (event["a"], event["c"], event["r"], event["w"], event["d"]) == (
        caller.account_id,
        120,
        "r1",
        "prepaid",
        "20270115",
    )
    assert event["_id"].startswith(books.start)


async def test_leaving_without_a_charge_gives_all_back(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 1000)
    async with books.ledger.holding(caller, offers(300)):
        pass
    assert await rested(books, caller) == (1000, 0, 0)
    assert await charged(mongo, caller) == []


async def test_the_last_charge_counts_and_what_was_settled_stands(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 1000)
    async with books.ledger.holding(caller, offers(300)) as hold:
        assert hold.charge(10, finished("r1"))
        assert hold.charge(20, finished("r1"))
        await hold.settle()
        assert hold.settled
        assert not hold.charge(99, finished("r1"))
        await hold.settle()
    assert await rested(books, caller) == (980, 0, 20)
    assert await charged(mongo, caller) == [20]


async def test_a_call_may_cost_nothing_or_more_than_was_held(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    await books.spend(caller, 100, 0)
    assert await state(mongo, caller) == (100, 0, 0)
    await books.spend(caller, 100, 130)
    assert await state(mongo, caller) == (-30, 0, 130)
    assert await charged(mongo, caller) == [0, 130]


async def test_a_cost_below_zero_is_a_bug(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    async with books.ledger.holding(caller, offers(100)) as hold:
        with pytest.raises(ValueError, match="-1"):
            hold.charge(-1, finished("r1"))
    async with books.ledger.holding(caller, offers(0)) as hold:
        with pytest.raises(ValueError, match="nothing was held"):
            hold.charge(1, finished("r1"))


async def test_the_record_is_the_callers_whatever_it_says(mongo: Mongo, books: Books) -> None:
    caller, other = await new_caller(mongo, 100), await new_caller(mongo, 100)
    async with books.ledger.holding(caller, offers(100)) as hold:
        hold.charge(7, finished("r1", cost=9, account_id=other.account_id))
    assert await rested(books, caller) == (93, 0, 7)
    assert await charged(mongo, other) == []


@pytest.mark.parametrize("charge", [True, False])
async def test_an_error_inside_settles_what_was_charged(mongo: Mongo, books: Books, charge: bool) -> None:
    caller = await new_caller(mongo, 100)
    with pytest.raises(KeyError):
        async with books.ledger.holding(caller, offers(60)) as hold:
            if charge:
                hold.charge(40, finished("r1"))
            raise KeyError
    assert await rested(books, caller) == ((60, 0, 40) if charge else (100, 0, 0))


async def test_calls_with_one_request_id_all_pay(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    for cost, bound in ((30, 50), (20, 50), (0, 0)):
        await books.spend(caller, bound, cost, "mine")
    assert await charged(mongo, caller) == [0, 20, 30]
    assert await state(mongo, caller) == (50, 0, 50)


async def test_a_settled_call_stands_in_the_journal_before_anybody_waits(
    mongo: Mongo, books: Books, monkeypatch
) -> None:
    caller, gate, insert = await new_caller(mongo, 100), asyncio.Event(), books.events.insert

    async def slow(entries):
        await gate.wait()
        return await insert(entries)

    monkeypatch.setattr(books.events, "insert", slow)
    async with books.ledger.holding(caller, offers(60)) as hold:
        hold.charge(40, finished("r1"))
        await hold.settle()
        assert books.journal is not None
        assert books.journal.unacknowledged == 1
        assert await charged(mongo, caller) == []
    gate.set()
    await books.ledger.rest()
    assert books.journal.unacknowledged == 0


async def test_without_a_journal_settling_waits_for_the_database(mongo: Mongo) -> None:
    caller = await new_caller(mongo, 100)
    books = Books(mongo, None)
    async with books.ledger.holding(caller, offers(60)) as hold:
        hold.charge(40, finished("r1"))
        await hold.settle()
        assert await charged(mongo, caller) == [40]
    assert await books.ledger.drain(5) == 0


async def test_no_room_in_the_journal_refuses_before_serving(mongo: Mongo, books: Books, monkeypatch) -> None:
    caller = await new_caller(mongo, 100)
    assert books.journal is not None
    monkeypatch.setattr(books.journal, "_grow", lambda: False)
    with pytest.raises(Unavailable):
        async with books.ledger.holding(caller, offers(60)):
            pytest.fail("unrecorded")


async def test_a_journal_that_fails_waits_for_the_database(mongo: Mongo, books: Books, monkeypatch, claim_log) -> None:
    claim_log("tornadogw.ledger", "journal cannot be written")
    caller = await new_caller(mongo, 100)
    async with books.ledger.holding(caller, offers(60)) as hold:
        hold.charge(40, finished("r1"))
        monkeypatch.setattr("tornadogw.journal.segment.os.pwrite", lambda *_: 0)
        await hold.settle()
        assert await charged(mongo, caller) == [40]


# --- what is covered -------------------------------------------------------------------------------------------------


async def test_the_dearest_offer_that_is_covered_is_held(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    async with books.ledger.holding(caller, offers(101, 60, 60, 10, 0)) as hold:
        assert hold.amount == 60
        covered = [bound for bound in (101, 60, 10, 0) if hold.covers(Offer("m", bound))]
        assert covered == [60, 10, 0]
        assert not hold.covers(Offer("other", 1))


async def test_a_free_offer_needs_no_money(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 0)
    async with books.ledger.holding(caller, offers(60, 0)) as hold:
        assert (hold.amount, hold.covers(Offer("m", 60)), hold.covers(Offer("m", 0))) == (0, False, True)
        hold.charge(0, finished("r"))
    with pytest.raises(InsufficientBalance):
        async with books.ledger.holding(caller, offers(60)):
            pytest.fail("nothing is there")
    await books.ledger.rest()
    [event] = await mongo.database["events"].find().to_list(None)
    assert "w" not in event


async def test_nobody_active_is_refused_as_a_bad_key(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    await mongo.database["accounts"].update_one({"_id": caller.account_id}, {"$set": {"status": "disabled"}})
    for who in (caller, Caller("nobody", "key")):
        with pytest.raises(InvalidKey):
            async with books.ledger.holding(who, offers(60)):
                pytest.fail("not active")


async def test_amounts_beyond_the_database_are_refused(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    with pytest.raises(InsufficientBalance):
        async with books.ledger.holding(caller, offers(MAX_AMOUNT * 4)):
            pytest.fail("nobody has that")


async def test_never_more_is_held_than_there_is(mongo: Mongo, books: Books) -> None:
    caller, running, refused = await new_caller(mongo, 1000), asyncio.Event(), 0

    async def call() -> int:
        try:
            async with books.ledger.holding(caller, offers(100)) as hold:
                hold.charge(100, finished("r"))
                await running.wait()
        except InsufficientBalance:
            return 0
        return 1

    tasks = [asyncio.create_task(call()) for _ in range(50)]
    while refused < 40:
        await asyncio.sleep(0.01)
        refused = sum(task.done() for task in tasks)
    running.set()
    assert sum(await asyncio.gather(*tasks)) == 10
    assert await rested(books, caller) == (0, 0, 1000)


async def test_a_payment_is_seen_when_it_is_told(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 10)
    with pytest.raises(InsufficientBalance):
        async with books.ledger.holding(caller, offers(60)):
            pytest.fail("too little")
    paid = {"$inc": {"credited": 100, "balance": 100}}
    await mongo.database["accounts"].update_one({"_id": caller.account_id}, paid)
    books.ledger.hope(caller.account_id)
    await books.spend(caller, 60, 5)


async def test_a_cancelled_wait_loses_nothing(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 1000)
    for ticks in range(12):

        async def call() -> None:
            async with books.ledger.holding(caller, offers(100)):
                await asyncio.sleep(0)

        task = asyncio.create_task(call())
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        while books.ledger._tasks:
            await asyncio.sleep(0.001)
        assert await rested(books, caller) == (1000, 0, 0)


# --- plans and budgets -----------------------------------------------------------------------------------------------


async def wallet(mongo: Mongo, wallet_id: str) -> tuple[int, int, int]:
    """(credited, balance, spent), nothing being on lease."""
    found = await mongo.database["wallets"].find_one({"_id": wallet_id})
    assert found is not None
    check_wallet(found)
    return found["credited"], found["balance"], found["spent"]


def on_plan(caller: Caller, **terms: object) -> Caller:
    given: dict[str, object] = {"plan": "pro", "daily": 100, "since": 0.0, "until": NOW * 2}
    return msgspec.structs.replace(caller, terms=(Terms(**given | terms),))  # type: ignore[arg-type]  # each test names what it changes


async def test_the_day_pays_first_and_prepaid_what_it_does_not_cover(mongo: Mongo, books: Books) -> None:
    caller = on_plan(await new_caller(mongo, 1000))
    day = f"{caller.account_id}:20270115"
    for bound, cost in ((60, 60), (60, 50), (40, 40)):
        await books.spend(caller, bound, cost)
    assert await wallet(mongo, day) == (100, 0, 100)
    assert await state(mongo, caller) == (950, 0, 50)
    found = await mongo.database["events"].find().sort("_id").to_list(None)
    assert sorted((each["w"], each["c"]) for each in found) == [("day", 40), ("day", 60), ("prepaid", 50)]


async def test_a_plan_used_up_is_2003_and_without_a_plan_2002(mongo: Mongo, books: Books) -> None:
    poor = await new_caller(mongo, 10)
    for caller, error in (
        (on_plan(poor), DailyLimit),
        (on_plan(poor, prepaid_after=False), DailyLimit),
        (poor, InsufficientBalance),
    ):
        with pytest.raises(error):
            async with books.ledger.holding(caller, offers(101)):
                pytest.fail("not covered")
    outside = on_plan(poor, models=frozenset({"other"}))
    with pytest.raises(InsufficientBalance):
        async with books.ledger.holding(outside, offers(11)):
            pytest.fail("prepaid does not cover it")
    with pytest.raises(ModelMismatch):
        async with books.ledger.holding(on_plan(poor, models=frozenset({"x"}), prepaid_outside=False), offers(1)):
            pytest.fail("the plan forbids it")


async def test_a_plan_that_changes_changes_the_day(mongo: Mongo, books: Books) -> None:
    caller = on_plan(await new_caller(mongo))
    await books.spend(caller, 100, 100)
    with pytest.raises(DailyLimit):
        async with books.ledger.holding(caller, offers(1)):
            pytest.fail("used up")
    await books.spend(on_plan(caller, daily=150), 50, 50)
    assert await wallet(mongo, f"{caller.account_id}:20270115") == (150, 0, 150)


async def test_a_call_belongs_to_the_day_on_which_it_was_held(mongo: Mongo, tmp_path) -> None:
    clock = [NOW]
    books = Books(mongo, tmp_path, now=lambda: clock[0])
    caller = msgspec.structs.replace(on_plan(await new_caller(mongo)), time_zone="Pacific/Kiritimati")
    async with books.ledger.holding(caller, offers(60)) as hold:
        clock[0] += 86_400
        hold.charge(60, finished("r"))
    await books.spend(caller, 100, 100)
    assert await wallet(mongo, f"{caller.account_id}:20270115") == (100, 40, 60)
    assert await wallet(mongo, f"{caller.account_id}:20270116") == (100, 0, 100)
    assert {each["d"] async for each in mongo.database["events"].find()} == {"20270115", "20270116"}
    assert await books.ledger.drain(5) == 0


async def test_budgets_count_beside_the_money(mongo: Mongo, books: Books) -> None:
    plain = await new_caller(mongo, 1000)
    caller = msgspec.structs.replace(plain, budget_daily=100, budget_total=150)
    await books.spend(caller, 80, 70)
    assert await wallet(mongo, "k:key:20270115") == (100, 30, 70)
    assert await wallet(mongo, "k:key") == (150, 80, 70)
    assert await state(mongo, caller) == (930, 0, 70)
    with pytest.raises(DailyLimit, match="daily budget"):
        async with books.ledger.holding(caller, offers(31)):
            pytest.fail("over the day's budget")
    tomorrow = msgspec.structs.replace(caller, budget_daily=1000)
    with pytest.raises(InsufficientBalance, match="budget of this key"):
        async with books.ledger.holding(tomorrow, offers(81)):
            pytest.fail("over the budget")
    async with books.ledger.holding(caller, offers(500, 25)) as hold:
        assert hold.amount == 25
    assert await rested(books, caller) == (930, 0, 70)
    assert await wallet(mongo, "k:key") == (150, 80, 70)


async def test_what_money_does_not_cover_no_budget_keeps(mongo: Mongo, books: Books) -> None:
    caller = msgspec.structs.replace(await new_caller(mongo, 10), budget_total=1000)
    with pytest.raises(InsufficientBalance):
        async with books.ledger.holding(caller, offers(60)):
            pytest.fail("no money")
    await books.ledger.rest()
    assert await wallet(mongo, "k:key") == (1000, 1000, 0)
