"""Workers, machines, primaries and disks fail under load, and nothing is lost, invented or charged twice.

    CRASH_SECONDS=3600 CRASH_SEED=7 tox -e crash        # for hours, in another order

Two machines with two workers each on a real replica set of three; clients that leave, upstreams that break off. After
each run the books are judged by what the clients got, and by `doctor`. The planted bugs show that they would be caught.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.chaos import Chaos
from tests.crash.judge import Sampler, judge
from tests.crash.load import BOUND, Buyer, Call, Load
from tests.crash.nodes import Node
from tests.crash.planted.sitecustomize import BUGS
from tests.crash.replica_set import ReplicaSet, until

SEED = int(os.environ.get("CRASH_SEED", "1"))
SECONDS = float(os.environ.get("CRASH_SECONDS", "120"))
WORKERS, CLIENTS = 1, 12
RICH, POOR = "3", "0.02"
RECLAIM = 20.0
"""Longer than any restart here takes."""


@pytest.fixture(scope="module")
def mongo(tmp_path_factory) -> Iterator[ReplicaSet]:
    with ReplicaSet(tmp_path_factory.mktemp("set")) as found:
        yield found


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "upstream.py")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


class Stage:
    """Two machines on a database of their own, and accounts with keys."""

    def __init__(self, mongo: ReplicaSet, upstream: int, folder: Path, bug: str = "") -> None:
        self.mongo, self.database = mongo, f"crash_{secrets.token_hex(4)}"
        self.nodes = [Node(folder / name, mongo.url, upstream, WORKERS, bug, RECLAIM) for name in ("one", "two")]
        for node in self.nodes:
            node.use_database(self.database)
        self.buyers: list[Buyer] = []

    def open(self) -> None:
        first, second = self.nodes
        for number, credit in enumerate((RICH, RICH, POOR, POOR)):
            email = f"buyer{number}@example.com"
            account = first.run("account", "create", email)
            paid = first.run("account", "credit", email, credit)
            key = first.run("key", "create", email)["key"]
            self.buyers.append(Buyer(account["id"], email, key, paid["credited"]))
        second.share_secret(first)
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            until(node.is_ready, 60, f"a gateway is ready: {node.log}")

    def close(self) -> None:
        """Everything ends properly: what it has is in the books."""
        for node in self.nodes:
            node.revive()
            until(node.is_ready, 60, f"a gateway is ready again: {node.log.read_text()[-3000:]}")
        for node in self.nodes:
            assert node.stop() == 0, node.log.read_text()[-3000:]

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()


@contextlib.contextmanager
def staged(mongo: ReplicaSet, upstream: int, folder: Path, bug: str = "") -> Iterator[Stage]:
    stage = Stage(mongo, upstream, folder, bug)
    try:
        stage.open()
        yield stage
    finally:
        stage.kill()
        mongo.client.drop_database(stage.database)


def suffer(stage: Stage, seconds: float, seed: int) -> tuple[list[Call], list[str], Counter[str]]:
    """Load and chaos for so long, then quiet; the calls, what is wrong with the books, and what broke."""
    load = Load([node.port for node in stage.nodes], stage.buyers, seed)
    chaos = Chaos(stage.mongo, stage.nodes, seed)
    # Calls never cost more than was held for them, so no balance may ever be below zero.
    sampler = Sampler(stage.mongo, stage.database, least_balance=0)

    async def live() -> None:
        running = asyncio.create_task(load.run(CLIENTS))
        await chaos.run(seconds)
        load.stop()
        await running

    with sampler.looking():
        asyncio.run(live())
        until(lambda: stage.mongo.primary() is not None, 60, "there is a primary")
        stage.close()
        reclaim_all(stage)
    faults = sorted(set(sampler.faults)) + judge(stage.mongo, stage.database, load.calls, BOUND)
    report = stage.nodes[0].run("doctor")
    faults += [f"doctor: {finding}" for finding in report["findings"]]
    assert sampler.samples > 10
    return load.calls, faults, chaos.done


def reclaim_all(stage: Stage) -> None:
    """Leases of the killed that no journal names are given back once their time is over: wait, with one gateway up."""
    node = stage.nodes[0]

    def is_left() -> bool:
        found = stage.mongo.client[stage.database]["accounts"].find({"le": {"$exists": True}})
        return any("closed" not in lease for account in found for lease in account["leases"].values())

    if is_left():
        node.start()
        until(lambda: not is_left(), RECLAIM + 40, "every lease is given back")
        assert node.stop() == 0


def test_nothing_is_lost_invented_or_charged_twice(mongo, upstream, tmp_path) -> None:
    with staged(mongo, upstream, tmp_path) as stage:
        calls, faults, done = suffer(stage, SECONDS, SEED)
        outcomes = Counter(call.outcome for call in calls)
        print(f"\nseed {SEED}: {len(calls)} calls {dict(outcomes)}; broken: {dict(done)}")
        assert faults == []
        assert outcomes["full"] > 10 * SECONDS / 10
        assert outcomes["left"]
        assert outcomes["refused"]
        assert min(done[deed] for deed in ("worker", "primary")) > 0


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_a_planted_bug_is_caught(mongo, upstream, tmp_path, bug) -> None:
    with staged(mongo, upstream, tmp_path, bug) as stage:
        try:
            _, faults, _ = suffer(stage, 12, SEED)
        except AssertionError as stuck:  # it does not even come to rest
            faults = [str(stuck)]
        print(f"\n{bug}: {len(faults)} faults, the first: {faults[:1]}")
        assert faults
