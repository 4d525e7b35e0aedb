"""Events as the ledger stores them: many at a time, each once, and none lost because the database dislikes a word."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import bson
from bson.errors import BSONError
from pymongo.errors import BulkWriteError, DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_errors import NOT_NOW, driver_errors, is_away
from tornadogw.store.mongo_leases import collection_of
from tornadogw.store.mongo_usage import event, least_event
from tornadogw.store.mongo_values import money
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_money import Entry

__all__ = ["MongoEvents", "document"]

log = logging.getLogger(__name__)

_DUPLICATE = 11000
_BUDGETS = ("daily", "total")
_UNWRITABLE = (BSONError, OverflowError, TypeError, ValueError)
"""What the driver raises for a document that it cannot write."""


def document(entry: Entry, *, least: bool = False) -> dict[str, Any]:
    """The entry's event; `least`: without anything that others worded."""
    written = (least_event if least else event)(entry.record, entry.id)
    if budgets := [part.lease for part in entry.parts if part.kind in _BUDGETS]:
        written["b"] = budgets
    return written


class MongoEvents:
    """An `EventStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._events = mongo.database["events"]

    async def insert(self, entries: Sequence[Entry]) -> frozenset[str]:
        try:
            refused = await self._insert([document(entry) for entry in entries])
        except _UNWRITABLE:  # the driver cannot write one of them: each is looked at
            refused = await self._insert([_writable(entry) for entry in entries])
        new = {entry.id for entry in entries} - refused.keys()
        if again := [entry for entry in entries if refused.get(entry.id, _DUPLICATE) != _DUPLICATE]:
            for entry in again:
                log.error("the record of call %s cannot be stored whole", entry.record.id)
            still = await self._insert([document(entry, least=True) for entry in again])
            if lost := [each for each, code in still.items() if code != _DUPLICATE]:
                raise StoreUnavailable(f"the database refuses {len(lost)} events")
            new |= {entry.id for entry in again} - still.keys()
        return frozenset(new)

    async def _insert(self, events: Sequence[dict[str, Any]]) -> Mapping[str, int]:
        """The database's code for each that it refused, by id."""
        with driver_errors():
            try:
                await self._events.insert_many(events, ordered=False)
            except BulkWriteError as error:
                details = error.details or {}
                codes = {events[each["index"]]["_id"]: each["code"] for each in details.get("writeErrors", ())}
                if is_away(error) or details.get("writeConcernErrors") or not NOT_NOW.isdisjoint(codes.values()):
                    raise StoreUnavailable("the events are not durable yet") from None
                return codes
        return {}

    async def charge_orphans(self, entries: Sequence[Entry]) -> frozenset[str]:
        new = set()
        for entry in entries:
            try:
                await self._mongo.transaction(_charging(self._mongo, entry))
            except DuplicateKeyError:
                continue  # it is there, so its lease was settled with it
            new.add(entry.id)
        return frozenset(new)


def _charging(mongo: Mongo, entry: Entry) -> Any:
    cost = entry.record.cost

    async def charge(session: Session) -> None:
        await mongo.database["events"].insert_one(_writable(entry), session=session)
        moved = {"$inc": {"balance": money(-cost), "spent": money(cost)}}
        for part in entry.parts:
            await mongo.database[collection_of(part.kind)].update_one({"_id": part.wallet_id}, moved, session=session)

    return charge


def _writable(entry: Entry) -> dict[str, Any]:
    """The whole document, or the least if the driver cannot write the whole one."""
    whole = document(entry)
    try:
        bson.encode(whole)
    except _UNWRITABLE:
        log.exception("the record of call %s cannot be stored whole", entry.record.id)
        return document(entry, least=True)
    return whole
