"""Many events of many accounts over thirty days, and what the database reads to show a month of one of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from bson.int64 import Int64
from pymongo import WriteConcern

from tests.store.events import days_ago
from tornadogw.store.mongo import Mongo

BATCH = 2000
ACCOUNTS, KEYS, MODELS, DAYS = 200, 5, 12, 30


def events(count: int) -> Iterator[dict[str, Any]]:
    """In the order in which they came, as a ledger would store them; a few accounts make most of the calls."""
    draw = random.Random(4)
    first = days_ago(DAYS) + timedelta(hours=12)
    weights = [1 / (number + 6) for number in range(ACCOUNTS)]
    step = timedelta(days=DAYS) / count
    owners = draw.choices(range(ACCOUNTS), weights, k=count)
    for number in range(count):
        when, owner = first + step * number, owners[number]
        yield {
            "_id": f"{owner:022x}{number:08x}",
            "r": f"{number:024x}",
            "a": f"account{owner:03}",
            "k": f"key{owner:03}{draw.randrange(KEYS)}",
            "t": when,
            "md": "chat",
            "q": "auto",
            "m": f"model-{draw.randrange(MODELS)}.5",
            "up": "upstream",
            "sse": True,
            "st": "whole",
            "i": draw.randrange(5000),
            "o": draw.randrange(1000),
            "ic": draw.randrange(100),
            "src": "reported",
            "c": Int64(draw.randrange(100_000)),
            "p": [270_000, 1_100_000, 70_000, None, None],
            "w": "prepaid",
            "d": f"{when:%Y%m%d}",
            "ttft": 300,
            "ms": 3000,
        }


async def load(mongo: Mongo, count: int) -> None:
    fast = mongo.database["events"].with_options(write_concern=WriteConcern(w=1, j=False))
    batch = []
    for event in events(count):
        batch.append(event)
        if len(batch) == BATCH:
            await fast.insert_many(batch, ordered=False)
            batch = []
    if batch:
        await fast.insert_many(batch, ordered=False)


class Read(NamedTuple):
    """What the database says that it did."""

    returned: int
    documents: int
    keys: int


async def explained(mongo: Mongo, command: Mapping[str, Any]) -> Read:
    plan = await mongo.database.command("explain", command, verbosity="executionStats")
    stats = plan.get("executionStats") or plan["stages"][0]["$cursor"]["executionStats"]
    return Read(stats["nReturned"], stats["totalDocsExamined"], stats["totalKeysExamined"])


def percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]
