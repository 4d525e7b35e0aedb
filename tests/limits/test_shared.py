"""One limit for several processes, on a clock to be set; tests/limits/test_processes.py does it in real time."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.limits.counts import Clock, Counts
from tornadogw.limits import shared as room
from tornadogw.limits.peers import Peers
from tornadogw.limits.portions import grace
from tornadogw.limits.shared import Shared
from tornadogw.limits.sums import Sums
from tornadogw.limits.windows import Windows
from tornadogw.store.ports_limits import SLOTS, Took

LOOSE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
LATE = 60 * (1 + 3 / SLOTS + 1 / room._RAREST)
"""Seconds after which nothing can be in the way any more."""


class Several:
    """Processes that know each other, as objects on one clock and one store."""

    def __init__(self, number: int, *, need: int = 1, store=None, settled: bool = True) -> None:
        self.clock = Clock()
        self.store = store or Counts(self.clock)
        self.number, self.need, self.settled = number, need, settled
        self.peers, self.each = [], []
        for _ in range(number):
            self.join()

    def join(self) -> Shared:
        peers = Peers(self.store, lambda: self.number, clock=self.clock)
        peers.alone = lambda: self.number == 1  # type: ignore[method-assign]  # instead of asking
        peers.settled = self.settled
        own = Windows(self.clock) if self.need else Sums(self.clock)
        each = Shared(own, self.store, peers, need=self.need, clock=self.clock, deadline=5)
        self.peers.append(peers)
        self.each.append(each)
        return each

    async def take(self, which: int, limit: int, subject: str = "k", *, blind: bool = True):
        each = self.each[which]
        return each.take(subject, limit, blind=blind and self.need > 0) or await each.ask(subject, limit)


STEPS = st.lists(
    st.tuples(st.one_of(st.just(0.0), st.floats(0, 2), st.floats(0, 70)), st.integers(0, 3), st.integers(1, 60)),
    min_size=1,
    max_size=25,
)


@LOOSE
@given(STEPS, st.integers(1, 4), st.sampled_from([1, 3, 25, 50, 100, 130]), st.booleans())
def test_the_bound_holds_however_requests_come(run, steps, number, limit, blind):
    async def play():
        several, passed = Several(max(2, number)), []
        for wait, which, burst in steps:
            several.clock.now += wait
            for _ in range(burst):
                verdict = await several.take(which % several.number, limit, blind=blind)
                now = several.clock.now
                if verdict.allowed:
                    passed.append(now)
                    assert 0 <= verdict.remaining < limit
                else:
                    assert sum(at > now - LATE for at in passed) >= limit, "refused without need"
                    assert verdict.retry_after >= 1
                assert verdict.limit == limit
        most = limit + several.number * grace(limit, several.number)
        assert most <= limit * 1.04
        for start in passed:
            assert sum(start <= at < start + 60 for at in passed) <= most

    run(play())


async def test_a_flood_asks_nothing():
    several = Several(4)
    for _ in range(100):
        assert (await several.take(0, 100)).allowed
    assert not (await several.take(0, 100)).allowed
    asked = several.store.asked
    for _ in range(1000):
        verdict = several.each[0].take("k", 100)
        assert verdict is not None
        assert (verdict.allowed, verdict.remaining) == (False, 0)
    assert several.store.asked == asked
    for _ in range(1000):  # another process learns it with one question
        await several.take(1, 100)
    assert several.store.asked <= asked + 1


async def test_far_from_the_limit_every_other_request_asks_and_few_never_do():
    several = Several(4)
    for _ in range(60):
        several.clock.now += 0.1
        await several.take(0, 100)
    assert several.store.asked == 30
    for which in range(4):
        for _ in range(5):
            assert several.each[which].take("address", 500).allowed
    assert several.store.asked == 30


async def test_one_process_asks_nothing_and_is_exact():
    several = Several(1)
    assert [several.each[0].take("k", 3).remaining for _ in range(3)] == [2, 1, 0]
    assert not several.each[0].take("k", 3).allowed
    assert several.store.asked == 0


async def test_what_one_process_let_pass_counts_when_another_comes():
    several = Several(1)
    for _ in range(80):
        several.each[0].take("k", 100)
    several.number = 2
    several.join()
    await several.each[0].tell()
    passed = [(await several.take(1, 100)).allowed for _ in range(40)]
    assert 20 <= sum(passed) <= 20 + 2
    assert not (await several.take(0, 100)).allowed


async def test_who_comes_takes_its_part_until_all_know():
    several = Several(4, settled=False)
    assert [(await several.take(0, 100)).allowed for _ in range(60)].count(True) == 25
    verdict = await several.take(0, 100)
    assert (verdict.limit, verdict.remaining) == (100, 0)
    several.peers[0].settled = True
    assert [(await several.take(0, 100)).allowed for _ in range(90)].count(True) == 75


async def test_the_rest_is_true_for_who_asks_first():
    several = Several(4)
    for _ in range(50):
        await several.take(0, 100)
    assert (await several.take(1, 100, blind=False)).remaining == 49
    assert (await several.take(2, 100)).remaining == 24, "nothing is known: the others may have used theirs"


async def test_parallel_requests_share_one_question():
    several = Several(2)
    verdicts = await asyncio.gather(*(several.take(0, 10) for _ in range(40)))
    assert sum(each.allowed for each in verdicts) == 10
    assert several.store.asked == 1


@pytest.mark.parametrize("blind", [True, False])
async def test_while_the_database_is_away_each_gives_its_part(blind):
    several = Several(4)
    several.store.away = True
    for which in range(4):
        found = [await several.take(which, 100, blind=blind) for _ in range(60)]
        assert [each.allowed for each in found].count(True) == 25
        assert {each.limit for each in found} == {100}
    several.store.away = False
    several.clock.now += room.AWAY
    for which in range(4):  # it asks again, and tells what it let pass
        assert (await several.take(which, 100)).allowed == (which < 3)
    assert several.store.spent["k"].total() == 103


async def test_one_request_tries_whether_the_database_is_back():
    several = Several(4)
    several.store.away = True
    await several.take(0, 1000)
    await asyncio.gather(*(several.take(0, 1000) for _ in range(50)))
    several.clock.now += room.AWAY
    answer = asyncio.Event()

    async def slow(*_):
        several.store.asked += 1
        await answer.wait()
        return Took(0, 0)

    several.store.take = slow
    assert several.each[0].take("k", 1000) is None
    one = asyncio.ensure_future(several.each[0].ask("k", 1000))
    await asyncio.sleep(0)
    for number in range(20):
        assert several.each[0].take(f"other {number}", 1000) is not None, "nobody else waits"
    answer.set()
    await one
    await several.each[0].close()


async def test_a_silent_database_is_waited_for_until_the_deadline():
    several = Several(2)
    several.each[0]._deadline = 0.05
    never, asked = asyncio.Event(), []

    async def silent(*_):
        asked.append(1)
        await never.wait()

    several.store.take = silent
    assert [(await several.take(0, 10)).allowed for _ in range(20)].count(True) == 5
    assert len(asked) == 1, "all but the first have waited, too"


async def test_what_was_wrong_is_said_and_everybody_is_answered(claim_log):
    claim_log("tornadogw.limits.shared", "cannot be counted in common")
    several = Several(2)

    async def broken(*_):
        raise KeyError("s")

    several.store.take = broken
    assert [(await several.take(0, 10)).allowed for _ in range(20)].count(True) == 5


async def test_a_client_that_leaves_while_it_waits_counts_and_harms_nobody():
    several = Several(2)
    leaving = asyncio.create_task(several.each[0].ask("k", 2))
    staying = asyncio.create_task(several.each[0].ask("k", 2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).allowed
    assert several.store.spent["k"].total() == 2
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_amounts_are_added_when_they_are_known():
    several = Several(4, need=0)
    for which in range(4):
        assert (await several.take(which, 1000)).allowed
        several.each[which].add("k", 300)  # more than may be owed: the next request tells it
    found = [(await several.take(which, 1000)).allowed for which in (0, 1, 2, 3)]
    assert found == [True, True, True, False]
    asked = several.store.asked
    assert (await several.take(0, 1000)).allowed, "what is known is as old as a second at most"
    assert several.store.asked == asked
    several.clock.now += 60 / 64
    for which in range(4):
        assert not (await several.take(which, 1000)).allowed
    verdict = several.each[0].take("k", 1000)
    assert verdict is not None
    assert 59 <= verdict.retry_after <= 62
    several.clock.now += verdict.retry_after
    assert (await several.take(0, 1000)).allowed


@LOOSE
@given(STEPS, st.sampled_from([10, 1000, 5000]))
def test_amounts_of_several_are_no_more_than_limit_and_what_may_be_owed(run, steps, limit):
    async def play():
        several, spent = Several(4, need=0), []
        for wait, which, amount in steps:
            several.clock.now += wait
            for _ in range(5):
                if (await several.take(which, limit)).allowed:
                    several.each[which].add("k", amount * 7)
                    spent.append((several.clock.now, amount * 7))
        last = max((amount for _, amount in spent), default=0)
        for start, _ in spent:
            total = sum(amount for at, amount in spent if start <= at < start + 60)
            assert total <= limit + 4 * (math.floor(grace(limit, 4)) + last)

    run(play())


async def test_idle_subjects_are_forgotten():
    several = Several(2)
    for number in range(50):
        await several.take(0, 10, f"client {number}")
    assert len(several.each[0]) == 50
    several.clock.now += 61
    for number in range(30):
        await several.take(0, 10, f"other {number}")
    assert len(several.each[0]) == 30
