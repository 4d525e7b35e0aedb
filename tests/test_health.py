from __future__ import annotations

import math
import random

import pytest

from tornadogw.breaker import FAILURES, FIRST, LONGEST, PROBE, SPREAD
from tornadogw.health import Health, Visit
from tornadogw.types import Failure

HERE = {"upstream": "up", "credential": "up#1", "model": "m"}
OTHER_KEY = HERE | {"credential": "up#2"}
OTHER_MODEL = HERE | {"model": "n"}
OTHER_BOTH = {"upstream": "up", "credential": "up#2", "model": "n"}


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def made(clock=None):
    return Health(clock or Clock(), random.Random(1))


def visit(health) -> Visit:
    return health.enter(upstream="up", model="m")


def note(health, failure):
    visit(health).failed(failure, "up#1")


@pytest.mark.parametrize("kind", ["client", "cannot", "elsewhere"])
def test_only_cooling_and_disabling_leave_a_mark(kind):
    health = made()
    note(health, Failure(kind, seconds=9))
    assert health.wait(**HERE) == 0


@pytest.mark.parametrize(
    ("scope", "cool"),
    [
        ("key", {"HERE", "OTHER_MODEL"}),
        ("key+model", {"HERE"}),
        ("upstream+model", {"HERE", "OTHER_KEY"}),
    ],
)
def test_scopes(scope, cool):
    health = made()
    note(health, Failure("cool", scope=scope, seconds=9))
    places = {"HERE": HERE, "OTHER_KEY": OTHER_KEY, "OTHER_MODEL": OTHER_MODEL, "OTHER_BOTH": OTHER_BOTH}
    assert {name for name, place in places.items() if health.wait(**place) > 0} == cool


def test_a_mark_ends_by_itself_and_never_gets_shorter():
    clock = Clock()
    health = made(clock)
    note(health, Failure("cool", scope="key", seconds=9))
    note(health, Failure("cool", scope="key", seconds=2))
    assert health.wait(**HERE) == 9
    clock.now += 9
    assert health.wait(**HERE) == 0


def test_disabled_is_for_ever():
    health = made()
    note(health, Failure("disable", scope="key"))
    assert math.isinf(health.wait(**OTHER_MODEL))


# --- breakers --------------------------------------------------------------------------------------------------------


BROKEN = Failure("elsewhere", code="reset")


def opened(clock):
    health = made(clock)
    for _ in range(FAILURES):
        assert health.wait(**HERE) == 0
        note(health, BROKEN)
    return health


def test_a_run_of_failures_shuts_an_upstreams_model_to_every_key_and_nothing_else():
    health = opened(Clock())
    assert 0 < FIRST * (1 - SPREAD) <= health.wait(**HERE) <= FIRST * (1 + SPREAD) <= 15
    assert health.wait(**OTHER_KEY) == health.wait(**HERE)
    assert health.wait(**OTHER_MODEL) == 0


@pytest.mark.parametrize("failure", [None, Failure("client"), Failure("cannot")])
def test_an_answer_ends_a_run(failure):
    health = made()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            note(health, BROKEN)
        if failure is None:
            visit(health).well()
        else:
            note(health, failure)
        assert health.wait(**HERE) == 0
    assert health._failing == {}


@pytest.mark.parametrize("kind", ["cool", "disable"])
def test_a_busy_key_neither_ends_a_run_nor_counts(kind):
    clock = Clock()
    health = made(clock)
    for _ in range(FAILURES - 1):
        note(health, BROKEN)
    note(health, Failure(kind, scope="key", seconds=1))
    assert health.wait(**OTHER_KEY) == 0
    note(health, BROKEN)
    assert health.wait(**OTHER_KEY) > 0


def test_one_probe_at_a_time_and_a_good_one_opens_the_door():
    clock = Clock()
    health = opened(clock)
    clock.now += 15
    assert health.wait(**HERE) == 0
    probe = visit(health)
    assert health.wait(**HERE) == PROBE
    probe.well()
    assert health.wait(**HERE) == 0
    assert health._failing == {}


def test_a_bad_probe_shuts_it_for_longer_up_to_a_limit():
    clock = Clock()
    health = opened(clock)
    waits = [health.wait(**HERE)]
    for _ in range(8):
        clock.now += waits[-1]
        note(health, BROKEN)
        waits.append(health.wait(**HERE))
    spread = [FIRST * 2**at for at in range(9)]
    assert all(
        min(LONGEST, each) * (1 - SPREAD) <= wait <= min(LONGEST, each) * (1 + SPREAD)
        for each, wait in zip(spread, waits, strict=True)
    )
    assert len(set(waits)) == 9, "with luck in it"


def test_a_probe_that_has_begun_to_answer_or_was_left_lets_the_next_one_in():
    clock = Clock()
    health = opened(clock)
    clock.now += 15
    first = visit(health)
    first.left()
    assert health.wait(**HERE) == 0
    second = visit(health)
    assert health.wait(**HERE) == PROBE
    clock.now += PROBE
    assert health.wait(**HERE) == 0, "nobody waits for ever"
    second.well()
    second.left()
    assert health._failing == {}


def test_what_was_under_way_when_it_opened_tells_nothing_of_the_time_after():
    clock = Clock()
    health = made(clock)
    early = [visit(health) for _ in range(FAILURES + 3)]
    clock.now += 1
    for each in early[:FAILURES]:
        each.failed(BROKEN, "up#1")
    wait = health.wait(**HERE)
    clock.now += 1
    early[-1].well()
    early[-2].failed(BROKEN, "up#1")
    early[-3].left()
    assert health.wait(**HERE) == wait - 1
