from __future__ import annotations

import math

import pytest

from tornadogw.health import Health
from tornadogw.types import Failure

HERE = {"upstream": "up", "credential": "up#1", "model": "m"}
OTHER_KEY = HERE | {"credential": "up#2"}
OTHER_MODEL = HERE | {"model": "n"}
OTHER_BOTH = {"upstream": "up", "credential": "up#2", "model": "n"}


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("kind", ["client", "cannot", "elsewhere"])
def test_only_cooling_and_disabling_leave_a_mark(kind):
    health = Health(Clock())
    health.note(Failure(kind, seconds=9), **HERE)
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
    health = Health(Clock())
    health.note(Failure("cool", scope=scope, seconds=9), **HERE)
    places = {"HERE": HERE, "OTHER_KEY": OTHER_KEY, "OTHER_MODEL": OTHER_MODEL, "OTHER_BOTH": OTHER_BOTH}
    assert {name for name, place in places.items() if health.wait(**place) > 0} == cool


def test_a_mark_ends_by_itself_and_never_gets_shorter():
    clock = Clock()
    health = Health(clock)
    health.note(Failure("cool", scope="key", seconds=9), **HERE)
    health.note(Failure("cool", scope="key", seconds=2), **HERE)
    assert health.wait(**HERE) == 9
    clock.now += 9
    assert health.wait(**HERE) == 0


def test_disabled_is_for_ever():
    health = Health(Clock())
    health.note(Failure("disable", scope="key"), **HERE)
    assert math.isinf(health.wait(**OTHER_MODEL))
