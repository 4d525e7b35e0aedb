"""The ledger while the database is away, deaf, or slow to say what it did."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.store.money import charged, document, finished, new_caller, state
from tests.store.wire import Wire
from tornadogw import ledger as room
from tornadogw.errors import Unavailable
from tornadogw.ledger import Ledger
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_ledger import MongoLedger, MongoStarts
from tornadogw.store.mongo_usage import MongoUsage
from tornadogw.types import Attempt, Caller, Usage

TIMEOUT_MS = 400


@pytest.fixture
def wire(mongod):
    with Wire(mongod.socket) as wire:
        yield wire


@pytest.fixture
def wired(mongo: Mongo, wire: Wire, run):
    """The same database, through the wire."""

    async def connect() -> Mongo:
        wired = Mongo.connect(wire.url, mongo.database.name, TIMEOUT_MS)
        await wired.ping()  # there is a connection to go deaf
        return wired

    wired = run(connect())
    yield wired
    run(wired.close())


@pytest.fixture
def ledger(wired: Mongo, run):
    ledger = Ledger(MongoLedger(wired), "5747", patience=0.6)
    yield ledger
    run(ledger.drain(0))


async def test_away_before_the_hold_is_told_quickly_and_recovers(
    mongo: Mongo, wire: Wire, ledger: Ledger, claim_log
) -> None:
    caller = await new_caller(mongo, 100)
    claim_log("tornadogw.ledger", "away")
    with wire.cut():
        began = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            async with ledger.holding(caller, "r1", [60]):
                pytest.fail("held nothing")
        assert time.monotonic() - began < 2
        assert refused.value.retry_after == 1
    assert await ledger.drain(15) == 0
    async with ledger.holding(caller, "r2", [60]) as hold:
        hold.charge(40, finished("r2"))
    assert await state(mongo, caller) == (60, 0, 40)


async def test_away_while_the_call_runs_it_is_charged_later(
    mongo: Mongo, wire: Wire, ledger: Ledger, claim_log
) -> None:
    caller = await new_caller(mongo, 100)
    claim_log("tornadogw.ledger", "away")
    async with ledger.holding(caller, "r1", [60]) as hold:
        with wire.cut():
            hold.charge(40, finished("r1"))
            began = time.monotonic()
            await hold.settle()
            assert time.monotonic() - began < 2
            assert ledger.pending == 1
            assert await state(mongo, caller) == (40, 60, 0)
    assert await ledger.drain(15) == 0
    assert await state(mongo, caller) == (60, 0, 40)
    assert await charged(mongo, caller) == [40]


async def test_free_calls_need_no_database_while_they_run(mongo: Mongo, wire: Wire, ledger: Ledger, claim_log) -> None:
    caller = await new_caller(mongo)
    claim_log("tornadogw.ledger", "away")
    with wire.cut():
        async with ledger.holding(caller, "r1", [0]) as hold:
            hold.charge(0, finished("r1"))
        assert await charged(mongo, caller) == []
    assert await ledger.drain(15) == 0
    assert await charged(mongo, caller) == [0]


@pytest.mark.parametrize("amounts", [[60], [0]])
async def test_settled_unheard_it_is_charged_once(
    mongo: Mongo, wire: Wire, ledger: Ledger, claim_log, amounts: list[int]
) -> None:
    caller = await new_caller(mongo, 100)
    claim_log("tornadogw.ledger", "away")
    cost = 40 if any(amounts) else 0
    async with ledger.holding(caller, "r1", amounts) as hold:
        with wire.deaf():
            hold.charge(cost, finished("r1"))
            await hold.settle()
            assert ledger.pending == 1
    assert await ledger.drain(15) == 0
    assert await state(mongo, caller) == (100 - cost, 0, cost)
    assert await charged(mongo, caller) == [cost]


async def test_taken_unheard_the_hold_is_given_back(mongo: Mongo, wire: Wire, ledger: Ledger, claim_log) -> None:
    caller = await new_caller(mongo, 100)
    claim_log("tornadogw.ledger", "away")
    with wire.deaf():
        with pytest.raises(Unavailable):
            async with ledger.holding(caller, "r1", [60]):
                pytest.fail("nobody heard of a hold")
        assert await state(mongo, caller) == (40, 60, 0)
    assert await ledger.drain(15) == 0
    assert await state(mongo, caller) == (100, 0, 0)


async def test_a_mark_goes_when_its_time_is_over(
    mongo: Mongo, wire: Wire, ledger: Ledger, claim_log, monkeypatch
) -> None:
    monkeypatch.setattr(room, "_MARK_SECONDS", 0.0)
    caller = await new_caller(mongo, 100)
    claim_log("tornadogw.ledger", "away")
    with wire.cut(), pytest.raises(Unavailable):
        async with ledger.holding(caller, "r1", [60]):
            pytest.fail("held nothing")
    while not (await document(mongo, caller))["holds"]:
        assert ledger.pending
    while (await document(mongo, caller))["holds"]:
        await asyncio.sleep(0.01)
    assert await state(mongo, caller) == (100, 0, 0)


async def test_what_the_drain_gives_up_the_next_start_gives_back(
    mongo: Mongo, wire: Wire, ledger: Ledger, claim_log
) -> None:
    caller = await new_caller(mongo, 100)
    claim_log("tornadogw.ledger", "away")
    async with ledger.holding(caller, "r1", [60]) as hold:
        with wire.cut():
            hold.charge(40, finished("r1"))
            await hold.settle()
            assert await ledger.drain(0.05) == 1
            assert ledger.pending == 0
    released = await MongoStarts(mongo).release_starts(["5747"])
    assert (released.count, released.amount) == (1, 60)
    assert await state(mongo, caller) == (100, 0, 0)


async def test_a_hold_that_was_given_back_meanwhile_is_charged_late(mongo: Mongo, ledger: Ledger) -> None:
    caller = await new_caller(mongo, 100)
    async with ledger.holding(caller, "r1", [60]) as hold:
        await MongoStarts(mongo).release_starts(["5747"])
        assert await state(mongo, caller) == (100, 0, 0)
        hold.charge(40, finished("r1"))
    assert await state(mongo, caller) == (60, 0, 40)
    assert await charged(mongo, caller) == [40]


async def test_a_bug_in_a_write_is_told_and_ends(mongo: Mongo, ledger: Ledger, claim_log) -> None:
    claim_log("tornadogw.store.mongo_ledger", "cannot be stored whole")
    claim_log("tornadogw.ledger", "write of money failed")
    caller = Caller("nobody", "key")
    async with ledger.holding(caller, "r1", [0]) as hold:
        hold.charge(0, finished("r1", key_id=object()))
    assert ledger.pending == 0


@pytest.mark.parametrize(
    "bad",
    [
        {"asked": "\ud800"},
        {"model": object()},
        {"usage": Usage(2**64, 2)},
        {"attempts": (Attempt("u", "m", "x" * 2**25),)},
    ],
    ids=["text", "type", "number", "size"],
)
@pytest.mark.parametrize("cost", [40, 0])
async def test_what_cannot_be_stored_whole_is_charged_all_the_same(
    mongo: Mongo, ledger: Ledger, claim_log, bad: dict[str, object], cost: int
) -> None:
    claim_log("tornadogw.store.mongo_ledger", "record of call r1 cannot be stored whole")
    caller = await new_caller(mongo, 100)
    async with ledger.holding(caller, "r1", [60 if cost else 0]) as hold:
        hold.charge(cost, finished("r1", **bad))
    assert await ledger.drain(5) == 0
    assert await state(mongo, caller) == (100 - cost, 0, cost)
    kept = await MongoUsage(mongo).record(caller.account_id, "r1")
    assert kept is not None
    assert (kept.key_id, kept.cost, kept.usage.completion, kept.asked) == ("key", cost, 2, "")
