from __future__ import annotations

import pytest
from pymongo.errors import OperationFailure

from tests.store.events import days_ago, stored
from tests.store.healthy import CLOSED, DAILY, OF_DAY, OLD, OPEN, START, TODAY, TOTAL, healthy, lease
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_retention import keep
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_doctor import AccountFacts, Budgeted, Stray


async def facts(mongo: Mongo) -> AccountFacts:
    found = await MongoDoctor(mongo, "UTC").account("ann")
    assert found is not None
    return found


async def test_all_that_an_account_rests_on_is_read(mongo: Mongo) -> None:
    await healthy(mongo)
    found = await facts(mongo)
    assert [(each.kind, each.document, each.credited, each.balance, each.spent) for each in found.wallets] == [
        ("prepaid", "accounts/ann", 1000, 825, 105),
        ("day", f"wallets/ann:{TODAY}", 500, 450, 20),
        ("total", "wallets/k:key", 900, 880, 20),
        ("daily", f"wallets/k:key:{TODAY}", 90, 60, 15),
    ]
    leases = {
        each.id: (each.granted, each.settled, each.summed, each.closed)
        for wallet in found.wallets
        for each in wallet.leases
    }
    assert leases == {
        OPEN: (100, 30, 35, False),
        CLOSED: (40, 40, 40, True),
        OF_DAY: (50, 20, 20, False),
        TOTAL: (20, 20, 20, True),
        DAILY: (30, 15, 20, False),
    }
    assert (found.paid, sorted(found.counted), sorted(found.stored)) == (1000, [OLD, TODAY], [OLD])
    assert (found.closed, found.unsure, found.twice) == (frozenset({OLD}), frozenset(), ())
    assert found.budgeted == (Budgeted("key", TODAY, 20, 20),)
    assert all(each.owned and each.whole and each.over < 0 for wallet in found.wallets for each in wallet.leases)


async def test_an_account_that_is_not_there_is_none(mongo: Mongo) -> None:
    assert await MongoDoctor(mongo, "UTC").account("nobody") is None
    assert await MongoDoctor(mongo, "UTC").accounts() == []


async def test_holds_of_the_first_version_count(mongo: Mongo) -> None:
    await healthy(mongo)
    await mongo.database["accounts"].update_one(
        {"_id": "ann"}, {"$set": {"holds": {"h1": {"a": 7, "s": "s"}, "h2": {"a": 5, "s": "s"}}}}
    )
    assert (await facts(mongo)).wallets[0].held == 12


async def test_a_lease_is_whole_if_it_began_after_the_last_event_that_was_removed(mongo: Mongo) -> None:
    await healthy(mongo)
    await keep(mongo, events=10, days=400)  # ann is twenty days old
    begun = {OPEN: days_ago(2), CLOSED: days_ago(15)}
    await mongo.database["accounts"].update_one(
        {"_id": "ann"}, {"$set": {f"leases.{name}.t": when for name, when in begun.items()}}
    )
    [wallet, *_] = (await facts(mongo)).wallets
    assert {each.id: each.whole for each in wallet.leases} == {OPEN: True, CLOSED: False}


async def test_strays_are_those_without_an_account(mongo: Mongo) -> None:
    await healthy(mongo)
    assert await MongoDoctor(mongo, "UTC").strays() == []
    await mongo.database["events"].insert_many([stored(days_ago(0), 4, a="eve"), stored(days_ago(0), 5, a="eve")])
    assert await MongoDoctor(mongo, "UTC").strays() == [Stray("events", "eve", 2, 9)]


async def test_a_lease_that_changed_meanwhile_is_left_alone(mongo: Mongo) -> None:
    """Renewed, settled by somebody else, or not over at all."""
    await healthy(mongo)
    doctor = MongoDoctor(mongo, "UTC")
    [wallet, *_] = (await facts(mongo)).wallets
    by_id = {each.id: each for each in wallet.leases}
    assert not await doctor.settle(wallet, by_id[OPEN])
    await mongo.database["accounts"].update_one({"_id": "ann"}, {"$set": {f"leases.{OPEN}": lease(100, 31, over=600)}})
    assert not await doctor.settle(wallet, by_id[OPEN])
    [wallet, *_] = (await facts(mongo)).wallets
    assert await doctor.settle(wallet, next(each for each in wallet.leases if each.id == OPEN))
    ann = await mongo.database["accounts"].find_one({"_id": "ann"})
    assert (ann["leases"][OPEN]["g"], ann["leases"][OPEN]["p"]) == (35, START)


async def test_a_snapshot_that_cannot_be_had_yet_is_asked_for_again(mongo: Mongo, monkeypatch) -> None:
    await healthy(mongo)
    real, tries = MongoDoctor._facts, 0

    async def fails_twice(self, account_id, session):
        nonlocal tries
        tries += 1
        if tries < 3:
            raise OperationFailure("too new", 246)
        return await real(self, account_id, session)

    monkeypatch.setattr(MongoDoctor, "_facts", fails_twice)
    assert (await facts(mongo)).id == "ann"

    async def always(self, account_id, session):
        raise OperationFailure("too new", 246)

    monkeypatch.setattr(MongoDoctor, "_facts", always)
    with pytest.raises(OperationFailure):
        await facts(mongo)


async def test_while_the_database_is_away_there_is_no_telling(away: Mongo) -> None:
    for work in (MongoDoctor(away, "UTC").accounts(), MongoDoctor(away, "UTC").strays()):
        with pytest.raises(StoreUnavailable):
            await work
    with pytest.raises(StoreUnavailable):
        await MongoDoctor(away, "UTC").account("ann")
