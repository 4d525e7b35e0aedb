"""What a limit costs a request: CPU of counting it here, and of asking the common count of a real mongod.

    .venv/bin/python bench/limits.py

takes a few seconds.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tornadogw.limits.limiter import Limiter
from tornadogw.settings.tables import Limits
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_embedded import PrivateMongod, open_private
from tornadogw.store.mongo_indexes import INDEXES
from tornadogw.store.mongo_limits import MongoLimits
from tornadogw.types import Caller

ROUNDS, TAKES, ASKS = 7, 20_000, 500
TICK = os.sysconf("SC_CLK_TCK")
MANY = Limits(key_per_minute=10**6, ip_per_minute=10**9)
"""Never refused; four processes may let ten million of a billion pass unasked."""


def per_take(take: Callable[[], object], takes: int = TAKES) -> float:
    """Microseconds of CPU, the median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(takes):
            take()
        found.append((time.process_time() - began) / takes * 1e6)
    return median(found)


def mongod_seconds(server: PrivateMongod) -> float:
    user, system = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICK


async def measure(server: PrivateMongod) -> None:
    mongo = Mongo.connect(server.url, "bench", 5000)
    await mongo.ensure_indexes(*INDEXES)
    store, caller = MongoLimits(mongo), Caller("a", "k")

    alone = Limiter(MANY)
    show("one process, passed", per_take(lambda: alone.key(caller), 10_000))
    tight = Limiter(Limits(key_per_minute=1))
    show("one process, refused", per_take(lambda: tight.key(caller)))

    each = [Limiter(MANY, store, lambda: 4) for _ in range(4)]
    while not all([one.settled for one in each]):  # noqa: ASYNC110, C419 -- all begin, and nobody tells when they know
        await asyncio.sleep(0.01)
    four = each[0]
    show("four processes, passed unasked", per_take(lambda: four.address("203.0.113.7")))
    await four.ask_key(Caller("a", "full", rpm=1))
    full = Caller("a", "full", rpm=1)
    show("four processes, refused by what is known", per_take(lambda: four.key(full)))

    for limit in (100, 500):
        asking = Caller("a", f"asks{limit}", rpm=limit)
        for _ in range(limit // 2):  # a window that is half full
            await four.ask_key(asking)
            await asyncio.sleep(0.01)
        began, before = time.process_time(), mongod_seconds(server)
        for _ in range(ASKS):
            await store.take(f"k:asks{limit}", limit, 0, (), 60.0, 5.0)
        client, served = time.process_time() - began, mongod_seconds(server) - before
        show(f"four processes, asked, limit {limit}", client / ASKS * 1e6, served / ASKS * 1e6)
    for one in each:
        await one.close()
    await mongo.close()


def show(what: str, client: float, served: float | None = None) -> None:
    print(f"| {what} | {client:.1f} | {'' if served is None else f'{served:.0f}'} |")


if __name__ == "__main__":
    print("| us of CPU per request | here | mongod |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, open_private(Path(folder), "serve") as private:
        asyncio.run(measure(private))
