"""A lease is given back when its owner has been silent for long enough, and not a moment sooner."""

from __future__ import annotations

import asyncio

import pytest

from tests.store.money import Books, document, finished, new_caller, offers, state
from tests.store.wire import Wire
from tornadogw import reclaim as room
from tornadogw.ledger import Leasing
from tornadogw.reclaim import Reclaimer
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_leases import MongoLeases
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_money import Entry, Part


@pytest.fixture
def books(mongo: Mongo, run):
    async def make() -> Books:
        return Books(mongo, None, leasing=Leasing(seconds=60.0, patience=30.0))

    return run(make())


async def abandoned(mongo: Mongo, books: Books):
    """A call that was held by a process that is gone, its lease being over."""
    caller = await new_caller(mongo, 100)
    hold = await books.ledger._hold(caller, offers(60))
    await books.die()
    await run_out(mongo, caller, hold)
    return caller, hold


async def run_out(mongo: Mongo, caller, hold) -> None:
    """The lease's time is over, by the database's clock."""
    just_now, lease = {"$subtract": ["$$NOW", 1]}, hold.parts[0].lease.id
    over = [{"$set": {f"leases.{lease}.exp": just_now, "le": just_now}}]
    await mongo.database["accounts"].update_one({"_id": caller.account_id}, over)


async def test_it_takes_two_looks(mongo: Mongo, books: Books, claim_log) -> None:
    claim_log("tornadogw.reclaim", "1 leases")
    caller, _ = await abandoned(mongo, books)
    reclaimer = Reclaimer(MongoLeases(mongo), grace=0.0)
    assert await reclaimer.look() == 0
    assert await state(mongo, caller) == (40, 60, 0)
    assert await reclaimer.look() == 1
    assert await state(mongo, caller) == (100, 0, 0)
    assert await reclaimer.look() == 0


async def test_within_the_grace_it_is_left_alone(mongo: Mongo, books: Books) -> None:
    caller, _ = await abandoned(mongo, books)
    reclaimer = Reclaimer(MongoLeases(mongo), grace=60.0)
    for _ in range(3):
        assert await reclaimer.look() == 0
    assert await state(mongo, caller) == (40, 60, 0)


async def test_what_was_charged_is_not_given_back(mongo: Mongo, books: Books, claim_log) -> None:
    claim_log("tornadogw.reclaim", "1 leases")
    caller, hold = await abandoned(mongo, books)
    lease = hold.parts[0].lease.id
    part = Part("prepaid", caller.account_id, lease)
    await books.events.insert([Entry(f"{lease}00000001", finished("r", 25, account_id=caller.account_id), (part,))])
    reclaimer = Reclaimer(MongoLeases(mongo), grace=0.0)
    await reclaimer.look()
    await reclaimer.look()
    assert await state(mongo, caller) == (75, 0, 25)


async def test_a_renewal_between_two_looks_wins(mongo: Mongo, books: Books) -> None:
    caller, hold = await abandoned(mongo, books)
    reclaimer = Reclaimer(MongoLeases(mongo), grace=0.0)
    assert await reclaimer.look() == 0
    await hold.parts[0].purse.renew()
    await run_out(mongo, caller, hold)
    assert await reclaimer.look() == 0
    assert await state(mongo, caller) == (40, 60, 0)


async def test_events_of_a_closed_lease_are_charged_and_it_is_forgotten_in_the_end(
    mongo: Mongo, books: Books, claim_log
) -> None:
    claim_log("tornadogw.reclaim", "1 leases")
    caller, hold = await abandoned(mongo, books)
    lease = hold.parts[0].lease.id
    reclaimer = Reclaimer(MongoLeases(mongo), grace=0.0, kept=0.0)
    await reclaimer.look()
    await reclaimer.look()
    part = Part("prepaid", caller.account_id, lease)
    await books.events.insert([Entry(f"{lease}00000001", finished("r", 25, account_id=caller.account_id), (part,))])
    await reclaimer.look_at_late()
    assert await state(mongo, caller) == (75, 0, 25)
    assert lease in (await document(mongo, caller))["leases"]
    await asyncio.sleep(0.01)
    await reclaimer.look_at_late()
    assert (await document(mongo, caller))["leases"] == {}
    assert await state(mongo, caller) == (75, 0, 25)


async def test_after_an_outage_it_looks_twice_again(mongo: Mongo, mongod, books: Books, claim_log, monkeypatch) -> None:
    """The owners could not renew either."""
    monkeypatch.setattr(room, "LATE_EVERY", 1)
    claim_log("tornadogw.reclaim", "1 leases")
    caller, _ = await abandoned(mongo, books)
    with Wire(mongod.socket) as wire:
        wired = wire.connect(mongo.database.name, 300)
        reclaimer = Reclaimer(MongoLeases(wired), grace=0.0, every=0.01)
        await reclaimer.look()
        with wire.cut():
            with pytest.raises(StoreUnavailable):
                await reclaimer.look()
            reclaimer.start()
            while reclaimer._seen:
                await asyncio.sleep(0.01)
            assert await state(mongo, caller) == (40, 60, 0)
        while await state(mongo, caller) != (100, 0, 0):
            await asyncio.sleep(0.01)
        await reclaimer.close()
        await wired.close()
