"""A batch is tried until the database has it, told once, and what comes later waits behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.store.money import finished
from tornadogw import flush as room
from tornadogw.flush import Flusher, Queued
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_money import Entry


class Events:
    """Takes batches as it is told: `answers` are exceptions to raise, first come first; then all is taken."""

    def __init__(self, *answers: Exception) -> None:
        self.answers = list(answers)
        self.batches: list[list[str]] = []
        self.known: set[str] = set()

    async def insert(self, entries: Sequence[Entry]) -> frozenset[str]:
        self.batches.append([entry.id for entry in entries])
        if self.answers:
            raise self.answers.pop(0)
        new = {entry.id for entry in entries} - self.known
        self.known |= new
        return frozenset(new)

    async def charge_orphans(self, entries: Sequence[Entry]) -> frozenset[str]:
        raise AssertionError("a flusher charges nobody")


class Log:
    def __init__(self, events: Events) -> None:
        self.durable: list[str] = []
        self.new: list[str] = []
        self.flusher = Flusher(events, lambda entries: self.new.extend(entry.id for entry in entries))
        self.flusher.start()

    def add(self, name: str) -> None:
        self.flusher.add(Queued(Entry(name, finished(name)), lambda: self.durable.append(name)))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(room, "_PAUSES", (0.001, 0.002))


async def test_events_go_together(monkeypatch) -> None:
    monkeypatch.setattr(room, "EVERY", 0.001)
    events = Events()
    log = Log(events)
    for name in "abc":
        log.add(name)
    assert len(log.flusher) == 3
    while log.durable != ["a", "b", "c"]:
        await asyncio.sleep(0.001)
    assert events.batches == [["a", "b", "c"]]
    assert log.new == ["a", "b", "c"]
    assert await log.flusher.close(1) == 0


async def test_the_same_batch_is_tried_again(claim_log) -> None:
    claim_log("tornadogw.flush", "database is away")
    claim_log("tornadogw.flush", "cannot be stored")
    events = Events(StoreUnavailable(), StoreUnavailable(), ZeroDivisionError())
    log = Log(events)
    log.add("a")
    flushed = asyncio.create_task(log.flusher.flushed())
    while not events.batches:
        await asyncio.sleep(0)
    log.add("b")
    await flushed
    assert events.batches == [["a"]] * 4 + [["b"]]
    assert log.durable == ["a", "b"]
    assert await log.flusher.close(1) == 0


async def test_what_was_there_already_is_durable_and_not_new() -> None:
    events = Events()
    events.known = {"a"}
    log = Log(events)
    log.add("a")
    log.add("b")
    assert await log.flusher.close(1) == 0
    assert (log.durable, log.new) == (["a", "b"], ["b"])


async def test_a_crowd_goes_in_batches(monkeypatch) -> None:
    monkeypatch.setattr(room, "BATCH", 2)
    events = Events()
    log = Log(events)
    for name in "abcde":
        log.add(name)
    await log.flusher.flushed()
    assert events.batches == [["a", "b"], ["c", "d"], ["e"]]
    assert await log.flusher.close(1) == 0


async def test_what_does_not_make_it_is_counted(claim_log) -> None:
    claim_log("tornadogw.flush", "database is away")
    events = Events(*[StoreUnavailable() for _ in range(10_000)])
    log = Log(events)
    log.add("a")
    log.add("b")
    assert await log.flusher.close(0.02) == 2
    assert log.durable == []
    assert await log.flusher.close(0) == 2


async def test_one_that_cannot_be_told_keeps_no_other_from_it(claim_log) -> None:
    claim_log("tornadogw.flush", "call a is stored")
    log = Log(Events())

    def fail() -> None:
        raise OSError

    log.flusher.add(Queued(Entry("a", finished("a")), fail))
    log.add("b")
    assert await log.flusher.close(1) == 0
    assert (log.durable, log.new) == (["b"], ["a", "b"])
