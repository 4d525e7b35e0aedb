"""What breaks, one thing after the other, as a seed says."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Sequence

from tests.crash.nodes import UNLIMITED, Node, limit_files
from tests.crash.replica_set import ReplicaSet

__all__ = ["Chaos"]

DEEDS = {"worker": 8, "node": 1, "primary": 2, "freeze": 1, "disk": 2}
"""How often each happens, beside the others."""


class Chaos:
    """`await run(seconds)`, longer if fewer deeds were done; afterwards everything runs again."""

    def __init__(self, mongo: ReplicaSet, nodes: Sequence[Node], seed: int) -> None:
        self._mongo, self._nodes, self._rng = mongo, nodes, random.Random(seed)
        self.done: Counter[str] = Counter()

    async def run(self, seconds: float, deeds: int = 0) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end or self.done.total() < deeds:
            deed = self._rng.choices(list(DEEDS), list(DEEDS.values()))[0]
            await getattr(self, f"_{deed}")()
            self.done[deed] += 1
            await asyncio.sleep(self._rng.uniform(0.4, 1.6))
            for node in self._nodes:
                node.revive()

    async def _worker(self) -> None:
        self._rng.choice(self._nodes).kill_worker(self._rng)

    async def _node(self) -> None:
        """The whole machine, for longer than a lease lasts."""
        node = self._rng.choice(self._nodes)
        node.kill()
        await asyncio.sleep(self._rng.uniform(0.2, 5))
        node.start()

    async def _primary(self) -> None:
        member = await asyncio.to_thread(self._mongo.primary)
        if member is not None:
            member.kill()
            await asyncio.sleep(self._rng.uniform(0.2, 4))
            member.start()

    async def _freeze(self) -> None:
        member = await asyncio.to_thread(self._mongo.primary)
        if member is not None:
            member.signal(signal.SIGSTOP)
            await asyncio.sleep(self._rng.uniform(0.5, 3))
            member.signal(signal.SIGCONT)

    async def _disk(self) -> None:
        node = self._rng.choice(self._nodes)
        if node.workers():
            pid = node.fill_disk(self._rng)
            await asyncio.sleep(self._rng.uniform(0.2, 2))
            limit_files(pid, UNLIMITED)
