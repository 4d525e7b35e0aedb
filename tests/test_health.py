from __future__ import annotations

import math
import random

import pytest

from tornadogw.breaker import FAILURES, FIRST, LONGEST, PROBE, SPREAD
from tornadogw.health import RETRY, Health, Marks, State, Visit
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


def visit(health, key=None) -> Visit:
    return health.enter(**(HERE if key is None else HERE | {"credential": key}))


def note(health, failure, key=None):
    visit(health, key).failed(failure)


@pytest.mark.parametrize("kind", ["client", "cannot", "elsewhere"])
def test_only_cooling_and_disabling_leave_a_mark(kind):
    health = made()
    note(health, Failure(kind, seconds=9))
    assert health.wait(**HERE) == 0


def test_an_upstream_that_answers_although_it_is_left_alone_is_left_alone_no_more():
    health = made()
    before = visit(health)
    note(health, Failure("cool", "upstream+model", seconds=10))
    before.well()
    assert health.wait(**HERE) == 10, "a call that began before says nothing"
    visit(health).well()
    assert health.wait(**HERE) == 0
    note(health, Failure("cool", "key+model", seconds=10))
    visit(health).well()
    assert health.wait(**HERE) == 10, "a key is another matter"


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


def test_a_disabled_key_is_told_once_with_its_reason_and_what_to_do_and_never_its_secret(claim_log, log_guard):
    claim_log("tornadogw.health", "key up#1 is disabled: 401 bad_key .*`tornadogw upstreams --enable up#1`.* 3600 s")
    clock = Clock()
    health = made(clock)
    failure = Failure("disable", scope="key", status=401, code="bad_key", message="no such key: sk-very-secret-1")
    visit(health).failed(failure, ["sk-very-secret-1"])
    assert math.isinf(health.wait(**OTHER_MODEL))
    assert health.wait(**OTHER_KEY) == 0
    clock.now += RETRY
    visit(health).failed(failure, ["sk-very-secret-1"])
    [line] = [record.getMessage() for record in log_guard.records]
    assert "no such key" in line
    assert "secret" not in line


def disabled(claim_log, clock):
    claim_log("tornadogw.health", "disabled")
    health = made(clock)
    note(health, Failure("disable", scope="key"))
    clock.now += RETRY - 1
    assert health.wait(**HERE) == math.inf
    clock.now += 1
    assert health.wait(**HERE) == 0
    return health


@pytest.mark.parametrize("failure", [None, Failure("client"), Failure("cannot"), Failure("elsewhere")])
def test_one_call_looks_whether_a_disabled_key_is_of_use_again(failure, claim_log):
    health = disabled(claim_log, Clock())
    probe = visit(health)
    assert health.wait(**HERE) == math.inf
    if failure is None:
        probe.well()
        assert health._failing == {}
    else:
        probe.failed(failure)
        assert health.wait(**HERE) == 0, "that says nothing of the key: the next one looks"
        assert visit(health) is not None
        assert health.wait(**HERE) == math.inf


def test_a_key_that_is_still_of_no_use_is_left_alone_as_long_again(claim_log):
    clock = Clock()
    health = disabled(claim_log, clock)
    late = visit(health)
    note(health, Failure("disable", scope="key"))
    clock.now += RETRY - 1
    late.failed(Failure("disable", scope="key"))
    assert health.wait(**HERE) == math.inf


def test_a_mark_that_is_over_costs_nothing_any_more():
    clock = Clock()
    health = made(clock)
    note(health, Failure("cool", scope="key", seconds=9))
    clock.now += 9
    assert health.wait(**HERE) == 0
    assert health._until == {}


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
def test_a_busy_key_neither_ends_a_run_nor_counts(kind, claim_log):
    if kind == "disable":
        claim_log("tornadogw.health", "disabled")
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
        each.failed(BROKEN)
    wait = health.wait(**HERE)
    clock.now += 1
    early[-1].well()
    early[-2].failed(BROKEN)
    early[-3].left()
    assert health.wait(**HERE) == wait - 1


# --- breakers of keys ------------------------------------------------------------------------------------------------


def test_a_key_that_fails_while_others_work_is_left_alone_for_all_models():
    clock = Clock()
    health = made(clock)
    for _ in range(FAILURES + 1):
        assert health.wait(**HERE) == 0
        note(health, BROKEN)
        visit(health, "up#2").well()
    assert 0 < health.wait(**HERE) <= FIRST * (1 + SPREAD)
    assert health.wait(**OTHER_MODEL) == health.wait(**HERE)
    assert (health.wait(**OTHER_KEY), health.wait(**OTHER_BOTH)) == (0, 0)
    clock.now += 15
    probe = visit(health)
    assert health.wait(**HERE) == PROBE
    probe.failed(BROKEN)
    assert health.wait(**HERE) > FIRST * (1 + SPREAD)
    clock.now += 30
    visit(health).well()
    assert (health.wait(**HERE), health._runs) == (0, {})


def test_an_upstream_that_is_down_is_no_keys_fault():
    clock = Clock()
    health = made(clock)
    for _ in range(FAILURES - 1):
        note(health, BROKEN)
    visit(health, "up#2").well()
    for _ in range(FAILURES - 1):
        note(health, BROKEN)
    visit(health, "up#2").well()
    assert health.counts() == {}, "those before the other key had answered do not count"
    for _ in range(FAILURES):
        note(health, BROKEN, "up#2")
    assert health.counts() == {("up", "open"): 1}
    assert health.wait(**OTHER_BOTH) == 0


@pytest.mark.parametrize("failure", [None, Failure("client"), Failure("cannot")])
def test_an_answer_ends_a_keys_run(failure):
    health = made()
    for _ in range(3 * FAILURES):
        note(health, BROKEN)
        visit(health, "up#2").well()
        if failure is None:
            visit(health).well()
        else:
            note(health, failure)
    assert (health.wait(**HERE), health._runs) == (0, {})


def test_blame_of_a_key_without_a_time_counts_whatever_others_do():
    health = made()
    for scope in ("key", "key+model", "key", "upstream+model", "key", "key"):
        assert health.wait(**HERE) == 0
        note(health, Failure("cool", scope=scope))
    assert health.wait(**OTHER_MODEL) > 0
    assert health.wait(**OTHER_KEY) == 0


# --- other processes -------------------------------------------------------------------------------------------------

UPSTREAM = ("up", "", "m")
KEY = ("up", "up#1", "")


def listening(clock):
    health, heard = made(clock), []
    health.listen(lambda place, state: heard.append((place, state)))
    return health, heard


def test_each_mark_is_told_once_and_nothing_else():
    clock = Clock()
    health, heard = listening(clock)
    visit(health).well()
    note(health, Failure("client"))
    note(health, Failure("cool", scope="key+model", seconds=3))
    for _ in range(FAILURES):
        note(health, BROKEN)
    assert heard == [(("up", "up#1", "m"), False), (UPSTREAM, True)]
    assert health.marks(("up", "up#1", "m"), None) == Marks(3)
    clock.now += 1
    state = health.marks(UPSTREAM, 0).state
    assert state is not None
    assert (state.age, state.openings, state.wait) == (1, 1, health.wait(**OTHER_KEY))
    clock.now += 20
    visit(health).well()
    visit(health).well()
    assert heard[2:] == [(UPSTREAM, True)]
    assert health.marks(UPSTREAM, clock.now - 2) == Marks(0, State(2))


def test_what_others_found_holds_here_and_this_process_probes_by_its_own_rules():
    clock = Clock()
    health, heard = listening(clock)
    before = visit(health)
    clock.now += 2
    health.hear(UPSTREAM, Marks(0, State(age=1, openings=2, wait=20)), clock.now)
    assert 20 <= health.wait(**HERE) <= 22, "a little later than who told it"
    before.failed(BROKEN)
    before.well()
    assert 20 <= health.wait(**HERE) <= 22
    clock.now += 22
    assert health.wait(**HERE) == 0
    note(health, BROKEN)
    assert health.wait(**HERE) >= FIRST * 4 * (1 - SPREAD)
    assert heard == [(UPSTREAM, True)]
    health.hear(UPSTREAM, Marks(0, State(age=0)), clock.now)
    assert (health.wait(**HERE), len(heard)) == (0, 1)


def test_a_word_that_all_is_well_ends_no_run():
    health = made()
    for _ in range(FAILURES - 1):
        note(health, BROKEN)
    health.hear(UPSTREAM, Marks(0, State(age=0)), 0)
    note(health, BROKEN)
    assert health.wait(**HERE) > 0


def test_cool_downs_of_others_end_when_they_said():
    clock = Clock()
    health = made(clock)
    health.hear(KEY, Marks(9), clock.now - 1)
    health.hear(KEY, Marks(2), clock.now)
    assert health.wait(**OTHER_MODEL) == 8


def test_a_key_that_is_disabled_elsewhere_says_so_here_without_an_alert():
    clock = Clock()
    health = made(clock)
    health.hear(KEY, Marks(0, State(age=100, openings=1, wait=50, disabled=True)), clock.now)
    assert health.wait(**HERE) == math.inf
    assert health.counts() == {("up", "disabled"): 1}
    clock.now += 55
    assert health.wait(**HERE) == 0
    visit(health).well()
    assert health.counts() == {}


def test_marks_are_counted_by_upstream_and_kind():
    clock = Clock()
    health = opened(clock)
    note(health, Failure("cool", scope="key+model", seconds=3))
    note(health, Failure("cool", scope="key", seconds=9))
    assert health.counts() == {("up", "open"): 1, ("up", "cooling"): 2}
    clock.now += 3
    assert health.counts()["up", "cooling"] == 1
