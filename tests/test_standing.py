from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.standing import DOUBT, FORGOTTEN, HALF_LIFE, MOST, Figures, Standing

HERE, THERE = ("up", "m"), ("other", "m")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def standing(clock):
    return Standing([HERE, THERE], clock)


def call(standing, clock, seconds=None):
    """One that was answered after `seconds`, or failed."""
    stay = standing.enter(HERE)
    if seconds is not None:
        clock.now += seconds
        stay.heard()
    stay.ended(failed=seconds is None)
    stay.left()


def test_nothing_is_known_at_first(standing):
    assert standing.figures(HERE) == Figures()
    assert not Figures().known


def test_a_place_is_quiet_since_its_last_call_showed_something(standing, clock):
    clock.now = 100.0
    assert (standing.quiet(HERE), standing.quiet(("nobody", "m"))) == (math.inf, math.inf)
    call(standing, clock, 0.5)
    clock.now += 7.0
    assert standing.quiet(HERE) == pytest.approx(7.0)
    standing.enter(HERE).left()
    assert standing.quiet(HERE) == pytest.approx(7.0), "a call that said nothing"
    call(standing, clock)
    assert (standing.quiet(HERE), standing.quiet(THERE)) == (0.0, math.inf)


def test_calls_in_flight_are_counted_and_leave_once(standing):
    first, second = standing.enter(HERE), standing.enter(HERE)
    assert (standing.figures(HERE).in_flight, standing.figures(THERE).in_flight) == (2, 0)
    first.left()
    first.left()
    assert standing.figures(HERE).in_flight == 1
    second.left()
    assert standing.figures(HERE) == Figures(), "a call that said nothing of the upstream left nothing behind"


def test_time_to_first_event_is_a_mean_that_follows_what_is_new(standing, clock):
    call(standing, clock, 0.5)
    assert standing.figures(HERE).first_event == pytest.approx(0.5)
    for _ in range(1000):
        call(standing, clock, 0.001)
    assert standing.figures(HERE).first_event < 0.01
    for _ in range(int(MOST)):
        call(standing, clock, 1.0)
    assert standing.figures(HERE).first_event > 0.5, "a long past does not hide a change"


def test_what_was_seen_is_forgotten(standing, clock):
    call(standing, clock, 0.5)
    call(standing, clock)
    assert standing.figures(HERE).known
    clock.now += 3 * HALF_LIFE
    assert standing.figures(HERE).known
    clock.now += 2 * HALF_LIFE
    assert standing.figures(HERE) == Figures()


def test_one_failure_is_no_verdict_and_many_are(standing, clock):
    call(standing, clock)
    assert standing.figures(HERE).errors == pytest.approx(1 / (1 + DOUBT))
    for _ in range(100):
        call(standing, clock)
    assert standing.figures(HERE).errors == pytest.approx(MOST / (MOST + DOUBT))
    assert standing.figures(HERE).first_event is None
    for _ in range(60):
        call(standing, clock, 0.0)
    assert standing.figures(HERE).errors < 0.05


def test_calm_is_when_no_failure_counts(standing, clock):
    assert standing.calm
    call(standing, clock, 0.5)
    assert standing.calm
    for _ in range(30):
        call(standing, clock)
    clock.now += FORGOTTEN - 2
    assert standing.figures(HERE).errors > 0
    assert not standing.calm
    clock.now += 3
    assert standing.calm
    assert standing.figures(HERE).errors == 0


def test_only_what_is_configured_has_a_place(standing):
    standing.enter(("stranger", "m")).ended(failed=True)
    assert standing.figures(("stranger", "m")) == Figures()
    assert len(standing._rows) == 2


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans(), st.floats(0, 500)), max_size=60))
def test_figures_stay_within_their_bounds(calls):
    clock = Clock()
    standing = Standing([HERE], clock)
    for seconds, failed, pause in calls:
        call(standing, clock, None if failed else seconds)
        clock.now += pause
        figures = standing.figures(HERE)
        assert 0 <= figures.errors < 1
        assert figures.in_flight == 0
        assert figures.first_event is None or -1e-6 <= figures.first_event <= 100 + 1e-6


def test_places_may_come_and_go_and_what_is_another_one_now_begins_anew(standing, clock):
    call(standing, clock, 2.0)
    running = standing.enter(THERE)
    new = ("new", "m")
    standing.change([HERE, THERE, new])
    assert standing.figures(HERE).first_event == pytest.approx(2.0)
    assert standing.figures(THERE).in_flight == 1
    standing.change([HERE, new], anew={"up"})
    assert standing.figures(HERE) == Figures()
    running.ended(failed=True)  # of a place that is gone: it counts nowhere, and hurts nobody
    running.left()
    assert standing.figures(THERE) == Figures()
