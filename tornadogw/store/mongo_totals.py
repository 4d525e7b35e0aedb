"""Days of all accounts in MongoDB: one document a day, so that the operators' page of a month reads thirty of them.

usage_total  `_id` YYYYMMDD, the accounts' local day, `d` as a date (for its removal), `p` {`<model>|<upstream>`} ->
             {`n` requests, `c` charged, `i` prompt, `o` completion, `x` failed, `k` what the operator pays, `y` charged
             where that is unknown}; `u`, `b`, `x` as in `usage_day` (`mongo_days`), and kept right in the same way
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pymongo
from pymongo import ASCENDING, UpdateOne

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import (
    EARLIEST,
    LATEST,
    MongoDays,
    began,
    date_of,
    day_expression,
    decoded,
    encoded,
    name_of,
    safe,
)
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_retention import complete_from
from tornadogw.store.mongo_uses import MongoUses
from tornadogw.store.mongo_values import money
from tornadogw.store.ports import MAX_AMOUNT
from tornadogw.store.ports_money import Entry
from tornadogw.store.ports_usage import Sum, Total
from tornadogw.types import Record

__all__ = ["FINE", "MongoBooks", "MongoTotals", "total", "totalled"]

FIELDS: Mapping[str, str] = {
    "requests": "n",
    "cost": "c",
    "prompt": "i",
    "completion": "o",
    "failed": "x",
    "paid": "k",
    "unknown": "y",
}
_SHORT = tuple(FIELDS.values())
FINE = ("whole", "client_gone")
"""How calls end that nobody is to blame for."""
SECONDS = 600.0
"""How long one rebuild may take."""
_BAR, _BAR_CODE = "|", "%7C"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_EMPTIED: list[Mapping[str, Any]] = [{"$set": {"p": {"$literal": {}}, "b": "$$NOW"}}, {"$unset": "x"}]
_Sums = dict[str, list[int]]


class MongoTotals:
    """A `TotalStore` and a `DayBook`."""

    def __init__(self, mongo: Mongo, zone: str) -> None:
        """`zone`: the IANA name for events that do not say their day."""
        self._mongo, self._zone = mongo, zone
        self._events, self._totals = mongo.database["events"], mongo.database["usage_total"]
        self._runs = mongo.database["usage_runs"]
        self._unsure: frozenset[str] = frozenset()

    # --- read ------------------------------------------------------------------------------------------------------

    async def totals(self, first: str, last: str) -> Sequence[Total]:
        with driver_errors():
            found = await self._totals.find({"_id": {"$gte": first, "$lte": last}}).sort("_id", ASCENDING).to_list(None)
        return [total(each) for each in found]

    # --- written ---------------------------------------------------------------------------------------------------

    async def add(self, entries: Sequence[Entry]) -> None:
        """In one operation. Not two at the same time."""
        days: dict[str, _Sums] = {day: {} for day in self._unsure}
        for entry in entries:
            _fold(days.setdefault(self._day(entry.record), {}), entry.record)
        if days:
            self._unsure = frozenset(days)
            await self._write(_update(day, sums) for day, sums in days.items())
            self._unsure = frozenset()

    async def mark(self, entries: Sequence[Entry]) -> None:
        days = {self._day(entry.record) for entry in entries}
        if days:
            await self._write(_update(day, {}) for day in days)

    async def _write(self, updates: Iterable[UpdateOne]) -> None:
        with driver_errors():
            await self._totals.bulk_write(list(updates), ordered=False)

    def _day(self, call: Record) -> str:
        return call.day or name_of(datetime.fromtimestamp(call.started, ZoneInfo(self._zone)))

    # --- counted anew ----------------------------------------------------------------------------------------------

    async def rebuild(self, days: Sequence[str], margin_ms: int, begun: datetime) -> None:
        """Count these days, in order and without gaps, anew from their events, which are all there.

        `margin_ms`: for which an addition may be on its way, as for `usage_day`. `begun`: when that was asked for.
        """
        stages = [*totalled({"t": began(days)}, days, self._zone), *_written_over(margin_ms)]
        there = [UpdateOne({"_id": day}, {"$setOnInsert": {"d": date_of(day), "p": {}}}, upsert=True) for day in days]
        with driver_errors(), pymongo.timeout(SECONDS):
            await self._events.aggregate(stages, allowDiskUse=True).to_list(None)
            await self._totals.bulk_write(there, ordered=False)
            await self._totals.update_many({"_id": {"$in": list(days)}, "$expr": _silent(begun, margin_ms)}, _EMPTIED)

    async def late(self) -> Sequence[str]:
        """Days that are over and got an event since they were counted, and closed ones that were never counted."""
        now = datetime.now(UTC)
        floor = await complete_from(self._mongo, now) - EARLIEST
        closed = {"done": {"$exists": True}, "d": {"$gte": floor}}
        with driver_errors():
            found = await self._totals.find({"d": {"$gte": floor}}, {"_id": 1, "x": 1}).to_list(None)
            done = [each["_id"] for each in await self._runs.find(closed, {"_id": 1}).to_list(None)]
        known = {each["_id"] for each in found}
        marked = {each["_id"] for each in found if "x" in each and each["x"] < now - LATEST}
        return sorted(marked | {day for day in done if day not in known})


class MongoBooks:
    """A `DayBook`: days of accounts, and of all of them, and when keys were used."""

    def __init__(self, mongo: Mongo, zone: str) -> None:
        self._days, self._totals = MongoDays(mongo, zone), MongoTotals(mongo, zone)
        self._uses = MongoUses(mongo)

    async def add(self, entries: Sequence[Entry]) -> None:
        try:
            await self._days.add(entries)
        finally:
            try:
                await self._totals.add(entries)
            finally:
                await self._uses.add(entries)

    async def mark(self, entries: Sequence[Entry]) -> None:
        await self._days.mark(entries)
        await self._totals.mark(entries)
        await self._uses.mark(entries)


def total(document: Mapping[str, Any]) -> Total:
    """A document of `usage_total`."""
    sums = {_pair(name): Sum(*(int(each.get(short, 0)) for short in _SHORT)) for name, each in document["p"].items()}
    return Total(document["_id"], sums)


def _name(model: str, upstream: str) -> str:
    return _BAR.join(encoded(each).replace(_BAR, _BAR_CODE) for each in (model, upstream))


def _pair(name: str) -> tuple[str, str]:
    model, _, upstream = name.partition(_BAR)
    return decoded(model.replace(_BAR_CODE, _BAR)), decoded(upstream.replace(_BAR_CODE, _BAR))


def _fold(sums: _Sums, call: Record) -> None:
    """Add a call to what is to be added."""
    known = call.paid is not None
    amounts = (
        1,
        call.cost,
        call.usage.prompt,
        call.usage.completion,
        0 if call.finish in FINE else 1,
        call.paid or 0,
        0 if known else call.cost,
    )
    so_far = sums.setdefault(_name(call.model, call.upstream), [0] * len(amounts))
    for number, amount in enumerate(amounts):
        so_far[number] += amount


def _update(day: str, sums: _Sums) -> UpdateOne:
    date = date_of(day)
    change: dict[str, Any] = {"$set": {"d": date, "x": date}, "$currentDate": {"u": True}}
    added = {
        f"p.{name}.{short}": money(min(amount, MAX_AMOUNT))
        for name, amounts in sums.items()
        for short, amount in zip(_SHORT, amounts, strict=True)
        if amount
    }
    if added:
        change["$inc"] = added
    else:
        change["$setOnInsert"] = {"p": {}}
    return UpdateOne({"_id": day}, change, upsert=True)


def totalled(match: Mapping[str, Any], days: Sequence[str], zone: str) -> list[Mapping[str, Any]]:
    """Stages over `events` that make documents of `usage_total`."""
    barred = [
        {"$replaceAll": {"input": safe(field), "find": _BAR, "replacement": _BAR_CODE}} for field in ("$m", "$up")
    ]
    sums: dict[str, Any] = {
        "n": {"$sum": 1},
        "c": {"$sum": "$c"},
        "i": {"$sum": "$i"},
        "o": {"$sum": "$o"},
        "x": {"$sum": {"$cond": [{"$in": ["$st", list(FINE)]}, 0, 1]}},
        "k": {"$sum": "$pc"},
        "y": {"$sum": {"$cond": [{"$eq": [{"$type": "$pc"}, "missing"]}, "$c", 0]}},
    }
    pair = {"k": "$_id.v", "v": {short: {"$toLong": f"${short}"} for short in sums}}
    return [
        {"$match": match},
        {"$set": {"day": day_expression(zone)}},
        {"$match": {"day": {"$in": list(days)}}},
        {"$group": {"_id": {"day": "$day", "v": {"$concat": [barred[0], _BAR, barred[1]]}}, **sums}},
        {"$group": {"_id": "$_id.day", "p": {"$push": pair}}},
        {
            "$project": {
                "d": {"$dateFromString": {"dateString": "$_id", "format": "%Y%m%d"}},
                "p": {"$arrayToObject": "$p"},
            }
        },
    ]


def _silent(begun: datetime, margin_ms: int) -> Mapping[str, Any]:
    """A day that no event speaks for: nobody counted it since, and nobody added to it lately."""
    uncounted = {"$lt": [{"$ifNull": ["$b", _NEVER]}, begun]}
    quiet = {"$lt": [{"$ifNull": ["$u", _NEVER]}, begun - timedelta(milliseconds=margin_ms)]}
    return {"$and": [uncounted, quiet]}


def _written_over(margin_ms: int) -> list[Mapping[str, Any]]:
    """Stages that put the documents in the place of those that were there: as `mongo_rebuild` does with days."""
    settled = {"$lt": [{"$ifNull": ["$u", _NEVER]}, {"$subtract": ["$$new.b", margin_ms]}]}
    kept = {"u": "$u", "x": {"$cond": [settled, "$$REMOVE", "$x"]}}
    newer = {"$cond": [{"$gt": ["$b", "$$new.b"]}, "$$ROOT", {"$mergeObjects": ["$$new", kept]}]}
    return [
        {"$set": {"b": "$$NOW"}},
        {"$merge": {"into": "usage_total", "on": "_id", "whenMatched": [{"$replaceWith": newer}]}},
    ]
