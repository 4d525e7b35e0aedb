"""Days of accounts, counted anew from their events in MongoDB. Documents as in `mongo_days`.

A rebuild may meet additions: one that came after it began keeps its mark `x`, so that the day is counted once more.
Two rebuilds may meet: the one that began later stays.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import EARLIEST, LATEST, began, between, counted, date_of, name_of
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_retention import complete_from, days_from
from tornadogw.store.mongo_totals import MongoTotals
from tornadogw.store.mongo_uses import MongoUses

__all__ = ["MongoDayJobs", "written_over"]

SECONDS = 600.0
"""How long one rebuild may take: a million events took 78 s on a slow machine."""
MARGIN_MS = 60_000
"""What the clocks of two servers of a replica set may differ by, and an addition may be on its way."""
LATE = 1000
"""Account-days that are counted anew at a time."""
_A_DAY = timedelta(days=1)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def written_over() -> list[Mapping[str, Any]]:
    """Stages after `counted` that put its documents in the place of those that were there."""
    settled = {"$lt": ["$u", {"$subtract": ["$$new.b", MARGIN_MS]}]}
    kept = {"u": "$u", "x": {"$cond": [settled, "$$REMOVE", "$x"]}}
    newer = {"$cond": [{"$gt": ["$b", "$$new.b"]}, "$$ROOT", {"$mergeObjects": ["$$new", kept]}]}
    return [
        {"$set": {"b": "$$NOW"}},
        {"$merge": {"into": "usage_day", "on": "_id", "whenMatched": [{"$replaceWith": newer}]}},
    ]


class MongoDayJobs:
    """A `DayJobs`."""

    def __init__(self, mongo: Mongo, zone: str) -> None:
        """`zone`: the IANA name for events that do not say their day."""
        self._mongo, self._zone = mongo, zone
        self._events, self._days = mongo.database["events"], mongo.database["usage_day"]
        self._runs, self._totals = mongo.database["usage_runs"], MongoTotals(mongo, zone)
        self._uses = MongoUses(mongo)

    async def due(self) -> Sequence[str]:
        now = datetime.now(UTC)
        floor = max(await complete_from(self._mongo, now) - EARLIEST, await days_from(self._mongo, now))
        with driver_errors():
            oldest = await self._events.find({}, {"t": 1}).sort("t", ASCENDING).limit(1).to_list(1)
            if not oldest:
                return []
            first, last = name_of(max(oldest[0]["t"], floor + _A_DAY) - _A_DAY), name_of(now - LATEST)
            closed = {"_id": {"$gte": first, "$lte": last}, "done": {"$exists": True}}
            done = {each["_id"] for each in await self._runs.find(closed, {"_id": 1}).to_list(None)}
        days = [day for day in between(first, last) if day not in done]
        return [day for day in days if date_of(day) >= floor]

    async def claim(self, job: str, by: str, seconds: float) -> bool:
        stale = {"$lt": [{"$ifNull": ["$at", _NEVER]}, _ago(seconds)]}
        free = {"$and": [{"$eq": [{"$type": "$done"}, "missing"]}, stale]}
        claim = f"{by} {secrets.token_hex(8)}"
        taken = {name: {"$cond": [free, value, f"${name}"]} for name, value in (("p", claim), ("at", "$$NOW"))}
        with driver_errors():
            try:
                found = await self._runs.find_one_and_update(
                    {"_id": job},
                    [{"$set": {**taken, **_dated(job)}}],
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:  # another made it at this moment
                return False
        return bool(found["p"] == claim)

    async def done(self, day: str) -> None:
        with driver_errors():
            await self._runs.update_one({"_id": day}, [{"$set": {"done": "$$NOW", **_dated(day)}}], upsert=True)

    async def rebuild(self, first: str, last: str) -> int:
        floor = await complete_from(self._mongo, datetime.now(UTC))
        if date_of(first) + EARLIEST < floor:
            raise UsageError(f"events before {floor:%Y-%m-%d} have been removed: older days cannot be counted anew")
        days = between(first, last)
        begun = await self._now()
        await self._merge({"t": began(days)}, days)
        await self._empty({"d": {"$gte": date_of(first), "$lte": date_of(last)}}, begun)
        await self._totals.rebuild(days, MARGIN_MS, begun)
        await self._uses.rebuild({"t": began(days)})
        with driver_errors():
            return await self._days.count_documents({"d": {"$gte": date_of(first), "$lte": date_of(last)}})

    async def rebuild_uses(self) -> None:
        await self._uses.rebuild({})

    async def rebuild_late(self) -> int:
        floor = await complete_from(self._mongo, datetime.now(UTC))
        over = {"x": {"$lt": datetime.now(UTC) - LATEST}}
        with driver_errors():
            found = await self._days.find(over, {"a": 1, "d": 1, "u": 1}).sort("x", ASCENDING).limit(LATE).to_list(None)
        by_day: dict[str, list[Mapping[str, Any]]] = {}
        for each in found:
            by_day.setdefault(name_of(each["d"]), []).append(each)
        for day, documents in by_day.items():
            if date_of(day) + EARLIEST >= floor:
                theirs = {"a": {"$in": [each["a"] for each in documents]}, "t": began([day])}
                await self._merge(theirs, [day])
            await self._quiet([each["_id"] for each in documents])
        for day in await self._totals.late():
            await self._totals.rebuild([day], MARGIN_MS, await self._now())
        return len(found)

    async def _quiet(self, ids: Sequence[str]) -> None:
        """Days without events, and those whose events are gone: what was added is all that will ever be known."""
        settled = {"$expr": {"$lt": ["$u", _ago(MARGIN_MS / 1000)]}}
        old = {"$expr": {"$lt": [{"$ifNull": ["$b", _NEVER]}, "$u"]}}
        with driver_errors():
            await self._days.update_many({"_id": {"$in": list(ids)}, "$and": [settled, old]}, {"$unset": {"x": ""}})

    async def _now(self) -> datetime:
        with driver_errors():
            hello = await self._mongo.client.admin.command("hello")
        now: datetime = hello["localTime"].replace(tzinfo=UTC)
        return now

    async def _empty(self, which: Mapping[str, Any], begun: datetime) -> None:
        """Days whose document no event speaks for: nobody counted them since, and nobody added to them lately."""
        uncounted = {"$lt": [{"$ifNull": ["$b", _NEVER]}, begun]}
        quiet = {"$lt": [{"$ifNull": ["$u", _NEVER]}, begun - timedelta(milliseconds=MARGIN_MS)]}
        nothing = {"$set": {**{name: {"$literal": {}} for name in "hmkw"}, "b": "$$NOW"}}
        with driver_errors():
            await self._days.update_many({**which, "$expr": {"$and": [uncounted, quiet]}}, [nothing, {"$unset": "x"}])

    async def _merge(self, match: Mapping[str, Any], days: Sequence[str]) -> None:
        stages = [*counted(match, days, self._zone), *written_over()]
        with driver_errors(), pymongo.timeout(SECONDS):
            await self._events.aggregate(stages, allowDiskUse=True).to_list(None)


def _ago(seconds: float) -> Mapping[str, Any]:
    return {"$subtract": ["$$NOW", round(seconds * 1000)]}


def _dated(job: str) -> Mapping[str, Any]:
    """A job that is no day is never removed."""
    return {"d": date_of(job)} if job.isdecimal() else {}
