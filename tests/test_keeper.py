"""Leases are renewed in time and given back when nobody needs them; one that fails keeps no other from it."""

from __future__ import annotations

import asyncio

import pytest

from tests.store.money import Books, document, finished, new_caller, offers, state
from tests.store.wire import Wire
from tornadogw import keeper as room
from tornadogw.ledger import Leasing
from tornadogw.store.mongo import Mongo


@pytest.fixture
def books(mongo: Mongo, tmp_path, run, monkeypatch):
    monkeypatch.setattr(room, "TICK", 0.02)

    async def make() -> Books:
        return Books(mongo, tmp_path / "journal", leasing=Leasing(seconds=0.6, margin=0.2, patience=20.0))

    books = run(make())
    yield books
    assert run(books.ledger.drain(10)) == 0


async def until(true) -> None:
    async with asyncio.timeout(10):
        while not await true():
            await asyncio.sleep(0.01)


async def test_a_lease_is_renewed_while_a_call_runs(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    async with books.ledger.holding(caller, offers(60)):
        [lease] = (await document(mongo, caller))["leases"]
        first = (await document(mongo, caller))["leases"][lease]["exp"]

        async def renewed() -> bool:
            now = (await document(mongo, caller))["leases"]
            return now.keys() == {lease} and (now[lease]["exp"] - first).total_seconds() > 0.6

        await until(renewed)
        assert await state(mongo, caller) == (40, 60, 0)


async def test_the_surplus_of_a_poor_account_goes_back_at_once(mongo: Mongo, books: Books) -> None:
    caller = await new_caller(mongo, 100)
    async with books.ledger.holding(caller, offers(20)):
        async with books.ledger.holding(caller, offers(60)) as hold:
            hold.charge(5, finished("r"))

        async def back() -> bool:
            return await state(mongo, caller) == (75, 20, 5)

        await until(back)


async def test_an_idle_lease_is_given_back(mongo: Mongo, books: Books, monkeypatch) -> None:
    monkeypatch.setattr(room, "IDLE", 0.1)
    caller = await new_caller(mongo, 1_000_000)
    async with books.ledger.holding(caller, offers(60)) as hold:
        hold.charge(5, finished("r"))

    async def gone() -> bool:
        return (await document(mongo, caller))["leases"] == {}

    await until(gone)
    assert await state(mongo, caller) == (999_995, 0, 5)
    assert books.ledger._purses == {}


async def test_an_outage_is_waited_out(mongo: Mongo, mongod, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(room, "TICK", 0.02)
    caller = await new_caller(mongo, 100)
    with Wire(mongod.socket) as wire:
        wired = wire.connect(mongo.database.name, 300)
        books = Books(wired, tmp_path, leasing=Leasing(seconds=0.6, margin=0.2, patience=20.0))
        async with books.ledger.holding(caller, offers(60)) as hold:
            with wire.cut():
                await asyncio.sleep(0.8)  # longer than the lease: what is looked at is the clock
            hold.charge(50, finished("r"))
            await until(lambda: _is(mongo, caller, (40, 60, 0)))
        await until(lambda: _is(mongo, caller, (50, 0, 50)))
        assert await books.ledger.drain(10) == 0
        await wired.close()


async def _is(mongo: Mongo, caller, wanted) -> bool:
    return await state(mongo, caller) == wanted


async def test_a_bug_in_one_lease_keeps_no_other_from_it(mongo: Mongo, books: Books, claim_log, monkeypatch) -> None:
    claim_log("tornadogw.keeper", "cannot be kept")
    monkeypatch.setattr(room, "IDLE", 0.1)
    bad, good = await new_caller(mongo, 1_000_000), await new_caller(mongo, 1_000_000)
    for caller in (bad, good):
        async with books.ledger.holding(caller, offers(60)):
            pass
    with monkeypatch.context() as broken:

        async def fail() -> bool:
            raise ZeroDivisionError

        broken.setattr(books.ledger._purses[bad.account_id], "end", fail)

        async def gone() -> bool:
            return (await document(mongo, good))["leases"] == {}

        await until(gone)
