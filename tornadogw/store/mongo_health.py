"""What processes know in common of upstreams and keys, in MongoDB.

health  `_id` `["upstream", "fingerprint", "model"]`, `k` name of the key, `c` cool-down {`l` lifts before it, `x` end,
        `by`}, `g` breaker {`o` when it opened or was closed, `z` 1: closed, `n` how often it opened, `x` end,
        `d` disabled, `by`}, `w` version, `e` when the document is of no use any more

probes  `_id` likewise, `by` whose turn it was, `at` when; removed after a day

`c` and `g` only ever grow, as BSON compares documents: field by field. All moments are the database's; none is sent.
A mark is no money: a write is acknowledged by the primary alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from bson.int64 import Int64
from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import NOT_NOW, driver_errors, is_away
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_health import Heard, Spot, Told

__all__ = ["INDEXES", "MongoHealth"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "health": (IndexModel([("e", ASCENDING)], expireAfterSeconds=0), IndexModel([("w", ASCENDING)])),
    "probes": (IndexModel([("at", ASCENDING)], expireAfterSeconds=86400),),
}
KEPT = 3600.0
"""Seconds for which a mark stays after its end: until then a breaker is closed by a probe only."""
_BEHIND = 5000
"""Milliseconds that are read again: a write may be seen later than one that began after it."""
_LONGEST = 400 * 86400.0
"""Seconds that an upstream may have itself left alone for."""
_DUPLICATE = 11000
_NOW = "$$NOW"
_NEVER = datetime.fromtimestamp(0, UTC)


class MongoHealth:
    """A `HealthStore` of one process."""

    def __init__(self, mongo: Mongo, process: str) -> None:
        """`process`: a name that no other one has."""
        self._marks = mongo.database["health"].with_options(write_concern=WriteConcern(w=1, j=False))
        self._probes = mongo.database["probes"].with_options(write_concern=WriteConcern(w=1, j=False))
        self._process = process

    async def tell(self, told: Sequence[Told]) -> Sequence[Heard]:
        updates = [
            UpdateOne({"_id": _id(each.spot)}, _telling(each, self._process, _NOW), upsert=True) for each in told
        ]
        with driver_errors():
            for last in (False, True):
                try:
                    await self._marks.bulk_write(updates, ordered=False)
                    break
                except BulkWriteError as error:
                    codes = {each["code"] for each in (error.details or {}).get("writeErrors", ())}
                    if is_away(error) or not NOT_NOW.isdisjoint(codes):
                        raise StoreUnavailable("the marks are not kept yet") from None
                    if last or codes != {_DUPLICATE}:  # else another process made the document a moment ago
                        raise
        return await self._read({"_id": {"$in": [_id(each.spot) for each in told]}})

    async def since(self, version: int) -> Sequence[Heard]:
        return await self._read({"w": {"$gte": version - _BEHIND}, "$expr": {"$gt": ["$e", _NOW]}})

    async def claim(self, spot: Spot, seconds: float) -> bool:
        claim = f"{self._process} {secrets.token_hex(8)}"
        due = {"$lt": [{"$ifNull": ["$at", _NEVER]}, _after(_NOW, -seconds)]}
        taken = {name: {"$cond": [due, value, f"${name}"]} for name, value in (("by", claim), ("at", _NOW))}
        with driver_errors():
            try:
                found = await self._probes.find_one_and_update(
                    {"_id": _id(spot)}, [{"$set": taken}], upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:  # another process made it at this moment
                return False
        return bool(found["by"] == claim)

    async def _read(self, query: Mapping[str, Any]) -> Sequence[Heard]:
        with driver_errors():
            found = await self._marks.aggregate([{"$match": query}, {"$project": _READ}]).to_list(None)
        return [self._heard(each) for each in found]

    def _heard(self, found: Mapping[str, Any]) -> Heard:
        state = found.get("n") is not None
        told = Told(
            spot=msgspec.json.decode(found["_id"], type=Spot),
            key=found["k"],
            cool=max(0.0, (found.get("cool") or 0) / 1000),
            lifts=int(found.get("lifts") or 0),
            age=found["age"] / 1000 if state else None,
            openings=found["n"] if state else 0,
            wait=found["wait"] / 1000 if state else 0.0,
            disabled=bool(found.get("d")),
        )
        return Heard(
            told,
            found["w"],
            stamp=" ".join(str(found.get(each)) for each in ("o", "z", "n", "d", "by")),
            own_cool=found.get("cool_by") == self._process,
            own_state=found.get("by") == self._process,
        )


_READ: Mapping[str, Any] = {
    "k": 1,
    "w": 1,
    "cool": {"$subtract": ["$c.x", _NOW]},
    "cool_by": "$c.by",
    "lifts": "$c.l",
    "age": {"$subtract": [_NOW, "$g.o"]},
    "wait": {"$subtract": ["$g.x", _NOW]},
    "o": {"$toLong": "$g.o"},
    "z": "$g.z",
    "n": "$g.n",
    "d": "$g.d",
    "by": "$g.by",
}


def _id(spot: Spot) -> str:
    return msgspec.json.encode(spot).decode()


def _telling(told: Told, process: str, now: Any) -> Sequence[Mapping[str, Any]]:
    """An update that adds what is told at the moment `now`."""
    by = {"$literal": process}
    grown: dict[str, Any] = {"k": {"$literal": told.key}}
    if told.cool > 0 or told.lifts:
        lifts = {"$literal": Int64(told.lifts)}
        counted = {"$cond": [{"$gte": ["$c.l", 0]}, "$c", None]}  # one from before there were lifts would always win
        grown["c"] = {"$max": [counted, {"l": lifts, "x": _after(now, told.cool), "by": by}]}
    if told.age is not None:
        opened, closed = _after(now, -told.age), not told.openings
        grown["g"] = {
            "$max": [
                "$g",
                {
                    "o": opened,
                    "z": {"$literal": int(closed)},
                    "n": {"$literal": told.openings},
                    "x": opened if closed else _after(now, told.wait),
                    "d": {"$literal": told.disabled},
                    "by": by,
                },
            ]
        }
    return [
        {"$set": grown},
        {
            "$set": {
                "w": {"$max": [{"$toLong": now}, {"$add": ["$w", 1]}]},
                "e": {"$add": [{"$max": ["$c.x", "$g.x", now]}, round(KEPT * 1000)]},
            }
        },
    ]


def _after(now: Any, seconds: float) -> Mapping[str, Any]:
    return {"$add": [now, round(min(seconds, _LONGEST) * 1000)]}
