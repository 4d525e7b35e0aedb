"""When each key was used last, in MongoDB.

key_uses  `_id` key, `t` when its latest call began

Told with the days of accounts, so that no call costs a write and no key's document, which processes watch, is changed
for it. A moment only ever grows, so that it may be told again; what was not told, because a process has ended, is found
when the day is closed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pymongo
from pymongo import UpdateOne, WriteConcern

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, seconds
from tornadogw.store.ports_money import Entry

__all__ = ["MongoUses"]

SECONDS = 600.0
"""How long counting may take."""


class MongoUses:
    """A `UseStore` and a `DayBook`."""

    def __init__(self, mongo: Mongo) -> None:
        self._events = mongo.database["events"]
        self._uses = mongo.database["key_uses"].with_options(write_concern=WriteConcern(w=1, j=False))

    async def last(self, key_ids: Collection[str]) -> Mapping[str, float]:
        if not key_ids:
            return {}
        with driver_errors():
            found = await self._uses.find({"_id": {"$in": list(key_ids)}}).to_list(None)
        return {each["_id"]: seconds(each["t"]) for each in found}

    async def add(self, entries: Sequence[Entry]) -> None:
        latest: dict[str, float] = {}
        for call in (entry.record for entry in entries):
            latest[call.key_id] = max(call.started, latest.get(call.key_id, call.started))
        told = [UpdateOne({"_id": key}, {"$max": {"t": moment(at)}}, upsert=True) for key, at in latest.items() if key]
        if told:
            with driver_errors():
                await self._uses.bulk_write(told, ordered=False)

    async def mark(self, entries: Sequence[Entry]) -> None:
        await self.add(entries)

    async def rebuild(self, match: Mapping[str, Any]) -> None:
        """What the events say that match."""
        later = {"$set": {"t": {"$max": ["$t", "$$new.t"]}}}
        stages: list[Mapping[str, Any]] = [
            {"$match": match},
            {"$group": {"_id": "$k", "t": {"$max": "$t"}}},
            {"$match": {"_id": {"$gt": ""}}},
            {"$merge": {"into": "key_uses", "on": "_id", "whenMatched": [later]}},
        ]
        with driver_errors(), pymongo.timeout(SECONDS):
            await self._events.aggregate(stages, allowDiskUse=True).to_list(None)
