"""`tornadogw upstreams` on a real MongoDB."""

from __future__ import annotations

import pytest

from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.ports_health import Told

KEY = ("up", "f00d", "")
MODEL = ("other", "", "m")


@pytest.fixture
def store(mongo, run):
    store = MongoHealth(mongo, "a process")
    run(
        store.tell(
            [
                Told(KEY, "up#1", cool=100, age=1, openings=1, wait=3000, disabled=True),
                Told(MODEL, age=1, openings=3, wait=-5),
                Told(("up", "", "fine"), age=1),
            ]
        )
    )
    return store


def test_what_is_left_alone(store, inside):
    marks = inside("upstreams", "--json").json["marks"]
    assert [(each["upstream"], each["key"], each["model"], each["state"], each["times"]) for each in marks] == [
        ("other", "", "m", "open", 3),
        ("up", "up#1", "", "disabled", 1),
        ("up", "up#1", "", "cooling", 1),
    ]
    assert marks[0]["seconds"] == 0
    assert 2900 < marks[1]["seconds"] <= 3000
    assert 0 < marks[2]["seconds"] <= 100
    assert "f00d" not in inside("upstreams").out


@pytest.mark.parametrize(("name", "left"), [("up#1", 1), ("up", 1), ("other", 0)])
def test_a_name_is_used_again(name, left, store, inside, run):
    done = inside("upstreams", "--enable", name, "--json").json
    assert [name in (each["key"], each["upstream"]) for each in done["enabled"]] == [True]
    heard = {each.told.spot: each for each in run(store.since(0))}
    assert [heard[KEY].told.openings, heard[MODEL].told.openings] == ([0, 3] if left else [1, 0])
    assert not heard[KEY if left else MODEL].own_state, "whoever said so hears of it"


def test_a_name_that_nobody_left_alone(store, inside):
    done = inside("upstreams", "--enable", "fine")
    assert (done.code, done.out) == (1, "")
    assert "no key or upstream fine is disabled" in done.err


@pytest.mark.parametrize(("language", "word"), [("en_US.UTF-8", "disabled"), ("zh_CN.UTF-8", "已停用")])
def test_for_people(language, word, store, inside):
    assert word in inside("upstreams", LANG=language).out
