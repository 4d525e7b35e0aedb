"""Three upstreams that do everything wrong, at a steady pace: nothing hangs, leaks, grows or is miscounted.

CHAOS_SECONDS=600 CHAOS_SEED=7 tox -e chaos
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults import stage as stages
from tests.faults.matrix import ALL, Client, Fault, good, groups
from tests.faults.stage import Cell, Stage, heard, staged
from tests.faults.upstreams import Asked, Script
from tests.faults.voices import Chat
from tests.journeys.wire import check_books, eventually

SECONDS = float(os.environ.get("CHAOS_SECONDS", "600"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
PER_SECOND = 50
GOOD = 0.95
"""Share of calls that an upstream answers as it should."""
TIMEOUTS = {"first_event": 2.0, "idle": 2.0, "total": 20.0}
LONGEST = 30.0
"""Seconds that any answer may take: the deadline of all of it, and something for a busy machine."""
GROWTH = 40 * 1024 * 1024
"""Bytes of memory that a run may add after its first quarter."""
FAULTS = [
    fault
    for name, group in groups(Chat).items()
    if name not in ("401", "402", "403", "large")  # one such answer disables a key for minutes
    for fault in group
    if not fault.place and fault.name != "a huge error" and not fault.name.endswith("long")
]


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Chaos:
    """Clients that ask one model with three routes."""

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self.stage, self._rng = stage, rng
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest = 0.0
        self.memory: list[int] = []
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """Ask at a steady pace, then wait for the last answer."""
        began = time.monotonic()
        asked = 0
        while (passed := time.monotonic() - began) < seconds:
            while asked < passed * PER_SECOND:
                asked += 1
                task = asyncio.create_task(self._ask())
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            if asked % (10 * PER_SECOND) < PER_SECOND // 10:
                for place in self.stage.upstreams.asked.values():
                    place.clear()
            if len(self.memory) <= passed:
                gc.collect()
                self.memory.append(resident())
            await asyncio.sleep(0.02)
        async with asyncio.timeout(LONGEST):
            await asyncio.gather(*self._running)

    async def _ask(self) -> None:
        client: Client = self._rng.choice(ALL)
        cell = Cell("m", Fault("any", "elsewhere", good), client, "route")
        try:
            async with asyncio.timeout(LONGEST):
                told = await self.stage.ask(cell)
            self.slowest = max(self.slowest, told.seconds)
            outcome, said = heard(cell, told)
            assert outcome != "whole" or said.endswith("time."), f"whole, but {said[-100:]!r}"
            self.outcomes[outcome] += 1
        except (AssertionError, TimeoutError, ValueError) as error:
            self.wrong.append(f"{client}: {error!r}"[:500])


def chaotic(rng: random.Random):
    """Each call meets its own fate."""

    def play(asked: Asked) -> Script:
        voice = Chat(asked.body)
        if rng.random() < GOOD:
            return good(voice, asked)
        fault = rng.choice(FAULTS)
        return fault.play(voice, asked)

    return play


@pytest.mark.gen_test(timeout=SECONDS + 120)
async def test_nothing_hangs_leaks_or_is_miscounted(mongod, tmp_path, monkeypatch):
    rng = random.Random(SEED)
    monkeypatch.setattr(stages.Stage, "settings", three)
    async with staged(mongod.url, tmp_path, "vllm", [], timeouts=TIMEOUTS) as stage:
        stage.upstreams._play = chaotic(rng)
        chaos = Chaos(stage, rng)
        await chaos.run(SECONDS)
        print(f"\n{sum(chaos.outcomes.values())} answers {dict(chaos.outcomes)}, slowest {chaos.slowest:.1f} s")
        print("memory in MiB:", [each >> 20 for each in chaos.memory[:: max(1, len(chaos.memory) // 20)]])
        assert not chaos.wrong, f"{len(chaos.wrong)}:\n" + "\n".join(chaos.wrong[:20])
        assert set(chaos.outcomes) <= {"whole", "nobody", "in-band", "client"}
        assert chaos.outcomes["whole"] > 0.5 * sum(chaos.outcomes.values()), chaos.outcomes
        await check_books(stage.gateway)
        idle = stage.gateway.gateway.parts.gate.transport._pool
        await eventually(lambda: stage.upstreams.connections <= len(idle._all) + 1)
        quarter = len(chaos.memory) // 4
        if SECONDS >= 60:
            assert chaos.memory[-1] - max(chaos.memory[: quarter + 1]) < GROWTH, chaos.memory


def three(stage: Stage, closing: str, timeouts: dict[str, float]) -> str:
    """One model at three upstreams, and another model behind it."""
    table, tables = stages.table, [stages.LIMITS]
    for name in "abc":
        keys = {"vendor": "vllm", "keys": [f"sk-{name}"], "base_url": stage.upstreams.url(name)}
        tables.append(table("upstreams", name=name, **keys, timeouts=dict(timeouts)))
    routes = [{"upstream": name, "model": "m-up"} for name in "abc"]
    tables.append(table("models", name="m", price=stages.PRICE, routes=routes, fallbacks=["n"]))
    tables.append(table("models", name="n", price=stages.PRICE, routes=routes[1:]))
    return "\n".join(tables)
