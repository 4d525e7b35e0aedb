"""Calls at a time: never more than the limit over all processes, and what is not needed is given back."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.limits.counts import Clock, Counts
from tornadogw.limits import running as room
from tornadogw.limits.peers import Peers
from tornadogw.limits.running import Running

LOOSE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


class Several:
    def __init__(self, number: int) -> None:
        self.clock, self.number = Clock(), number
        self.store = Counts(self.clock)
        self.each, self.peers = [], []
        for _ in range(number):
            peers = Peers(self.store, lambda: self.number, clock=self.clock)
            peers.alone = lambda: self.number == 1  # type: ignore[method-assign]  # instead of asking
            self.peers.append(peers)
            self.each.append(Running(self.store, peers, clock=self.clock, deadline=5))

    async def enter(self, which: int, limit: int, key: str = "k") -> bool:
        found = self.each[which].enter(key, limit)
        return await self.each[which].ask(key, limit) if found is None else found

    async def tend(self) -> None:
        """What the background does now and then."""
        self.clock.now += room.STEP
        for each in self.each:
            await each._tend(self.clock.now)

    async def close(self) -> None:
        for each in self.each:
            await each.close()


@LOOSE
@given(
    st.lists(st.tuples(st.sampled_from(["enter", "enter", "leave", "tend"]), st.integers(0, 3)), max_size=80),
    st.integers(1, 6),
)
def test_never_more_than_the_limit_and_no_false_refusal_at_rest(run, steps, limit):
    async def play():
        several, running = Several(4), [0, 0, 0, 0]
        for what, which in steps:
            if what == "enter":
                running[which] += await several.enter(which, limit)
            elif what == "leave" and running[which]:
                running[which] -= 1
                several.each[which].leave("k")
            elif what == "tend":
                await several.tend()
            assert sum(running) <= limit
            assert [each.count("k") for each in several.each] == running
        await several.tend()
        await several.tend()
        assert await several.enter(0, limit) == (sum(running) < limit)
        await several.close()
        assert sum(several.store.held["c:k"].values()) == 0

    run(play())


async def test_one_process_counts_by_itself():
    several = Several(1)
    assert [await several.enter(0, 2) for _ in range(3)] == [True, True, False]
    several.each[0].leave("k")
    assert await several.enter(0, 2)
    several.each[0].leave("k")
    several.each[0].leave("k")
    assert (several.store.asked, len(several.each[0])) == (0, 0)


async def test_one_call_after_the_other_asks_once():
    several = Several(4)
    for _ in range(50):
        assert await several.enter(0, 5)
        several.each[0].leave("k")
    assert several.store.asked == 1
    await several.tend()
    await several.tend()
    assert several.store.held["c:k"] == {several.peers[0].id: 0}
    await several.close()


async def test_a_flood_asks_nothing():
    several = Several(2)
    assert [await several.enter(0, 3) for _ in range(3)] == [True] * 3
    assert not await several.enter(1, 3)
    asked = several.store.asked
    for _ in range(500):
        assert not await several.enter(1, 3)
    assert several.store.asked == asked
    several.each[0].leave("k")
    await several.tend()
    await several.tend()
    assert await several.enter(1, 3)
    await several.close()


async def test_a_share_is_renewed_while_a_call_runs():
    several = Several(2)
    assert await several.enter(0, 1)
    asked = several.store.asked
    for _ in range(round(room.TTL / room.STEP)):
        await several.tend()
    assert 1 <= several.store.asked - asked <= 4
    assert several.each[0]._held["k"].until > several.clock.now + room.TTL / 4
    await several.close()


async def test_while_the_database_is_away_each_gives_its_part():
    several = Several(4)
    several.store.away = True
    for which in range(4):
        assert [await several.enter(which, 8) for _ in range(4)].count(True) == 2
    assert [await several.enter(0, 2, "other") for _ in range(3)].count(True) == 1
    several.store.away = False
    several.clock.now += 1
    await several.tend()
    assert sorted(several.store.held["c:k"].values()) == [2, 2, 2, 2], "what runs is made known"
    assert not await several.enter(0, 8)
    await several.close()


async def test_what_runs_is_told_when_another_process_comes():
    several = Several(2)
    several.number = 1
    assert [await several.enter(0, 3) for _ in range(3)] == [True] * 3
    several.number = 2
    await several.peers[0].tell[0]()
    assert not await several.enter(1, 3)
    several.number = 1
    several.peers[0].apart[0]()
    assert not await several.enter(0, 3)
    several.each[0].leave("k")
    assert await several.enter(0, 3)
    await several.close()


async def test_who_comes_takes_its_part_until_all_know():
    several = Several(2)
    several.peers[1].settled = False
    assert [await several.enter(1, 4) for _ in range(4)].count(True) == 2
    await several.close()


async def test_a_client_that_leaves_while_it_waits_holds_nothing():
    several = Several(2)
    asking = [asyncio.create_task(several.each[0].ask("k", 1)) for _ in range(2)]
    await asyncio.sleep(0)
    asking[0].cancel()
    assert await asking[1]
    assert several.each[0].count("k") == 1
    asking = [asyncio.create_task(several.each[1].ask("k", 9))]
    while several.each[1].count("k") == 0:
        await asyncio.sleep(0)
    asking[0].cancel()  # it was let in, and did not hear of it
    with pytest.raises(asyncio.CancelledError):
        await asking[0]
    assert several.each[1].count("k") == 0
    await several.close()


async def test_what_was_wrong_is_said_and_everybody_is_answered(claim_log):
    claim_log("tornadogw.limits.running", "cannot be counted in common")
    several = Several(2)
    share = several.store.share

    async def broken(*_):
        raise KeyError("a")

    several.store.share = broken
    assert [await several.enter(0, 4) for _ in range(5)].count(True) == 2
    several.store.share = share
    await several.close()
