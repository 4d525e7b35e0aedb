from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.limits.counts import Clock
from tornadogw.limits.sums import Sums
from tornadogw.store.ports_limits import SLOTS

SLOT = 60 / SLOTS


@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from("ab"), st.integers(1, 50)), max_size=60))
def test_a_window_is_counted_whole_and_not_more_than_a_slot_longer(steps):
    clock, spent = Clock(), []
    sums = Sums(clock)
    for wait, subject, amount in steps:
        clock.now += wait
        certain = sum(n for at, who, n in spent if who == subject and at > clock.now - 60)
        possible = sum(n for at, who, n in spent if who == subject and at >= clock.now - 60 - SLOT - 1e-6)
        verdict = sums.take(subject, 100)
        if verdict.allowed:
            assert certain < 100
            assert 100 - possible <= verdict.remaining <= 100 - certain
        else:
            assert possible >= 100
            assert verdict.retry_after >= 1
        sums.note(subject, amount)
        spent.append((clock.now, subject, amount))


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 90)), min_size=1, max_size=30))
def test_retry_after_is_true(steps):
    clock = Clock()
    sums = Sums(clock)
    for wait, amount in steps:
        clock.now += wait
        verdict = sums.take("x", 100)
        if not verdict.allowed:
            assert verdict.retry_after <= verdict.reset + 1
            clock.now += verdict.retry_after
            assert sums.take("x", 100).allowed
        sums.note("x", amount)


def test_one_call_may_exceed_what_is_left_and_is_waited_out():
    clock = Clock()
    sums = Sums(clock)
    assert sums.take("x", 10).remaining == 10
    sums.note("x", 500)
    verdict = sums.take("x", 10)
    assert (verdict.allowed, verdict.limit, verdict.remaining) == (False, 10, 0)
    clock.now += 60 + SLOT
    assert sums.take("x", 10).allowed


def test_what_was_spent_lately_can_be_told():
    clock = Clock()
    sums = Sums(clock)
    sums.note("x", 3)
    clock.now += 10
    sums.note("x", 4)
    (first, three), (second, four) = sums.recent("x")
    assert (three, four) == (3, 4)
    assert 10 - SLOT <= first <= 10
    assert 0 <= second <= SLOT
    assert sums.subjects() == ["x"]
    assert sums.peek("x", 7) is not None
    assert sums.peek("x", 8) is None


def test_idle_subjects_are_forgotten():
    clock = Clock()
    sums = Sums(clock)
    for number in range(100):
        sums.note(f"client {number}")
    clock.now += 61
    for number in range(60):
        sums.note(f"other {number}")
    assert len(sums) == 60
