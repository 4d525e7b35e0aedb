"""What was tried how often, in MongoDB, for all processes as one.

tries  `_id` what, `n` tries, `e` end of the window, by the database's clock; removed then
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors

__all__ = ["INDEXES", "MongoTries"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {"tries": (IndexModel([("e", ASCENDING)], expireAfterSeconds=0),)}
_NEVER = datetime.fromtimestamp(0, UTC)


class MongoTries:
    """A `TriesStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._tries = mongo.database["tries"]

    async def count(self, names: Sequence[str], seconds: float) -> Sequence[int]:
        return await asyncio.gather(*(self._count(name, seconds) for name in names))

    async def clear(self, name: str) -> None:
        with driver_errors():
            await self._tries.delete_one({"_id": name})

    async def _count(self, name: str, seconds: float) -> int:
        """A document that several make at the same moment is made by one, and counted by the others."""
        open_yet: dict[str, Any] = {"$gt": [{"$ifNull": ["$e", _NEVER]}, "$$NOW"]}
        counted = {
            "n": {"$cond": [open_yet, {"$add": ["$n", 1]}, 1]},
            "e": {"$cond": [open_yet, "$e", {"$add": ["$$NOW", int(seconds * 1000)]}]},
        }
        with driver_errors():
            while True:
                try:
                    found = await self._tries.find_one_and_update(
                        {"_id": name}, [{"$set": counted}], upsert=True, return_document=ReturnDocument.AFTER
                    )
                except DuplicateKeyError:
                    continue
                return int(found["n"])
