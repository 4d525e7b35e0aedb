from __future__ import annotations

import asyncio

import pytest

from tests.store.money import charged, document, finished, new_caller, state
from tornadogw.errors import InsufficientBalance, InvalidKey, Unavailable
from tornadogw.ledger import Ledger
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_ledger import MongoLedger
from tornadogw.store.ports import MAX_AMOUNT, Entry
from tornadogw.types import Caller


@pytest.fixture
def ledger(mongo: Mongo, run):
    ledger = Ledger(MongoLedger(mongo), "5747")
    yield ledger
    assert run(ledger.drain(10)) == 0


# --- holding and settling --------------------------------------------------------------------------------------------


async def test_a_call_is_held_and_then_charged(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 1000)
    async with ledger.holding(caller, "r1", [300]) as hold:
        assert hold.amount == 300
        assert await state(mongo, caller) == (700, 300, 0)
        hold.charge(120, finished("r1"))
    assert await state(mongo, caller) == (880, 0, 120)
    event = await mongo.database["events"].find_one({"_id": "r1"})
    assert event is not None
    assert (event["a"], event["c"]) == (caller.account_id, 120)


async def test_the_hold_says_whose_start_it_is(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 1000)
    async with ledger.holding(caller, "r1", [300]) as hold:
        assert (await document(mongo, caller))["holds"] == {hold.id: {"a": 300, "s": "5747"}}


async def test_leaving_without_a_charge_gives_all_back(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 1000)
    async with ledger.holding(caller, "r1", [300]):
        pass
    assert await state(mongo, caller) == (1000, 0, 0)
    assert await charged(mongo, caller) == []


async def test_the_last_charge_counts(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 1000)
    async with ledger.holding(caller, "r1", [300]) as hold:
        assert hold.charge(10, finished("r1"))
        assert hold.charge(20, finished("r1"))
    assert await charged(mongo, caller) == [20]


async def test_what_was_settled_stands(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 1000)
    async with ledger.holding(caller, "r1", [300]) as hold:
        hold.charge(10, finished("r1"))
        await hold.settle()
        assert hold.settled
        assert await state(mongo, caller) == (990, 0, 10)
        assert not hold.charge(99, finished("r1"))
        await hold.settle()
    assert await state(mongo, caller) == (990, 0, 10)
    assert await charged(mongo, caller) == [10]


async def test_a_call_that_costs_nothing_is_stored_and_gives_all_back(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 1000)
    async with ledger.holding(caller, "r1", [300]) as hold:
        hold.charge(0, finished("r1"))
    assert await state(mongo, caller) == (1000, 0, 0)
    assert await charged(mongo, caller) == [0]


async def test_a_call_may_cost_more_than_was_held(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 100)
    async with ledger.holding(caller, "r1", [100]) as hold:
        hold.charge(130, finished("r1"))
    assert await state(mongo, caller) == (-30, 0, 130)


async def test_a_cost_below_zero_is_a_bug(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 100)
    async with ledger.holding(caller, "r1", [100]) as hold:
        with pytest.raises(ValueError, match="-1"):
            hold.charge(-1, finished("r1"))


async def test_the_record_is_the_callers_whatever_it_says(mongo: Mongo, ledger: Ledger) -> None:
    caller, other = await new_caller(mongo, 100), await new_caller(mongo, 100)
    async with ledger.holding(caller, "r1", [100]) as hold:
        hold.charge(7, finished("r1", cost=9, account_id=other.account_id))
    assert await charged(mongo, caller) == [7]
    assert await charged(mongo, other) == []
    assert await state(mongo, other) == (100, 0, 0)


@pytest.mark.parametrize("charge", [True, False])
async def test_an_error_inside_settles_what_was_charged(mongo: Mongo, ledger: Ledger, charge: bool) -> None:
    caller = await new_caller(mongo, 100)
    with pytest.raises(KeyError):
        async with ledger.holding(caller, "r1", [60]) as hold:
            if charge:
                hold.charge(40, finished("r1"))
            raise KeyError
    assert await state(mongo, caller) == ((60, 0, 40) if charge else (100, 0, 0))


async def test_two_calls_with_one_request_id_both_pay(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 100)
    for cost, amounts in ((30, [50]), (20, [50]), (0, [0])):
        async with ledger.holding(caller, "mine", amounts) as hold:
            hold.charge(cost, finished("mine"))
    assert await state(mongo, caller) == (50, 0, 50)
    assert await charged(mongo, caller) == [0, 20, 30]


# --- what the balance covers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balance", "amounts", "held"),
    [
        (100, [40, 100, 70], 100),
        (99, [40, 100, 70], 70),
        (69, [40, 100, 70], 40),
        (40, [40, 40], 40),
        (39, [40, 0, 100], 0),
        (0, [0], 0),
        (0, [], 0),
        (5, [MAX_AMOUNT * 4, 5], 5),
    ],
)
async def test_the_dearest_covered_amount_is_held(mongo, ledger, balance, amounts, held) -> None:
    caller = await new_caller(mongo, balance)
    async with ledger.holding(caller, "r1", amounts) as hold:
        assert hold.amount == held
        assert await state(mongo, caller) == (balance - held, held, 0)


async def test_not_even_the_cheapest(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 39)
    with pytest.raises(InsufficientBalance):
        async with ledger.holding(caller, "r1", [40, 100]):
            pytest.fail("held nothing")
    assert await state(mongo, caller) == (39, 0, 0)


async def test_a_disabled_account_holds_nothing(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 100)
    await MongoAccounts(mongo).set_status(caller.account_id, "disabled", Entry(by="tester", act="test", at=1.0))
    with pytest.raises(InvalidKey):
        async with ledger.holding(caller, "r1", [40]):
            pytest.fail("held nothing")
    assert await state(mongo, caller) == (100, 0, 0)


async def test_a_missing_account_holds_nothing(ledger: Ledger) -> None:
    with pytest.raises(InvalidKey):
        async with ledger.holding(Caller("nobody", "key"), "r1", [40]):
            pytest.fail("held nothing")


async def test_nothing_to_hold_needs_no_account_and_is_stored(mongo: Mongo, ledger: Ledger) -> None:
    caller = Caller("nobody", "key")
    async with ledger.holding(caller, "r1", [0, 0]) as hold:
        hold.charge(0, finished("r1"))
    assert await charged(mongo, caller) == [0]


# --- all at once -----------------------------------------------------------------------------------------------------


async def test_two_hundred_at_once_hold_no_more_than_there_is(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 1000)
    everybody_tried, holding = asyncio.Event(), 0

    async def call(number: int) -> bool:
        nonlocal holding
        try:
            async with ledger.holding(caller, f"r{number}", [100]) as hold:
                holding += 1
                await everybody_tried.wait()
                hold.charge(number % 7, finished(f"r{number}"))
        except InsufficientBalance:
            return False
        return True

    calls = [asyncio.create_task(call(number)) for number in range(200)]
    while sum(each.done() for each in calls) < 190:
        await asyncio.wait([each for each in calls if not each.done()], return_when=asyncio.FIRST_COMPLETED)
    assert holding == 10
    assert await state(mongo, caller) == (0, 1000, 0)
    everybody_tried.set()
    assert sum(await asyncio.gather(*calls)) == 10
    spent = sum(await charged(mongo, caller))
    assert await state(mongo, caller) == (1000 - spent, 0, spent)


async def test_too_many_unfinished_writes_refuse_new_calls(mongo: Mongo) -> None:
    ledger = Ledger(MongoLedger(mongo), "5747", max_pending=0)
    with pytest.raises(Unavailable) as refused:
        async with ledger.holding(await new_caller(mongo), "r1", [0]):
            pytest.fail("refused")
    assert refused.value.retry_after == 1


# --- cancelled -------------------------------------------------------------------------------------------------------


async def test_cancelled_inside_it_settles_what_was_charged(mongo: Mongo, ledger: Ledger) -> None:
    caller, inside = await new_caller(mongo, 100), asyncio.Event()

    async def call() -> None:
        async with ledger.holding(caller, "r1", [60]) as hold:
            hold.charge(40, finished("r1"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await state(mongo, caller) == (60, 0, 40)


async def test_cancelled_while_settling_it_settles(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 100)

    async def call() -> None:
        async with ledger.holding(caller, "r1", [60]) as hold:
            hold.charge(40, finished("r1"))
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)

    task = asyncio.create_task(call())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ledger.drain(10) == 0
    assert await state(mongo, caller) == (60, 0, 40)


async def test_cancelled_while_taking_it_leaves_no_hold(mongo: Mongo, ledger: Ledger) -> None:
    """At whatever moment the client leaves: the driver may have taken the hold by then, or not."""
    caller = await new_caller(mongo, 100)
    entered = 0

    async def call() -> None:
        nonlocal entered
        async with ledger.holding(caller, "r1", [60]):
            entered += 1

    for delay in range(60):
        task = asyncio.create_task(call())
        asyncio.get_running_loop().call_later(delay * 0.0001, task.cancel)
        await asyncio.wait({task})
        assert await ledger.drain(10) == 0
        assert await state(mongo, caller) == (100, 0, 0)
    assert entered < 60
