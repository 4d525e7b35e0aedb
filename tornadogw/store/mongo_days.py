"""Days of accounts in MongoDB: one document each, so that a page of a month reads thirty of them.

usage_day  `_id` `<account>:<YYYYMMDD>`, `a` account, `d` date of the day (midnight of UTC, for its removal),
           `h` {hour of UTC, YYYYMMDDHH}, `m` {model}, `k` {key}, `w` {wallet} -> {`n` requests, `c` cost, `i` prompt,
           `o` completion, `ic` cached, `iw` cache write, `og` reasoning tokens},
           `u` last addition, `b` last rebuild, `x` as `d`, while an addition may not be in a rebuild
usage_runs `_id` day or job, `p` who has claimed it, `at` when, `done` when it was closed, `d` as above

Additions are not idempotent: a process that ends between storing events and adding them leaves a day short, a repeated
addition would count twice. So each day is counted anew from its events (`mongo_rebuild`) once it is over; until then
only its events are believed. A day without `d` in its events (first version) is that of the setting's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pymongo import ASCENDING, IndexModel, UpdateOne

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_retention import complete_from
from tornadogw.store.mongo_values import money
from tornadogw.store.ports import MAX_AMOUNT
from tornadogw.store.ports_money import Entry
from tornadogw.store.ports_usage import Count, UsageDay
from tornadogw.types import Record

__all__ = [
    "EARLIEST",
    "INDEXES",
    "LATEST",
    "MongoDays",
    "began",
    "between",
    "counted",
    "date_of",
    "day_expression",
    "decoded",
    "encoded",
    "name_of",
    "safe",
    "usage_day",
]

INDEXES: Mapping[str, Sequence[IndexModel]] = {"usage_day": (IndexModel([("x", ASCENDING)], sparse=True),)}
"""Those on the dates are `mongo_retention`'s."""

FIELDS: Mapping[str, str] = {
    "requests": "n",
    "cost": "c",
    "prompt": "i",
    "completion": "o",
    "cached": "ic",
    "cache_write": "iw",
    "reasoning": "og",
}
_SHORT = tuple(FIELDS.values())
_SUMMED = tuple(short for short in FIELDS.values() if short != "n")
Sums = dict[tuple[str, str], list[int]]
"""What is to be added, in the order of `FIELDS`, by map and key."""
EARLIEST = timedelta(hours=-15)
LATEST = timedelta(hours=37)
"""Between these, counted from midnight of UTC, calls of a local day begin, wherever it is: 14 hours before and 12 after
the day of UTC are all time zones; a call begins a little before it is held."""
_UNSAFE = (("%", "%25"), (".", "%2E"), ("$", "%24"), ("\0", "%00"))
_EMPTY = "%"
"""How no name at all is written."""


def encoded(name: str) -> str:
    """A name as key of a map: a path may hold neither dots nor dollars, nor be empty."""
    for raw, safe in _UNSAFE:
        name = name.replace(raw, safe)
    return name or _EMPTY


def decoded(key: str) -> str:
    if key == _EMPTY:
        return ""
    for raw, safe in reversed(_UNSAFE):
        key = key.replace(safe, raw)
    return key


def date_of(day: str) -> datetime:
    """Midnight of UTC of a day YYYYMMDD."""
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)


def name_of(date: datetime) -> str:
    return f"{date:%Y%m%d}"


def between(first: str, last: str) -> list[str]:
    """The names of all days from `first` to `last`."""
    begin, end = date_of(first), date_of(last)
    return [name_of(begin + timedelta(days=number)) for number in range((end - begin).days + 1)]


def began(days: Sequence[str]) -> Mapping[str, Any]:
    """A condition on `t` that every event of these local days, in order and without gaps, meets."""
    return {"$gte": date_of(days[0]) + EARLIEST, "$lt": date_of(days[-1]) + LATEST}


def usage_day(document: Mapping[str, Any]) -> UsageDay:
    maps = ({decoded(key): _count(each) for key, each in document.get(name, {}).items()} for name in "hmkw")
    return UsageDay(document["_id"].rpartition(":")[2], *maps)


def _count(sums: Mapping[str, Any]) -> Count:
    get = sums.get
    return Count(*[int(get(short, 0)) for short in _SHORT])


def safe(expression: Any) -> Mapping[str, Any]:
    """`encoded`, in the database."""
    safe: Any = {"$ifNull": [expression, ""]}
    for raw, code in _UNSAFE:
        safe = {"$replaceAll": {"input": safe, "find": {"$literal": raw}, "replacement": code}}
    return {"$cond": [{"$eq": [safe, ""]}, _EMPTY, safe]}


def day_expression(zone: str) -> Mapping[str, Any]:
    """The local day of an event; without one of its own, that of the zone."""
    return {"$ifNull": ["$d", {"$dateToString": {"date": "$t", "format": "%Y%m%d", "timezone": zone}}]}


def counted(match: Mapping[str, Any], days: Sequence[str] | None, zone: str) -> list[Mapping[str, Any]]:
    """Stages over `events` that make documents of `usage_day`: of these days only, unless there are none."""
    names = {
        "h": {"$dateToString": {"date": "$t", "format": "%Y%m%d%H", "timezone": "UTC"}},
        "m": safe("$m"),
        "k": safe("$k"),
        "w": safe("$w"),
    }
    each: dict[str, Any] = {short: {"$sum": f"${short}"} for short in _SUMMED}
    sums = {"n": {"$sum": "$n"}, **each}
    which: dict[str, Any] = {"a": "$_id.a", "day": "$_id.day"}
    pair = {"k": "$_id.v", "v": {short: {"$toLong": f"${short}"} for short in sums}}
    maps = {name: {"$push": {"$cond": [{"$eq": ["$_id.part", name]}, pair, "$$REMOVE"]}} for name in names}
    parts = [{"part": name, "v": f"$_id.{name}"} for name in names]
    stages: list[Mapping[str, Any]] = [{"$match": match}, {"$set": {"day": day_expression(zone)}}]
    if days is not None:
        stages.append({"$match": {"day": {"$in": list(days)}}})
    return [
        *stages,
        {"$group": {"_id": {"a": "$a", "day": "$day", **names}, "n": {"$sum": 1}, **each}},
        {"$set": {"parts": parts}},
        {"$unwind": "$parts"},
        {"$group": {"_id": {**which, "part": "$parts.part", "v": "$parts.v"}, **sums}},
        {"$group": {"_id": which, **maps}},
        {
            "$project": {
                "_id": {"$concat": ["$_id.a", ":", "$_id.day"]},
                "a": "$_id.a",
                "d": {"$dateFromString": {"dateString": "$_id.day", "format": "%Y%m%d"}},
                **{name: {"$arrayToObject": f"${name}"} for name in names},
            }
        },
    ]


class MongoDays:
    """A `DayStore` and a `DayBook`."""

    def __init__(self, mongo: Mongo, zone: str) -> None:
        """`zone`: the IANA name for events that do not say their day."""
        self._mongo, self._zone = mongo, zone
        self._events, self._days = mongo.database["events"], mongo.database["usage_day"]
        self._runs = mongo.database["usage_runs"]
        self._unsure: dict[str, tuple[str, str]] = {}

    # --- written ---------------------------------------------------------------------------------------------------

    async def add(self, entries: Sequence[Entry]) -> None:
        """In one operation. Not two at the same time."""
        sums: dict[str, Sums] = {}
        which = dict(self._unsure)
        for entry in entries:
            place, of_day = self._place(entry)
            which[place] = of_day
            _fold(sums.setdefault(place, {}), entry.record)
        if not which:
            return
        self._unsure = which
        await self._write([_update(each, *which[each], sums.get(each, {})) for each in which])
        self._unsure = {}

    async def mark(self, entries: Sequence[Entry]) -> None:
        which = dict(self._place(entry) for entry in entries)
        if which:
            await self._write([_update(each, *which[each], {}) for each in which])

    async def _write(self, updates: list[UpdateOne]) -> None:
        with driver_errors():
            await self._days.bulk_write(updates, ordered=False)

    def _place(self, entry: Entry) -> tuple[str, tuple[str, str]]:
        """The document, its account and its day."""
        call = entry.record
        day = call.day or name_of(datetime.fromtimestamp(call.started, ZoneInfo(self._zone)))
        return f"{call.account_id}:{day}", (call.account_id, day)

    # --- read ------------------------------------------------------------------------------------------------------

    async def page(self, account_id: str, first: str, last: str) -> Sequence[UsageDay]:
        return [usage_day(each) for each in await self._documents(account_id, first, last)]

    async def days(self, account_id: str, first: str, last: str) -> Sequence[UsageDay]:
        documents = {each["_id"]: each for each in await self._documents(account_id, first, last)}
        open_days = await self._open(documents, account_id, between(first, last))
        for day in open_days:
            documents.pop(f"{account_id}:{day}", None)
        documents.update((each["_id"], each) for each in await self._counted(account_id, open_days))
        return [usage_day(documents[each]) for each in sorted(documents)]

    async def _documents(self, account_id: str, first: str, last: str) -> Sequence[Mapping[str, Any]]:
        pages = {"_id": {"$gte": f"{account_id}:{first}", "$lte": f"{account_id}:{last}"}}
        with driver_errors():
            return await self._days.find(pages).sort("_id", ASCENDING).to_list(None)

    async def _open(self, documents: Mapping[str, Mapping[str, Any]], account_id: str, days: list[str]) -> list[str]:
        """Days whose documents are not to be believed, while their events are there."""
        closed = {"_id": {"$gte": days[0], "$lte": days[-1]}, "done": {"$exists": True}}
        with driver_errors():
            done = {each["_id"] for each in await self._runs.find(closed, {"_id": 1}).to_list(None)}
        floor = await complete_from(self._mongo, datetime.now(UTC))
        late = {day for day in done if "x" in documents.get(f"{account_id}:{day}", {})}
        return [day for day in days if day not in done - late and date_of(day) + EARLIEST >= floor]

    async def _counted(self, account_id: str, days: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        if not days:
            return []
        theirs = {"$or": [{"a": account_id, "t": began(each)} for each in _runs(days)]}
        with driver_errors():
            return await self._events.aggregate(counted(theirs, days, self._zone), allowDiskUse=True).to_list(None)


def _runs(days: Sequence[str]) -> list[list[str]]:
    """The days, cut where one is missing."""
    runs: list[list[str]] = []
    for day in days:
        if runs and date_of(runs[-1][-1]) + timedelta(days=1) == date_of(day):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _fold(sums: Sums, call: Record) -> None:
    """Add a call to what is to be added, by map and key."""
    hour, usage = _hour(int(call.started) // 3600), call.usage
    amounts = (1, call.cost, usage.prompt, usage.completion, usage.cached, usage.cache_write, usage.reasoning)
    for place in (("h", hour), ("m", call.model), ("k", call.key_id), ("w", call.wallet)):
        so_far = sums.get(place)
        if so_far is None:
            sums[place] = list(amounts)
        else:
            for number, amount in enumerate(amounts):
                so_far[number] += amount


@lru_cache(maxsize=64)
def _hour(number: int) -> str:
    return f"{datetime.fromtimestamp(number * 3600, UTC):%Y%m%d%H}"


def _update(place: str, account_id: str, day: str, sums: Sums) -> UpdateOne:
    date = date_of(day)
    change: dict[str, Any] = {"$set": {"a": account_id, "d": date, "x": date}, "$currentDate": {"u": True}}
    if sums:
        change["$inc"] = {
            f"{name}.{encoded(key)}.{short}": money(min(amount, MAX_AMOUNT))
            for (name, key), amounts in sums.items()
            for short, amount in zip(_SHORT, amounts, strict=True)
            if amount
        }
    return UpdateOne({"_id": place}, change, upsert=True)
