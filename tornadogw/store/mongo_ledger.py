"""Money in motion in MongoDB: holds inside their account, events, and the starts that holds belong to.

starts  `_id`, `host`, `pid`, `began`, `beat` (the server's clock)
`credited == balance + spent + sum(holds.a)` holds in every version of an account, because each update keeps it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_usage import event, least_event
from tornadogw.store.mongo_values import money
from tornadogw.store.ports import Released, Start, StoreUnavailable, Taken
from tornadogw.types import Record

__all__ = ["MongoLedger", "MongoStarts"]

log = logging.getLogger(__name__)

_NOTHING = money(0)
_Write = Callable[[str, dict[str, Any]], Awaitable[bool]]


def _held(hold_id: str) -> Mapping[str, Any]:
    """What the hold holds now; nothing if it is not there."""
    return {"$ifNull": [f"$holds.{hold_id}.a", _NOTHING]}


def _giving_back(hold_id: str) -> Mapping[str, Any]:
    return {"balance": {"$add": ["$balance", _held(hold_id)]}}


class MongoLedger:
    """A `LedgerStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._accounts, self._events = mongo.database["accounts"], mongo.database["events"]
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def hold(self, account_id: str, hold_id: str, start_id: str, amounts: Sequence[int]) -> Taken:
        place = f"holds.{hold_id}"
        dearer = [{"case": {"$gte": ["$balance", money(each)]}, "then": money(each)} for each in amounts[:-1]]
        cheapest = money(amounts[-1])
        take = {"$switch": {"branches": dearer, "default": cheapest}} if dearer else cheapest
        covered = {"_id": account_id, "status": "active", "balance": {"$gte": cheapest}, place: {"$exists": False}}
        taking = [{"$set": {"balance": {"$subtract": ["$balance", take]}, place: {"a": take, "s": start_id}}}]
        with driver_errors():
            account: Mapping[str, Any] | None = await self._accounts.find_one_and_update(
                covered, taking, projection={place: 1}, return_document=ReturnDocument.AFTER
            )
            if account is not None:
                return Taken(int(account["holds"][hold_id]["a"]))
            account = await self._accounts.find_one({"_id": account_id}, {"status": 1})
        return Taken(None, account is not None and account["status"] == "active")

    async def release(self, account_id: str, hold_id: str) -> None:
        place = f"holds.{hold_id}"
        with driver_errors():
            await self._accounts.update_one(
                {"_id": account_id, place: {"$exists": True}}, [{"$set": _giving_back(hold_id)}, {"$unset": place}]
            )

    async def void(self, account_id: str, hold_id: str, start_id: str) -> bool:
        place = f"holds.{hold_id}"
        mark = {"a": _NOTHING, "s": start_id}
        kept = {"$cond": [{"$gt": [_held(hold_id), _NOTHING]}, "$$REMOVE", mark]}
        with driver_errors():
            account: Mapping[str, Any] | None = await self._accounts.find_one_and_update(
                {"_id": account_id},
                [{"$set": {**_giving_back(hold_id), place: kept}}],
                projection={place: 1},
                return_document=ReturnDocument.AFTER,
            )
        return account is not None and hold_id in account.get("holds", {})

    async def forget(self, account_id: str, hold_id: str) -> None:
        place = f"holds.{hold_id}"
        with driver_errors():
            await self._accounts.update_one({"_id": account_id, f"{place}.a": _NOTHING}, {"$unset": {place: ""}})

    async def settle(self, hold_id: str, record: Record) -> None:
        # One at a time for an account: transactions on one document would only abort each other.
        async with self._locks.setdefault(record.account_id, asyncio.Lock()):
            await _written(self._settle, hold_id, record)

    async def note(self, hold_id: str, record: Record) -> None:
        await _written(self._note, hold_id, record)

    async def _settle(self, hold_id: str, document: dict[str, Any]) -> bool:
        """False: another call has this event's id."""
        cost = document["c"]
        left = {"$subtract": [_giving_back(hold_id)["balance"], cost]}
        sums = {"balance": left, "spent": {"$add": ["$spent", cost]}}
        charge: Sequence[Mapping[str, Any]] = [{"$set": sums}, {"$unset": f"holds.{hold_id}"}]

        async def move(session: Session) -> None:
            await self._events.insert_one(document, session=session)
            await self._accounts.update_one({"_id": document["a"]}, charge, session=session)

        try:
            await self._mongo.transaction(move)
        except DuplicateKeyError:
            return await self._is_ours(hold_id, document["_id"])
        return True

    async def _note(self, hold_id: str, document: dict[str, Any]) -> bool:
        with driver_errors():
            try:
                await self._events.insert_one(document)
            except DuplicateKeyError:
                return await self._is_ours(hold_id, document["_id"])
        return True

    async def _is_ours(self, hold_id: str, event_id: str) -> bool:
        """Whether the event is this very call's: an earlier try got through after all."""
        with driver_errors():
            return await self._events.find_one({"_id": event_id, "h": hold_id}, {"_id": 1}) is not None


async def _written(write: _Write, hold_id: str, record: Record) -> None:
    """Money moves even if the database would not have the record: then with the least that tells whose it was."""
    try:
        await _under_its_id(write, event(record, hold_id), hold_id, record)
    except StoreUnavailable:
        raise
    except Exception:
        log.exception("the record of call %s cannot be stored whole", record.id)
        await _under_its_id(write, least_event(record, hold_id), hold_id, record)


async def _under_its_id(write: _Write, document: dict[str, Any], hold_id: str, record: Record) -> None:
    if not await write(hold_id, document):
        await write(hold_id, {**document, "_id": _other_id(record.id, hold_id)})


def _other_id(request_id: str, hold_id: str) -> str:
    """Request ids may be the client's own, so two calls may share one; neither is free for that."""
    return f"{request_id}~{hold_id}"


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
            accounts = await self._accounts.find({"holds": {"$ne": {}}}, {"holds": 1}).to_list(None)
        return frozenset(hold["s"] for account in accounts for hold in account["holds"].values())

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
            accounts = await self._accounts.find({"holds": {"$ne": {}}}, {"_id": 1}).to_list(None)
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
