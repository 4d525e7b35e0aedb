from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from tests.store.money import document, hold_of_old, new_caller, state
from tests.store.wire import Wire
from tornadogw.starts import Process, Starts, _began, alive, this_process
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_starts import MongoStarts
from tornadogw.store.ports import Released, Start, StoreUnavailable


@pytest.fixture
def store(mongo: Mongo) -> MongoStarts:
    return MongoStarts(mongo)


@pytest.fixture
def ours(store: MongoStarts, run):
    ours = Starts(store, every=0.01)
    run(ours.begin())
    yield ours
    run(ours.end())


async def holding(mongo: Mongo, start: Start):
    """A caller of whose 100 this start holds 60."""
    caller = await new_caller(mongo, 100)
    await hold_of_old(mongo, caller, f"{start.id}1", start.id, 60)
    assert await state(mongo, caller) == (40, 60, 0)
    return caller


def elsewhere(name: str) -> Start:
    return Start(name, "another machine", 1, "1")


def here(name: str, pid: int, began: str) -> Start:
    return Start(name, this_process().host, pid, began)


async def age(mongo: Mongo, start_id: str, seconds: float) -> None:
    """Make the start's last heartbeat so old, by the server's clock."""
    older = [{"$set": {"beat": {"$subtract": ["$$NOW", int(seconds * 1000)]}}}]
    await mongo.database["starts"].update_one({"_id": start_id}, older)


# --- processes -------------------------------------------------------------------------------------------------------


def test_this_process_lives() -> None:
    assert this_process() == this_process()
    assert this_process().pid == os.getpid()
    assert alive(this_process())


def test_a_process_that_has_ended_does_not_live() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        # Its beginning is in the same measure as ours, so only the id tells them apart here.
        assert not alive(Process(this_process().host, child.pid, this_process().began))
        child.communicate(b"\n")
    assert not alive(Process(this_process().host, child.pid, this_process().began))


def test_a_process_that_ended_but_was_not_buried_does_not_live() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = Process(this_process().host, child.pid, _began(child.pid))
        assert alive(process)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(process)


def test_another_process_with_the_same_id_is_not_it() -> None:
    process = this_process()
    assert not alive(Process(process.host, process.pid, process.began + "0"))


# --- heartbeats ------------------------------------------------------------------------------------------------------


async def test_it_registers_and_beats_until_its_end(mongo: Mongo, store: MongoStarts) -> None:
    starts = Starts(store, every=0.01)
    await starts.begin()
    first = await mongo.database["starts"].find_one({"_id": starts.id})
    assert first is not None
    assert (first["pid"], first["host"]) == (os.getpid(), this_process().host)
    later = first
    while later["beat"] == first["beat"]:
        later = await mongo.database["starts"].find_one({"_id": starts.id})
        assert later is not None
    await starts.end()
    assert await mongo.database["starts"].find_one({"_id": starts.id}) is None


async def test_it_goes_on_beating_after_the_database_was_away(mongo: Mongo, mongod, claim_log, caplog) -> None:
    claim_log("tornadogw.starts", "no heartbeat")
    with Wire(mongod.socket) as wire:
        wired = wire.connect(mongo.database.name, 300)
        starts = Starts(MongoStarts(wired), every=0.01)
        await starts.begin()
        with wire.cut():
            while not caplog.messages:
                await asyncio.sleep(0.01)
        await age(mongo, starts.id, 1000)
        while next(each.silent for each in await MongoStarts(mongo).starts()) > 500:
            await asyncio.sleep(0.01)
        await starts.end()
        await wired.close()


async def test_no_start_without_a_database(mongod) -> None:
    with Wire(mongod.socket) as wire:
        wired = Mongo.connect(wire.url, "test_away", 300)
        with wire.cut(), pytest.raises(StoreUnavailable):
            await Starts(MongoStarts(wired)).begin()
        await wired.close()


# --- the dead --------------------------------------------------------------------------------------------------------


async def test_holds_of_a_process_that_is_gone_are_given_back(mongo: Mongo, store: MongoStarts, ours: Starts) -> None:
    gone = here("gone", os.getpid(), "long ago")
    await store.beat(gone)
    first, second = await holding(mongo, gone), await holding(mongo, gone)
    assert await ours.release_dead_starts() == Released(2, 120)
    assert await state(mongo, first) == await state(mongo, second) == (100, 0, 0)
    assert [each.id for each in await store.starts()] == [ours.id]
    assert await ours.release_dead_starts() == Released()


async def test_a_machine_that_fell_silent_is_dead(mongo: Mongo, store: MongoStarts, ours: Starts) -> None:
    await store.beat(elsewhere("silent"))
    caller = await holding(mongo, elsewhere("silent"))
    await age(mongo, "silent", 15)
    assert await ours.release_dead_starts() == Released()
    assert await state(mongo, caller) == (40, 60, 0)
    await age(mongo, "silent", 31)
    assert await ours.release_dead_starts() == Released(1, 60)
    assert await state(mongo, caller) == (100, 0, 0)


async def test_the_living_are_left_alone(mongo: Mongo, store: MongoStarts, ours: Starts) -> None:
    process = this_process()
    beside = here("beside", process.pid, process.began)
    for start in (beside, elsewhere("far"), ours.start):
        await store.beat(start)
        await holding(mongo, start)
    await age(mongo, "beside", 1000)  # it was seen to run: that it could not beat proves nothing
    assert await ours.release_dead_starts() == Released()
    assert {each.id for each in await store.starts()} == {"beside", "far", ours.id}


async def test_nobody_judges_himself(mongo: Mongo, store: MongoStarts) -> None:
    """Another start may have taken ours for dead while we could not beat."""
    unregistered = Starts(store)
    caller = await holding(mongo, unregistered.start)
    assert await unregistered.release_dead_starts() == Released()
    assert await state(mongo, caller) == (40, 60, 0)


async def test_only_the_holds_of_the_dead_are_given_back(mongo: Mongo, store: MongoStarts, ours: Starts) -> None:
    await store.beat(elsewhere("far"))
    caller = await holding(mongo, elsewhere("far"))
    await hold_of_old(mongo, caller, "unknown1", "unknown", 30)
    assert await state(mongo, caller) == (10, 90, 0)
    assert await ours.release_dead_starts() == Released(1, 30)
    assert await state(mongo, caller) == (40, 60, 0)


async def test_the_holds_of_a_killed_process_come_back(mongo: Mongo, mongod, store: MongoStarts, ours: Starts) -> None:
    """A real process of the first version is killed; the next start gives back what it held, and at once."""
    caller = await new_caller(mongo, 100)
    code = f"""
import asyncio
from tornadogw.starts import Starts
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_starts import MongoStarts

async def main():
    starts = Starts(MongoStarts(Mongo.connect({mongod.url!r}, {mongo.database.name!r}, 10_000)))
    await starts.begin()
    print(starts.id, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    try:
        assert child.stdout is not None
        start_id = (await child.stdout.readline()).decode().strip()
        await hold_of_old(mongo, caller, "h1", start_id, 60)
        assert await ours.release_dead_starts() == Released()
        assert await state(mongo, caller) == (40, 60, 0)
    finally:
        child.kill()
        await child.wait()
    assert await ours.release_dead_starts() == Released(1, 60)
    assert await state(mongo, caller) == (100, 0, 0)
    assert "holds" not in await document(mongo, caller)


async def test_processes_are_counted_by_their_heartbeats(mongo: Mongo, store: MongoStarts) -> None:
    starts = Starts(store, every=0.01)
    await store.beat(elsewhere("far"))
    await starts.begin()
    assert starts.processes == 2
    await age(mongo, "far", 31)
    while starts.processes != 1:
        await asyncio.sleep(0.01)
    await starts.end()


# --- the undecided ---------------------------------------------------------------------------------------------------


async def until(mongo: Mongo, caller, wanted) -> None:
    async with asyncio.timeout(20):
        while await state(mongo, caller) != wanted:
            await asyncio.sleep(0.01)


def held_back(starts: Starts) -> asyncio.Event:
    """What its second judgement waits for."""
    judge, go_on, first = starts._judge, asyncio.Event(), True

    async def judged() -> tuple[Released, bool]:
        nonlocal first
        if not first:
            await go_on.wait()
        first = False
        return await judge()

    starts._judge = judged  # type: ignore[method-assign]  # the judge is the same, only later
    return go_on


async def test_a_machine_that_has_just_died_is_judged_again(mongo: Mongo, store: MongoStarts) -> None:
    """A container that was killed and came back at once, under another name."""
    await store.beat(elsewhere("just died"))
    caller = await holding(mongo, elsewhere("just died"))
    starts = Starts(store, every=0.05, silence=1000.0)
    await starts.begin()
    go_on = held_back(starts)
    assert await starts.release_dead_starts() == Released()
    starts._silence = 0.5  # so long from now on, and no sooner
    assert await state(mongo, caller) == (40, 60, 0)
    go_on.set()
    await until(mongo, caller, (100, 0, 0))
    while starts._judging:
        await asyncio.sleep(0.01)
    assert [each.id for each in await store.starts()] == [starts.id]
    await starts.end()


async def test_a_machine_that_beats_again_is_left_alone(mongo: Mongo, store: MongoStarts) -> None:
    far = Starts(store, Process("another machine", 1, "1"), every=0.02)
    await far.begin()
    caller = await holding(mongo, far.start)
    starts = Starts(store, silence=1000.0)
    await starts.begin()
    go_on = held_back(starts)
    assert await starts.release_dead_starts() == Released()
    assert starts._judging
    starts._silence = 0.1
    await age(mongo, far.id, 2000)
    while next(each.silent for each in await store.starts() if each.id == far.id) > 500:
        await asyncio.sleep(0.01)
    starts._silence = 1000.0
    go_on.set()
    while starts._judging:
        await asyncio.sleep(0.01)
    assert await state(mongo, caller) == (40, 60, 0)
    await starts.end()
    await far.end()


async def test_the_end_comes_before_the_second_judgement(mongo: Mongo, store: MongoStarts) -> None:
    await store.beat(elsewhere("far"))
    starts = Starts(store)
    await starts.begin()
    await starts.release_dead_starts()
    await starts.release_dead_starts()
    assert len(starts._tasks) == 2
    await starts.end()
    assert not starts._tasks


async def test_an_outage_does_not_end_the_judge(mongo: Mongo, mongod, store: MongoStarts, claim_log, caplog) -> None:
    claim_log("tornadogw.starts", "dead starts cannot be told")
    await store.beat(elsewhere("just died"))
    caller = await holding(mongo, elsewhere("just died"))
    with Wire(mongod.socket) as wire:
        wired = wire.connect(mongo.database.name, 300)
        starts = Starts(MongoStarts(wired), every=1000, silence=1000.0)
        await starts.begin()
        assert await starts.release_dead_starts() == Released()
        starts._silence = 0.3
        with wire.cut():
            while not caplog.messages:
                await asyncio.sleep(0.01)
        await until(mongo, caller, (100, 0, 0))
        await starts.end()
        await wired.close()
