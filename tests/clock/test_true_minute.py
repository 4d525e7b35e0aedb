"""The promise of the defaults on true minutes: 100 a minute over four processes, 104 at most in any, 96 at least."""

from __future__ import annotations

import pytest

from tests.limits import load

EVEN, SKEWED = [0.25] * 4, [0.9, 0.04, 0.03, 0.03]


@pytest.mark.gen_test(timeout=240)
async def test_a_hundred_a_minute_over_four_processes(mongod, mongo):
    work = {"limit": 100, "window": 60.0, "processes": 4, "seconds": 130.0}
    shares = {"even": EVEN, "skewed": SKEWED}
    keys = {name: [4 * 100 / 60 * share for share in each] for name, each in shares.items()}
    keys |= {f"low_{name}": [0.9 * 100 / 60 * share for share in each] for name, each in shares.items()}
    work |= {"keys": keys}
    found, asked = await load.processes(mongod.url, mongo.database.name, work)
    for key, decided in found.items():
        passed = load.passes(decided)
        false = load.false_refusals(decided, work)
        figures = load.most(decided, 60.0), load.each_window(decided, work), len(decided), len(passed), false
        print(key, *figures)
        assert figures[0] <= 104, (key, figures)
        if key.startswith("low"):
            assert false <= 0.01 * len(decided), (key, figures)
        else:
            assert min(figures[1]) >= 96, (key, figures)
    print("asked", asked)
