"""A price that the settings change leaves its line in the audit log, once."""

from __future__ import annotations

import asyncio

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_prices import note_prices
from tornadogw.types import Price


async def lines(mongo: Mongo) -> list[tuple[str, str, dict[str, int], dict[str, int]]]:
    found = await MongoAudit(mongo).entries(None, 0.0, 100)
    return [
        (each.by, each.subject, dict(each.before), dict(each.after)) for each in found if each.act == "price.change"
    ]


async def test_what_changed_is_told_with_before_and_after(mongo: Mongo) -> None:
    first = {"a.b$c": Price(270_000, 1_100_000, 70_000), "free": Price()}
    assert await note_prices(mongo, first, by="settings on one", at=1.0) == 1
    assert await note_prices(mongo, first, by="settings on one", at=2.0) == 0
    second = {"a.b$c": Price(300_000, 1_100_000, 70_000), "new": Price(1, 2)}
    assert await note_prices(mongo, second, by="settings on two", at=3.0) == 2
    assert await note_prices(mongo, {"new": Price(1, 2)}, by="settings on two", at=4.0) == 1
    old = {"input": 270_000, "output": 1_100_000, "cached_input": 70_000}
    assert await lines(mongo) == [
        ("settings on one", "a.b$c", {}, old),
        ("settings on two", "a.b$c", old, {**old, "input": 300_000}),
        ("settings on two", "new", {}, {"input": 1, "output": 2}),
        ("settings on two", "a.b$c", {**old, "input": 300_000}, {}),
    ]


async def test_of_many_that_start_at_once_one_tells(mongo: Mongo) -> None:
    prices = {"m": Price(1, 2)}
    await note_prices(mongo, {"m": Price(5, 5)}, by="settings", at=1.0)
    counts = await asyncio.gather(*(note_prices(mongo, prices, by="settings", at=2.0) for _ in range(5)))
    assert sum(counts) == 1
    assert len(await lines(mongo)) == 2
