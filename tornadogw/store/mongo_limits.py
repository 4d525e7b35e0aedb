"""What processes count in common in MongoDB.

rl  `_id` (`k:<key>`, `ip:<address>`, `t:<key>`, `c:<key>`), `g` amounts by slot `{s, n}`, `h` what processes hold
    `{p, n, x}`, `now`, `u`, `a` what the last update found and gave, `e` when the document is of no use any more

Counts of a minute are not money: a write is acknowledged by the primary alone. A failover may forget the last ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pymongo
from pymongo import ASCENDING, IndexModel, ReturnDocument, WriteConcern
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.ports_limits import SLOTS, Share, Took

__all__ = ["INDEXES", "MongoLimits"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {"rl": (IndexModel([("e", ASCENDING)], expireAfterSeconds=0),)}

_NOW_MS: Mapping[str, Any] = {"$toLong": "$$NOW"}


class MongoLimits:
    """A `LimitStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._counts = mongo.database["rl"].with_options(write_concern=WriteConcern(w=1, j=False))

    async def take(
        self, subject: str, limit: int, need: int, owed: Sequence[tuple[int, int]], window: float, seconds: float
    ) -> Took:
        slot = window * 1000 / SLOTS
        told = {"now": 1, "u": 1, "a": 1, "g": {"$cond": [_refused(limit, need), "$g", []]}}
        found = await self._update(subject, _taking(limit, need, owed, slot), told, seconds)
        now = found["now"].timestamp() * 1000
        leaving = sorted((((each["s"] + SLOTS + 1) * slot - now) / 1000, each["n"]) for each in found["g"])
        return Took(found["a"], found["u"], leaving)

    async def share(
        self, subject: str, process: str, want: int, keep: int, limit: int, ttl: float, seconds: float
    ) -> Share:
        found = await self._update(
            subject, _sharing(process, want, keep, limit, round(ttl * 1000)), {"a": 1, "u": 1}, seconds
        )
        return Share(found["a"], found["u"])

    async def _update(
        self, subject: str, pipeline: Sequence[Mapping[str, Any]], told: Mapping[str, Any], seconds: float
    ) -> Mapping[str, Any]:
        with driver_errors(), pymongo.timeout(seconds):
            for last in (False, True):
                try:
                    return await self._counts.find_one_and_update(
                        {"_id": subject},
                        list(pipeline),
                        projection=told,
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
                except DuplicateKeyError:  # another process made the document a moment ago
                    if last:
                        raise
        raise AssertionError


def _refused(limit: int, need: int) -> Mapping[str, Any]:
    return {"$lt": ["$a", need]} if need else {"$gte": ["$u", limit]}


def _taking(limit: int, need: int, owed: Sequence[tuple[int, int]], slot: float) -> Sequence[Mapping[str, Any]]:
    """`slot` in milliseconds. What is owed of the present slot joins what is granted in it."""
    alive = {"$filter": {"input": {"$ifNull": ["$g", []]}, "cond": {"$gte": ["$$this.s", _ago(SLOTS)]}}}
    earlier = [{"s": _ago(ago), "n": amount} for ago, amount in owed if ago]
    present = sum(amount for ago, amount in owed if not ago)
    granted = {"$max": [0, {"$min": [need, {"$subtract": [limit, {"$add": ["$u", present]}]}]}]}
    others = {"$filter": {"input": "$g", "cond": {"$ne": ["$$this.s", "$now_slot"]}}}
    here = {"s": "$now_slot", "n": {"$subtract": ["$u", {"$sum": "$others.n"}]}}
    expires = round(slot * SLOTS * 2)
    return [
        {"$set": {"now": "$$NOW", "now_slot": {"$toLong": {"$floor": {"$divide": [_NOW_MS, slot]}}}}},
        {"$set": {"g": {"$concatArrays": [alive, earlier]} if earlier else alive, "e": {"$add": ["$$NOW", expires]}}},
        {"$set": {"u": {"$sum": "$g.n"}}},
        {"$set": {"a": granted, "others": others}},
        {"$set": {"u": {"$add": ["$u", present, "$a"]}}},
        {
            "$set": {
                "g": {"$cond": [{"$gt": [{"$add": ["$a", present]}, 0]}, {"$concatArrays": ["$others", [here]]}, "$g"]}
            }
        },
        {"$unset": ["now_slot", "others"]},
    ]


def _ago(slots: int) -> Mapping[str, Any]:
    return {"$subtract": ["$now_slot", slots]}


def _sharing(process: str, want: int, keep: int, limit: int, ttl_ms: int) -> Sequence[Mapping[str, Any]]:
    others = {"$and": [{"$gt": ["$$this.x", "$$NOW"]}, {"$ne": ["$$this.p", process]}]}
    mine = {"$max": [keep, {"$min": [want, {"$subtract": [limit, "$u"]}]}]}
    until = {"$add": ["$$NOW", ttl_ms]}
    held = {"$cond": [{"$gt": ["$a", 0]}, {"$concatArrays": ["$h", [{"p": process, "n": "$a", "x": until}]]}, "$h"]}
    return [
        {"$set": {"h": {"$filter": {"input": {"$ifNull": ["$h", []]}, "cond": others}}}},
        {"$set": {"u": {"$sum": "$h.n"}}},
        {"$set": {"a": mine}},
        {"$set": {"h": held, "e": {"$add": ["$$NOW", 2 * ttl_ms]}}},
    ]
