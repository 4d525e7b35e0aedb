"""What a killed process left is brought into the books once, by whoever comes next."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.store.money import Books, charged, document, finished, new_caller, offers, state
from tornadogw import flush
from tornadogw.journal.replay import replay
from tornadogw.journal.slot import take_slot
from tornadogw.store.mongo import Mongo
from tornadogw.store.ports_money import Part


@pytest.fixture(autouse=True)
def seldom(monkeypatch):
    """Nothing is flushed before its process dies, however long the machine stands still."""
    monkeypatch.setattr(flush, "EVERY", 60.0)


async def spent(books: Books, caller, *costs: int) -> None:
    """Calls that are charged, and not flushed."""
    for number, cost in enumerate(costs):
        async with books.ledger.holding(caller, offers(50)) as hold:
            hold.charge(cost, finished(f"r{number}"))


async def test_what_was_charged_is_stored_and_its_lease_is_over(mongo: Mongo, tmp_path, claim_log) -> None:
    claim_log("tornadogw.journal.replay", "brought into the books")
    caller = await new_caller(mongo, 1000)
    books = Books(mongo, tmp_path)
    await spent(books, caller, 10, 20, 30)
    await books.die()
    assert await charged(mongo, caller) == []
    assert await books.replay() == 3
    assert await charged(mongo, caller) == [10, 20, 30]
    assert await state(mongo, caller) == (940, 0, 60)
    [lease] = (await document(mongo, caller))["leases"].values()
    assert "closed" in lease
    assert await books.replay() == 0
    assert list(tmp_path.glob("*/*.segment")) == []


async def test_nothing_goes_back_before_the_events_are_stored(mongo: Mongo, tmp_path, claim_log) -> None:
    """Else others spend in between what is spent already."""
    claim_log("tornadogw.journal.replay", "brought into the books")
    caller = await new_caller(mongo, 1000)
    books = Books(mongo, tmp_path)
    await spent(books, caller, 10, 20)
    await books.die()
    before = await state(mongo, caller)
    seen = []

    class Watched(type(books.events)):
        async def insert(self, entries):
            seen.append(await state(mongo, caller))
            return await super().insert(entries)

    slot = take_slot(tmp_path)
    assert await replay(tmp_path, slot, "d" * 32, books.leases, Watched(mongo)) == 2
    slot.release()
    assert seen == [before]
    assert await state(mongo, caller) == (970, 0, 30)


async def test_what_was_flushed_before_counts_once(mongo: Mongo, tmp_path, claim_log) -> None:
    """Killed after the events were stored and before anybody knew."""
    claim_log("tornadogw.journal.replay", "brought into the books")
    caller = await new_caller(mongo, 1000)
    books = Books(mongo, tmp_path)
    await spent(books, caller, 10, 20)
    await books.events.insert([queued.entry for queued in books.ledger._flusher._queue])
    await spent(books, caller, 30)
    await books.die()
    new, known = [], []
    slot = take_slot(tmp_path)
    assert await replay(tmp_path, slot, "d" * 32, books.leases, books.events, new.extend, known.extend) == 1
    slot.release()
    assert await state(mongo, caller) == (940, 0, 60)
    assert ([each.record.cost for each in new], [each.record.cost for each in known]) == ([30], [10, 20])


async def test_after_a_reclaim_it_is_charged_late(mongo: Mongo, tmp_path, claim_log) -> None:
    claim_log("tornadogw.journal.replay", "brought into the books")
    caller = await new_caller(mongo, 1000)
    books = Books(mongo, tmp_path)
    await spent(books, caller, 10, 20)
    [lease] = (await document(mongo, caller))["leases"]
    await books.die()
    part = Part("prepaid", caller.account_id, lease)
    await books.leases.close(part, 0)
    assert await state(mongo, caller) == (1000, 0, 0)
    assert await books.replay() == 2
    assert await state(mongo, caller) == (970, 0, 30)


async def test_after_the_lease_is_forgotten_it_is_charged_once(mongo: Mongo, tmp_path, claim_log) -> None:
    claim_log("tornadogw.journal.replay", "brought into the books")
    caller = await new_caller(mongo, 1000)
    books = Books(mongo, tmp_path)
    await spent(books, caller, 10, 20)
    await books.die()
    await mongo.database["accounts"].update_one(
        {"_id": caller.account_id}, {"$set": {"leases": {}, "balance": (await document(mongo, caller))["credited"]}}
    )
    saved = {path: path.read_bytes() for path in tmp_path.glob("*/*.segment")}
    assert await books.replay() == 2
    assert await state(mongo, caller) == (970, 0, 30)
    for path, data in saved.items():
        path.write_bytes(data)
    assert await books.replay() == 0
    assert await state(mongo, caller) == (970, 0, 30)


async def test_slots_of_all_processes_are_replayed_but_those_of_the_living(
    mongo: Mongo, tmp_path, claim_log, monkeypatch
) -> None:
    claim_log("tornadogw.journal.replay", "brought into the books")
    caller = await new_caller(mongo, 10_000)
    dead = [Books(mongo, tmp_path, f"574700000000000{n}") for n in range(3)]
    living = Books(mongo, tmp_path, "5747000000000009")
    asked, gate, insert = asyncio.Event(), asyncio.Event(), living.events.insert

    async def slow(entries):
        asked.set()
        await gate.wait()
        return await insert(entries)

    with monkeypatch.context() as usual:
        usual.setattr(living.events, "insert", slow)
        usual.setattr(flush, "EVERY", 0.0)
        await spent(living, caller, 7)
        await asked.wait()
    for each in dead:
        await spent(each, caller, 10)
    for each in dead:
        await each.die()
    counts = await asyncio.gather(*(each.replay() for each in dead))
    assert sum(counts) == 3
    assert await charged(mongo, caller) == [10, 10, 10]
    gate.set()
    assert await living.ledger.drain(20) == 0
    assert await charged(mongo, caller) == [7, 10, 10, 10]
    assert await state(mongo, caller) == (9963, 0, 37)


async def test_another_databases_journal_stays(mongo: Mongo, tmp_path, claim_log) -> None:
    claim_log("tornadogw.journal.replay", "belongs to another database")
    claim_log("tornadogw.journal.replay", "brought into the books")
    caller = await new_caller(mongo, 1000)
    books = Books(mongo, tmp_path)
    await spent(books, caller, 10)
    await books.die()
    slot = take_slot(tmp_path)
    assert await replay(tmp_path, slot, "other" * 6, books.leases, books.events) == 0
    slot.release()
    assert await charged(mongo, caller) == []
    assert await books.replay() == 1


async def test_a_record_of_another_version_stays(mongo: Mongo, tmp_path, claim_log) -> None:
    claim_log("tornadogw.journal.replay", "another version")
    books = Books(mongo, tmp_path)
    assert books.journal is not None
    books.journal.promise()
    books.journal.append(b"\xc1 no such thing")
    await books.die()
    assert await books.replay() == 0
    assert len(list(tmp_path.glob("*/*.segment"))) == 1


async def test_budgets_are_settled_too(mongo: Mongo, tmp_path, claim_log) -> None:
    claim_log("tornadogw.journal.replay", "brought into the books")
    caller = msgspec.structs.replace(await new_caller(mongo, 1000), budget_total=500)
    books = Books(mongo, tmp_path)
    await spent(books, caller, 10, 20)
    await books.die()
    assert await books.replay() == 2
    found = await mongo.database["wallets"].find_one({"_id": "k:key"})
    assert found is not None
    assert (found["balance"], found["spent"]) == (470, 30)
