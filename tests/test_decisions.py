from __future__ import annotations

import asyncio

import pytest

from tests.store.test_mongo_decisions import decision
from tornadogw import decisions
from tornadogw.decisions import Decisions
from tornadogw.store.ports import StoreUnavailable


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("EVERY", "PAUSE"):
        monkeypatch.setattr(decisions, name, 0.01)


class Store:
    def __init__(self, *fates):
        self.fates, self.batches = list(fates), []

    async def insert(self, batch):
        fate = self.fates.pop(0) if self.fates else 0
        if isinstance(fate, Exception):
            raise fate
        self.batches.append([each.id for each in batch])
        return fate


async def test_they_are_written_in_batches_and_before_the_end(monkeypatch):
    monkeypatch.setattr(decisions, "BATCH", 2)
    store = Store()
    writer = Decisions(store, keep=True)
    for name in "abc":
        writer.add(decision(name))
    assert store.batches == [], "nobody waits for the database"
    await writer.rest()
    assert store.batches == [["a", "b"], ["c"]]
    writer.add(decision("d"))
    await writer.close()
    assert store.batches[-1] == ["d"]


async def test_off_is_off():
    writer = Decisions(store := Store(), keep=False)
    writer.add(decision("a"))
    await writer.rest()
    await writer.close()
    assert (writer.keeps, store.batches, len(asyncio.all_tasks())) == (False, [], 1)


async def test_an_outage_is_waited_out_and_what_does_not_fit_is_counted(monkeypatch, claim_log):
    claim_log("tornadogw.decisions", "^1 records")
    monkeypatch.setattr(decisions, "WAITING", 2)
    store = Store(StoreUnavailable(), StoreUnavailable())
    writer = Decisions(store, keep=True)
    for name in "abc":
        writer.add(decision(name))
    await writer.rest()
    assert (store.batches, writer.dropped) == ([["a", "b"]], 1)
    await writer.close()


async def test_one_that_comes_while_a_batch_is_written_is_kept():
    begun, go = asyncio.Event(), asyncio.Event()

    class Slow(Store):
        async def insert(self, batch):
            begun.set()
            await go.wait()
            return await super().insert(batch)

    writer = Decisions(store := Slow(), keep=True)
    writer.add(decision("a"))
    await begun.wait()
    writer.add(decision("b"))
    go.set()
    await writer.rest()
    assert store.batches == [["a"], ["b"]]
    await writer.close()


async def test_an_end_without_the_database(monkeypatch, claim_log):
    claim_log("tornadogw.decisions", "^1 records")
    monkeypatch.setattr(decisions, "CLOSING", 0.1)
    writer = Decisions(Store(*[StoreUnavailable()] * 1000), keep=True)
    writer.add(decision("a"))
    await writer.close()


async def test_a_bug_costs_a_batch_and_no_more(claim_log):
    claim_log("tornadogw.decisions", "cannot be kept")
    claim_log("tornadogw.decisions", "^2 records")
    writer = Decisions(store := Store(RuntimeError(), 1), keep=True)
    for name in "ab":
        writer.add(decision(name))
        await writer.rest()
    await writer.close()
    assert store.batches == [["b"]]
