"""Processes that share what they know of upstreams, each a Health and a Sharing, over a real MongoDB."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace

from tests.awake import STANDSTILL, within
from tornadogw.breaker import FAILURES
from tornadogw.health import Health
from tornadogw.secret import Secret
from tornadogw.sharing import Sharing, spots
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.mongo_watch import Watch
from tornadogw.types import Credential, Failure

FINGERPRINTS = Secret("a secret of these tests").upstream_key
BROKEN = Failure("elsewhere", code="reset")
SECONDS = 2.0
"""Within which others must know."""
HERE = {"upstream": "up", "credential": "up#1", "model": "m"}
NEAR = 0.25
"""Seconds by which a moment may be missed, besides what the database takes for what is told and heard."""


class Timed:
    """A store, and how long it took at most to tell and how long to hear."""

    def __init__(self, store: MongoHealth) -> None:
        self._store, self.longest = store, {"tell": 0.0, "since": 0.0}

    async def _timed(self, name: str, *given):
        began = time.monotonic()
        try:
            return await getattr(self._store, name)(*given)
        finally:
            self.longest[name] = max(self.longest[name], time.monotonic() - began)

    async def tell(self, told):
        return await self._timed("tell", told)

    async def since(self, version):
        return await self._timed("since", version)


def catalogue(*keys: str, models: tuple[str, ...] = ("m",)):
    """As much of one as is asked for."""
    credentials = tuple(Credential(f"up#{at}", key) for at, key in enumerate(keys, 1))
    routes = [SimpleNamespace(upstream="up", model=model, credentials=credentials) for model in models]
    return SimpleNamespace(models=[SimpleNamespace(routes=routes)])


class Process:
    """What a worker has of it all."""

    def __init__(self, mongo: Mongo, name: str, keys: tuple[str, ...] = ("sk-1", "sk-2"), clock=time.monotonic) -> None:
        self.health = Health(clock, random.Random(name), retry=3600)
        self.sharing = Sharing(Timed(MongoHealth(mongo, name)), self.health, spots(catalogue(*keys), FINGERPRINTS))
        self.watch = Watch(mongo, {"health": None}, lambda *_: self.sharing.look(), self.sharing.look)

    def call(self, failure: Failure | None = None, **more: str) -> None:
        visit = self.health.enter(**(HERE | more))
        visit.well() if failure is None else visit.failed(failure)

    def breaks(self) -> None:
        for _ in range(FAILURES):
            self.call(BROKEN)

    def wait(self, **more: str) -> float:
        return self.health.wait(**(HERE | more))


def near(*processes: Process) -> float:
    """Seconds that may lie between what these know: moments are told by the database's clock when it is asked."""
    return NEAR + sum(sum(each.sharing._store.longest.values()) for each in processes)


@asynccontextmanager
async def running(*processes: Process):
    """All of them at work, with their eyes open."""
    try:
        for each in processes:
            await each.sharing.start()
            each.watch.start()
            await each.watch.opened()
        yield
    finally:
        for each in processes:
            await each.watch.close()
            await each.sharing.close()


async def learns(true: Callable[[], bool], mongo: Mongo | None = None) -> None:
    """Within two seconds, if `mongo` is what they share, else in the end."""
    async with asyncio.timeout(STANDSTILL) if mongo is None else within(SECONDS, mongo):
        while not true():
            await asyncio.sleep(0.005)
