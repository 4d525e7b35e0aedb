"""How long a first route is waited for before a second one starts beside it."""

from __future__ import annotations

import pytest

from tornadogw.hedging import ENOUGH, KEPT, SAVED, Hedging


@pytest.fixture
def hedging():
    return Hedging(["m"])


def learn(hedging, *seconds):
    for each in seconds:
        hedging.heard("m", each)


def test_only_the_models_that_are_given_are_hedged(hedging):
    assert hedging.covers("m")
    assert not hedging.covers("other")


def test_nothing_is_concluded_from_too_little(hedging):
    learn(hedging, *[0.1] * (ENOUGH - 1))
    assert hedging.begun("m") is None
    learn(hedging, 0.1)
    assert hedging.begun("m") == 0.1


def test_it_is_the_time_that_95_of_100_take_at_most(hedging):
    learn(hedging, *(each / 1000 for each in range(1, 101)))
    assert hedging.begun("m") == 0.095


def test_what_is_long_ago_does_not_count(hedging):
    learn(hedging, *[9.0] * KEPT)
    assert hedging.begun("m") == 9.0
    learn(hedging, *[0.2] * KEPT)
    assert hedging.begun("m") == 0.2


def test_one_call_in_five_is_doubled_in_the_long_run(hedging):
    learn(hedging, *[0.1] * ENOUGH)
    doubled = 0
    for _ in range(1000):
        if hedging.begun("m") is not None:
            hedging.doubled("m")
            doubled += 1
    assert doubled == pytest.approx(200 + SAVED, abs=1)


def test_what_was_saved_in_a_quiet_time_has_an_end(hedging):
    learn(hedging, *[0.1] * ENOUGH)
    for _ in range(1000):
        hedging.begun("m")
    doubled = 0
    for _ in range(100):
        if hedging.begun("m") is not None:
            hedging.doubled("m")
            doubled += 1
    assert doubled == pytest.approx(SAVED + 20, abs=1)


def test_another_one_for_other_models_knows_what_was_known_of_those_that_stay(hedging):
    learn(hedging, *[0.1] * ENOUGH)
    new = hedging.following(["m", "new"])
    assert (new.begun("m"), new.begun("new"), new.covers("new")) == (0.1, None, True)
    other = new.following(["new"])
    assert not other.covers("m")
    learn(hedging, 9.0)  # who has begun with the former one goes on with it
