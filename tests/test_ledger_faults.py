"""The ledger while the database is away, deaf, or slow to say what it did."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from tests.store.conftest import recovered
from tests.store.money import Books, charged, finished, new_caller, offers, state
from tests.store.wire import Either, Wire
from tornadogw.errors import Unavailable
from tornadogw.ledger import Leasing
from tornadogw.reclaim import Reclaimer
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.mongo_leases import MongoLeases

TIMEOUT_MS = 400
LEASING = Leasing(seconds=30.0, margin=2.0, patience=20.0)
HASTY = Leasing(seconds=30.0, margin=2.0, patience=0.6)


@pytest.fixture
def wire(mongod):
    with Wire(mongod.socket) as wire:
        yield wire


@pytest.fixture
def wired(mongo: Mongo, wire: Wire, run):
    """The same database, through the wire."""

    async def connect() -> Mongo:
        wired = wire.connect(mongo.database.name, TIMEOUT_MS)
        await recovered(wired._hasty)  # there is a connection to go deaf
        return wired

    wired = run(connect())
    yield wired
    run(wired.close())


@pytest.fixture
def leasing(wire: Wire):
    """Nobody waits for a database in trouble for long."""
    return Either(wire, LEASING, HASTY)


@pytest.fixture
def books(wired: Mongo, leasing: Leasing, tmp_path, run):
    async def make() -> Books:
        return Books(wired, tmp_path / "journal", leasing=leasing)

    books = run(make())
    yield books
    run(books.ledger.drain(5))


async def test_without_a_lease_it_is_told_quickly_and_recovers(mongo: Mongo, wire: Wire, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    with wire.cut():
        began = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            async with books.ledger.holding(caller, offers(60)):
                pytest.fail("held nothing")
        assert time.monotonic() - began < 8
        assert refused.value.retry_after == 1
    answered = False
    while not answered:  # the driver sees the server again at its next look
        with suppress(Unavailable):
            async with books.ledger.holding(caller, offers(60)) as hold:
                answered = hold.charge(40, finished("r2"))
    await books.ledger.rest()
    assert await state(mongo, caller) == (60, 0, 40)


async def test_with_a_lease_calls_go_on_and_are_charged(mongo: Mongo, wire: Wire, books: Books, claim_log) -> None:
    claim_log("tornadogw.flush", "database is away")
    caller = await new_caller(mongo, 1_000_000)
    await books.spend(caller, 10_000, 1)  # the account is known
    async with books.ledger.holding(caller, offers(10_000)):
        with wire.cut():
            began = time.monotonic()
            for number in range(50):
                async with books.ledger.holding(caller, offers(100)) as hold:
                    hold.charge(2, finished(f"r{number}"))
            assert time.monotonic() - began < 8, "each has waited for the database"
            assert books.ledger.pending == 50
            while not books.ledger._flusher._away:
                await asyncio.sleep(0.01)
            assert await charged(mongo, caller) == [1]
    assert await books.ledger.rest()
    assert await charged(mongo, caller) == [1] + [2] * 50
    assert await state(mongo, caller) == (1_000_000 - 101, 0, 101)


async def test_free_calls_need_no_database_while_they_run(mongo: Mongo, wire: Wire, books: Books, claim_log) -> None:
    claim_log("tornadogw.flush", "database is away")
    caller = await new_caller(mongo)
    with wire.cut():
        async with books.ledger.holding(caller, offers(0)) as hold:
            hold.charge(0, finished("r1"))
        while not books.ledger._flusher._away:
            await asyncio.sleep(0.01)
        assert await charged(mongo, caller) == []
    await books.ledger.rest()
    assert await charged(mongo, caller) == [0]


async def test_stored_unheard_it_is_charged_once(mongo: Mongo, wire: Wire, books: Books, claim_log) -> None:
    claim_log("tornadogw.flush", "database is away")
    caller = await new_caller(mongo, 100)
    async with books.ledger.holding(caller, offers(60)) as hold:
        with wire.deaf():
            hold.charge(40, finished("r1"))
            await hold.settle()
            while not books.ledger._flusher._away:
                await asyncio.sleep(0.01)
            assert await charged(mongo, caller) == [40]
            assert books.ledger.pending == 1
    await books.ledger.rest()
    assert await charged(mongo, caller) == [40]
    assert await state(mongo, caller) == (60, 0, 40)


async def test_taken_unheard_it_is_reclaimed(mongo: Mongo, wire: Wire, books: Books, claim_log) -> None:
    claim_log("tornadogw.reclaim", "given back")
    caller = await new_caller(mongo, 100)
    with wire.deaf():
        with pytest.raises(Unavailable):
            async with books.ledger.holding(caller, offers(60)):
                pytest.fail("nobody heard of a hold")
        assert await state(mongo, caller) == (40, 60, 0)
    while books.ledger._tasks:
        await asyncio.sleep(0.01)
    reclaimer = Reclaimer(books.leases, grace=-1000.0)
    await reclaimer.look()
    await reclaimer.look()
    assert await state(mongo, caller) == (100, 0, 0)


async def test_what_the_drain_gives_up_the_journal_has(
    mongo: Mongo, wire: Wire, wired: Mongo, leasing: Leasing, tmp_path, claim_log
) -> None:
    claim_log("tornadogw.flush", "database is away")
    claim_log("tornadogw.journal.replay", "1 charged calls")
    caller = await new_caller(mongo, 100)
    books = Books(wired, tmp_path / "other", leasing=leasing)
    async with books.ledger.holding(caller, offers(60)) as hold:
        with wire.cut():
            hold.charge(40, finished("r1"))
            await hold.settle()
            while not books.ledger._flusher._away:
                await asyncio.sleep(0.01)
            assert await books.ledger.drain(0.05) == 1
    books.leases, books.events = MongoLeases(mongo), MongoEvents(mongo)
    assert await books.replay() == 1
    assert await state(mongo, caller) == (60, 0, 40)


async def test_without_a_journal_an_answer_does_not_end_unrecorded(
    mongo: Mongo, wire: Wire, wired: Mongo, leasing: Leasing, claim_log
) -> None:
    claim_log("tornadogw.flush", "database is away")
    caller = await new_caller(mongo, 100)
    books = Books(wired, None, leasing=leasing)
    async with books.ledger.holding(caller, offers(60)) as hold:
        with wire.cut():
            hold.charge(40, finished("r1"))
            with pytest.raises(Unavailable):
                await hold.settle()
            await hold.settle()  # said once
            while not books.ledger._flusher._away:
                await asyncio.sleep(0.01)
    await books.ledger.rest()
    assert await state(mongo, caller) == (60, 0, 40)
    assert await books.ledger.drain(5) == 0


async def test_too_many_events_that_wait_refuse_further_calls(
    mongo: Mongo, wire: Wire, wired: Mongo, leasing: Leasing, claim_log
) -> None:
    claim_log("tornadogw.flush", "database is away")
    caller = await new_caller(mongo)
    books = Books(wired, None, leasing=leasing, max_pending=2)
    with wire.cut():
        for _ in range(2):
            with pytest.raises(Unavailable):
                async with books.ledger.holding(caller, offers(0)) as hold:
                    hold.charge(0, finished("r1"))
        with pytest.raises(Unavailable):
            async with books.ledger.holding(caller, offers(0)):
                pytest.fail("nothing more is taken")
    assert await books.ledger.drain(5) == 0
