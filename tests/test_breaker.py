"""Whatever happens in whatever order: never shut for ever, never two probes at once, shut after enough failures."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.breaker import FAILURES, FIRST, LONGEST, PROBE, SPREAD, Breaker
from tornadogw.health import Health, Marks, State
from tornadogw.types import Failure

LONGEST_WAIT = max(LONGEST * (1 + SPREAD), PROBE)


def test_it_is_closed_until_enough_failures_in_a_row() -> None:
    breaker = Breaker()
    assert [breaker.failed(0, 1, 0.5) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert breaker.is_open
    assert breaker.wait(1) == pytest.approx(FIRST)
    assert breaker.wait(1 + FIRST) == 0


def test_a_disabled_one_is_waited_for_by_nobody_and_then_looked_at_by_one() -> None:
    breaker = Breaker()
    breaker.disable(1, 100)
    assert (breaker.is_open, breaker.wait(100.5), breaker.wait(101)) == (True, math.inf, 0)
    breaker.enter(101)
    assert (breaker.wait(102), breaker.wait(101 + PROBE)) == (math.inf, 0)


def test_one_that_opened_elsewhere_is_as_it_was_told() -> None:
    breaker = Breaker.told(openings=2, opened=5, until=9, disabled=False)
    assert (breaker.is_open, breaker.wait(5), breaker.wait(9)) == (True, 4, 0)
    assert not breaker.failed(began=4, now=9, luck=0.5), "that call had begun before"
    assert breaker.failed(began=9, now=9, luck=0.5)
    assert breaker.wait(9) == FIRST * 4


@pytest.mark.parametrize(("known", "openings"), [(False, 2), (True, 3)])
def test_what_began_while_nobody_here_knew_is_no_probe(known, openings) -> None:
    ticks = itertools.count(100.0)
    health = Health(lambda: next(ticks), random.Random(1))
    told = State(age=50, openings=2, wait=0)
    if known:
        health.hear(("up", "", "m"), Marks(0, told), 90.0)
    visit = health.enter(upstream="up", credential="up#1", model="m")
    health.hear(("up", "", "m"), Marks(0, told), 100.0)
    visit.failed(Failure("elsewhere", code="reset"))
    assert health._failing["up", "", "m"].openings == openings


@given(
    st.lists(st.tuples(st.sampled_from(["enter", "failed", "succeeded", "left"]), st.floats(0, 20), st.floats(0, 1)))
)
def test_any_order(steps: list[tuple[str, float, float]]) -> None:
    breaker, now = Breaker(), 0.0
    calls: list[float] = []
    for what, later, luck in steps:
        now += later
        if what == "enter" and breaker.wait(now) == 0:
            breaker.enter(now)
            calls.append(now)
            assert not breaker.is_open or breaker.wait(now) == PROBE, "one probe at a time"
        elif what == "failed" and calls:
            if breaker.failed(calls.pop(), now, luck):
                assert breaker.wait(now) >= FIRST * (1 - SPREAD)
        elif what == "succeeded" and calls and breaker.concerns(calls.pop()):
            breaker = Breaker()
        elif what == "left" and calls:
            breaker.left(calls.pop(), now)
        assert 0 <= breaker.wait(now) <= LONGEST_WAIT
