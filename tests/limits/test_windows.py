from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.limits.windows import Windows, format_reset

# Eighths of a second are exact in binary, so that the model and the log agree at the very border.
STEPS = st.lists(
    st.tuples(st.integers(0, 800).map(lambda eighths: eighths / 8), st.sampled_from("abc"), st.integers(0, 4)),
    max_size=80,
)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@given(STEPS)
def test_it_agrees_with_a_naive_model(steps):
    clock, passed = Clock(), {"a": [], "b": [], "c": []}
    windows = Windows(clock)
    for wait, subject, limit in steps:
        clock.now += wait
        recent = [at for at in passed[subject] if at > clock.now - 60]
        verdict = windows.take(subject, limit)
        assert verdict.allowed == (len(recent) < limit)
        assert verdict.limit == limit
        if verdict.allowed:
            recent.append(clock.now)
            passed[subject].append(clock.now)
            assert (verdict.remaining, verdict.reset, verdict.retry_after) == (limit - len(recent), 60, 0)
        else:
            assert verdict.remaining == 0
            assert verdict.retry_after >= 1
            if limit:
                assert verdict.reset == recent[-1] + 60 - clock.now
                free_at = recent[len(recent) - limit] + 60
                assert verdict.retry_after == max(1, math.ceil(free_at - clock.now))


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200), st.integers(1, 5))
def test_never_more_than_the_limit_in_any_minute(waits, limit):
    clock, passed = Clock(), []
    windows = Windows(clock)
    for wait in waits:
        clock.now += wait
        if windows.take("x", limit).allowed:
            passed.append(clock.now)
    for start in passed:
        assert sum(start <= at < start + 60 for at in passed) <= limit


@given(st.lists(st.integers(0, 100).map(lambda eighths: eighths / 8), max_size=30), st.integers(1, 4))
def test_retry_after_is_true(waits, limit):
    clock = Clock()
    windows = Windows(clock)
    for wait in waits:
        clock.now += wait
        verdict = windows.take("x", limit)
        if not verdict.allowed:
            clock.now += verdict.retry_after
            assert windows.take("x", limit).allowed


def test_the_whole_limit_passes_at_once_and_again_a_window_later():
    clock = Clock()
    windows = Windows(clock)
    assert [windows.take("x", 500).remaining for _ in range(500)] == list(range(499, -1, -1))
    clock.now += 59.5
    verdict = windows.take("x", 500)
    assert (verdict.allowed, verdict.remaining, verdict.reset, verdict.retry_after) == (False, 0, 0.5, 1)
    clock.now += 0.5
    assert windows.take("x", 500).remaining == 499


def test_refused_requests_do_not_count():
    clock = Clock()
    windows = Windows(clock)
    windows.take("x", 1)
    for _ in range(10):
        clock.now += 5
        windows.take("x", 1)
    clock.now += 10
    assert windows.take("x", 1).allowed


def test_subjects_do_not_disturb_each_other():
    windows = Windows(Clock())
    assert windows.take("x", 1).allowed
    assert windows.take("y", 1).allowed
    assert not windows.take("x", 1).allowed


def test_a_limit_that_sinks_holds_at_once():
    clock = Clock()
    windows = Windows(clock)
    for _ in range(4):
        windows.take("x", 4)
        clock.now += 10
    verdict = windows.take("x", 2)
    assert (verdict.allowed, verdict.retry_after) == (False, 40)  # the third of four must have left the window
    assert not windows.take("x", 0).allowed
    assert windows.take("x", 5).allowed


def test_idle_subjects_are_forgotten():
    clock = Clock()
    windows = Windows(clock)
    for number in range(1000):
        windows.take(f"client {number}", 5)
    assert len(windows) == 1000
    clock.now += 60
    for number in range(600):
        windows.take(f"other {number}", 5)
    assert len(windows) == 600


def test_a_flood_of_new_subjects_stays_bounded():
    clock = Clock()
    windows = Windows(clock)
    for number in range(20_000):
        clock.now += 0.1  # 600 in a window
        windows.take(f"client {number}", 5)
        windows.take("steady", 10)
    assert len(windows) <= 602


def test_a_forgotten_subject_had_nothing_to_remember():
    clock = Clock()
    windows = Windows(clock)
    windows.take("x", 2)
    clock.now += 59
    windows.take("x", 2)
    clock.now += 59
    for number in range(10):
        windows.take(str(number), 2)
    assert windows.take("x", 2).remaining == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (-1, "0s"), (0.2, "1s"), (12, "12s"), (59.01, "1m0s"), (60, "1m0s"), (63, "1m3s"), (3600, "60m0s")],
)
def test_format_reset(seconds, text):
    assert format_reset(seconds) == text
