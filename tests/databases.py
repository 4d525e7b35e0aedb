"""Databases for the tests: made once, emptied after a test, used again by the next one.

Making the files of a database's indexes takes a fifth of a second, emptying it some milliseconds.
"""

from __future__ import annotations

import asyncio
import uuid
from functools import cache
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_indexes import INDEXES

__all__ = ["Databases", "databases"]

Database = AsyncIOMotorDatabase[dict[str, Any]]


PLAIN = frozenset({"meta", "plans", "starts", "supply", "usage_runs"})
"""Collections of the gateway's without options and indexes of their own."""


@cache
def databases(url: str, kind: str) -> Databases:
    """Those of one server. Of one kind are databases whose users make the same indexes."""
    return Databases()


class Databases:
    def __init__(self) -> None:
        self._spare: list[str] = []

    def take(self) -> tuple[str, bool]:
        """The name of an empty database, and whether it was used before."""
        return (self._spare.pop(), True) if self._spare else (f"test_{uuid.uuid4().hex}", False)

    async def give_back(self, mongo: Mongo, *, as_made: bool) -> None:
        """Nobody may use it any more. `as_made`: if it has other indexes than those of `INDEXES`, it is dropped."""
        database = mongo.database
        if as_made and await _structure(mongo) != _wanted():
            await _drop(mongo)
            return
        # Acknowledged by a majority, as the gateway reads: else the next test might still find what was there.
        await asyncio.gather(*(database[name].delete_many({}) for name in await _filled(database)))
        self._spare.append(database.name)


@cache
def _wanted() -> dict[str, Any]:
    return {
        name: (
            {},
            {"_id_": None, **{each.document["name"]: each.document.get("expireAfterSeconds") for each in indexes}},
        )
        for table in INDEXES
        for name, indexes in table.items()
    }


async def _structure(mongo: Mongo) -> dict[str, Any]:
    """Options and indexes of each collection but those that the gateway uses as they come. One question to the server,
    where the driver's own ways ask one for each collection.
    """
    found = {}
    pipeline: list[dict[str, Any]] = [{"$listCatalog": {}}, {"$match": {"db": mongo.database.name}}]
    async for each in mongo.client.admin.aggregate(pipeline):
        options = {name: value for name, value in each["md"]["options"].items() if name != "uuid"}
        specs = [index["spec"] for index in each["md"]["indexes"]]
        expiries = {spec["name"]: spec.get("expireAfterSeconds") for spec in specs}
        if each["name"] not in PLAIN or options or len(expiries) > 1:
            found[each["name"]] = (options, expiries)
    return found


async def _filled(database: Database) -> list[str]:
    """The collections that hold a document."""
    first, *others = await database.list_collection_names() or ["none"]
    pipeline = _one_of(first) + [{"$unionWith": {"coll": each, "pipeline": _one_of(each)}} for each in others]
    return [each["name"] async for each in database[first].aggregate(pipeline)]


def _one_of(name: str) -> list[dict[str, Any]]:
    return [{"$limit": 1}, {"$project": {"_id": 0, "name": {"$literal": name}}}]


async def _drop(mongo: Mongo) -> None:
    """A drop waits for the journal's next tick, a tenth of a second away; a write elsewhere makes it tick at once."""
    drop = asyncio.ensure_future(mongo.client.drop_database(mongo.database.name))
    while not drop.done():
        await mongo.client["tests"]["ticks"].insert_one({})
    await drop
