"""Workers, machines, primaries and disks fail under load, and nothing is lost, invented or charged twice.

    CRASH_SECONDS=3600 CRASH_SEED=7 tox -e crash        # for hours, in another order

Two machines with two workers each on a real replica set of three; clients that leave, upstreams that break off. After
each run the books are judged by what the clients got, and by `doctor`. The planted bugs show that they would be caught.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest

from tests.crash.chaos import Chaos
from tests.crash.judge import Sampler, judge
from tests.crash.load import BOUND, Call, Load
from tests.crash.planted.sitecustomize import BUGS
from tests.crash.replica_set import until
from tests.crash.stage import Stage, staged

SEED = int(os.environ.get("CRASH_SEED", "1"))
SECONDS = float(os.environ.get("CRASH_SECONDS", "120"))
CLIENTS = 24
CREDITS = ("3", "3", "0.03", "0.01")
"""Two accounts that last, two that run out."""
SHORT, DEEDS = 10.0, 5
"""A planted bug need not wait long to be seen; on a slow machine for so many deeds."""


def suffer(stage: Stage, seconds: float, seed: int) -> tuple[list[Call], list[str], Counter[str]]:
    """Load and chaos for so long, then quiet; the calls, what is wrong with the books, and what broke."""
    load = Load([node.port for node in stage.nodes], stage.buyers, seed)
    chaos = Chaos(stage.mongo, stage.nodes, seed)
    # Calls never cost more than was held for them, so no balance may ever be below zero.
    sampler = Sampler(stage.mongo, stage.database, least_balance=0)

    async def live() -> None:
        running = asyncio.create_task(load.run(CLIENTS))
        await chaos.run(seconds, DEEDS)
        load.stop()
        await running

    with sampler.looking():
        asyncio.run(live())
        until(lambda: stage.mongo.primary() is not None, 60, "there is a primary")
        stage.close()
    faults = sorted(set(sampler.faults)) + judge(stage.mongo, stage.database, load.calls, BOUND)
    report = stage.nodes[0].run("doctor")
    faults += [f"doctor: {finding}" for finding in report["findings"]]
    assert sampler.samples > 10
    return load.calls, faults, chaos.done


def test_nothing_is_lost_invented_or_charged_twice(replica_set, upstream, tmp_path) -> None:
    with staged(replica_set, upstream, tmp_path, CREDITS) as stage:
        calls, faults, done = suffer(stage, SECONDS, SEED)
        outcomes = Counter(call.outcome for call in calls)
        print(f"\nseed {SEED}: {len(calls)} calls {dict(outcomes)}; broken: {dict(done)}")
        assert faults == []
        assert outcomes["full"] > 5 * SECONDS
        assert min(outcomes[each] for each in ("left", "cut", "refused")) > 0
        assert min(done[deed] for deed in ("worker", "primary")) > 0


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_a_planted_bug_is_caught(replica_set, upstream, tmp_path, bug) -> None:
    with staged(replica_set, upstream, tmp_path, CREDITS, bug=bug) as stage:
        try:
            _, faults, _ = suffer(stage, SHORT, SEED)
        except AssertionError as stuck:  # it does not even come to rest
            faults = [str(stuck)]
        print(f"\n{bug}: {len(faults)} faults, the first: {faults[0][:200] if faults else None}")
        assert faults
