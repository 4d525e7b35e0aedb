"""Which processes are alive, in MongoDB; and the holds of the first version, which no process takes any more.

starts  `_id`, `host`, `pid`, `began`, `beat` (the server's clock)
`holds` {hold id: {`a` amount, `s` start id}} inside accounts were one a call. They are given back when their start is
dead, and the account then has `leases` in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.ports import Released, Start

__all__ = ["MongoStarts"]

_HOLDING: Mapping[str, Any] = {"holds": {"$exists": True, "$ne": {}}}
_MIGRATED = {"leases": {"$ifNull": ["$leases", {}]}}


class MongoStarts:
    """A `StartStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._accounts, self._starts = mongo.database["accounts"], mongo.database["starts"]

    async def beat(self, start: Start) -> None:
        alive = {"host": start.host, "pid": start.pid, "began": start.began}
        with driver_errors():
            await self._starts.update_one(
                {"_id": start.id},
                {"$set": alive, "$currentDate": {"beat": True}},
                upsert=True,
            )

    async def end(self, start_id: str) -> None:
        with driver_errors():
            await self._starts.delete_one({"_id": start_id})

    async def holding(self) -> frozenset[str]:
        with driver_errors():
            accounts = await self._accounts.find(_HOLDING, {"holds": 1}).to_list(None)
        return frozenset(hold["s"] for account in accounts for hold in account["holds"].values())

    async def alive(self, silence: float) -> int:
        border = {"$subtract": ["$$NOW", round(silence * 1000)]}
        with driver_errors():
            return await self._starts.count_documents({"$expr": {"$gte": ["$beat", border]}})

    async def migrate(self) -> None:
        with driver_errors():
            await self._accounts.update_many({"holds": {}}, [{"$set": _MIGRATED}, {"$unset": "holds"}])

    async def starts(self) -> Sequence[Start]:
        silent = {"$divide": [{"$subtract": ["$$NOW", "$beat"]}, 1000]}
        with driver_errors():
            documents = await self._starts.aggregate([{"$set": {"silent": silent}}]).to_list(None)
        return [
            Start(each["_id"], each["host"], each["pid"], each["began"], float(each["silent"])) for each in documents
        ]

    async def release_starts(self, start_ids: Iterable[str]) -> Released:
        dead = list(start_ids)
        count = amount = 0
        with driver_errors():
            accounts = await self._accounts.find(_HOLDING, {"_id": 1}).to_list(None)
            for account in accounts:
                before = await self._accounts.find_one_and_update(
                    {"_id": account["_id"]}, _releasing(dead), projection={"holds": 1}
                )
                gone = [int(hold["a"]) for hold in (before or account).get("holds", {}).values() if hold["s"] in dead]
                count, amount = count + sum(1 for each in gone if each), amount + sum(gone)
            await self._starts.delete_many({"_id": {"$in": dead}})
        return Released(count, amount)


def _releasing(start_ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """An update that gives back every hold of these starts."""
    holds = {"$objectToArray": "$holds"}
    theirs = {"$in": ["$$hold.v.s", list(start_ids)]}
    gone = {"$filter": {"input": holds, "as": "hold", "cond": theirs}}
    kept = {"$filter": {"input": holds, "as": "hold", "cond": {"$not": [theirs]}}}
    amounts = {"$map": {"input": gone, "as": "hold", "in": "$$hold.v.a"}}
    return [{"$set": {"balance": {"$add": ["$balance", {"$sum": amounts}]}, "holds": {"$arrayToObject": kept}}}]
