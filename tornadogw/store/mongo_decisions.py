"""Why requests went as they did, in MongoDB: only what their events do not say.

decisions  `_id`, `r` request id, `a` account, `t` start, `ev` the call is an event, `n` candidates in order
           [[upstream, model]], `x` what could not be one [[upstream, model, reason]]; of a call that is no event also
           its fields (`mongo_usage`)

A call and its decision have request id, account and start in common (docs/decisions/0009-decisions-beside-events.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bson
from bson.errors import BSONError
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import NOT_NOW, driver_errors, is_away
from tornadogw.store.mongo_usage import TEXT, event, record
from tornadogw.store.mongo_values import moment
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_decisions import Decision
from tornadogw.types import Attempt, Record

__all__ = ["INDEXES", "WHOLE", "MongoDecisions", "keep_decisions"]

ROUTES = 64
"""Candidates, and routes passed over, that one document has."""
_DAY = 86400
_DUPLICATE = 11000
_MORE = 8
"""Decisions that are read beyond what is asked for: events of some may not be there yet."""
_NEWEST = [("t", DESCENDING)]

WHOLE: Mapping[str, Any] = {"q": {"$exists": True}}
"""Calls that are no events: nothing else says that they were."""
INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "decisions": (
        IndexModel([("r", ASCENDING), ("a", ASCENDING), ("t", DESCENDING)]),
        IndexModel([("t", DESCENDING)], partialFilterExpression=WHOLE),
        IndexModel([("a", ASCENDING), ("t", DESCENDING)], partialFilterExpression=WHOLE),
    ),
}


async def keep_decisions(mongo: Mongo, days: int) -> None:
    """Keep decisions for so many days from now on; 0: none. Raises StoreUnavailable."""
    await mongo.ensure_indexes({"decisions": (IndexModel([("t", ASCENDING)], expireAfterSeconds=days * _DAY),)})


class MongoDecisions:
    """A `DecisionStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._decisions, self._events = mongo.database["decisions"], mongo.database["events"]

    async def insert(self, decisions: Sequence[Decision]) -> int:
        documents = [document for each in decisions if (document := _document(each)) is not None]
        refused = 0
        if documents:
            with driver_errors():
                try:
                    await self._decisions.insert_many(documents, ordered=False)
                except BulkWriteError as error:
                    details = error.details or {}
                    codes = [each["code"] for each in details.get("writeErrors", ())]
                    if is_away(error) or details.get("writeConcernErrors") or not NOT_NOW.isdisjoint(codes):
                        raise StoreUnavailable("the decisions are not kept yet") from None
                    refused = sum(code != _DUPLICATE for code in codes)
        return len(decisions) - len(documents) + refused

    async def find(self, request_id: str, account_id: str | None, limit: int) -> Sequence[Decision]:
        query = {"r": request_id} if account_id is None else {"r": request_id, "a": account_id}
        with driver_errors():
            decided = await self._decisions.find(query).sort(_NEWEST).limit(limit + _MORE).to_list(None)
            called = await self._events.find(query).sort(_NEWEST).limit(limit).to_list(None)
        reasons = {(each["a"], each["t"]): each for each in decided if each.get("ev")}
        found = [_decision(each, reasons.get((each["a"], each["t"]), {}), charged=True) for each in called]
        found += [_decision(each, each, charged=False) for each in decided if not each.get("ev")]
        return sorted(found, key=lambda each: each.record.started, reverse=True)[:limit]


def _document(decision: Decision) -> dict[str, Any] | None:
    """None: nobody can write it."""
    call = decision.record
    document: dict[str, Any] = _named(call) if decision.charged else event(call, decision.id)
    document["_id"] = decision.id
    document["n"] = [[upstream[:TEXT], model[:TEXT]] for upstream, model in decision.order[:ROUTES]]
    document["x"] = [[each.upstream[:TEXT], each.model[:TEXT], each.reason[:TEXT]] for each in decision.passed[:ROUTES]]
    try:
        bson.encode(document)
    except (BSONError, OverflowError, TypeError, ValueError):
        return None
    return document


def _named(call: Record) -> dict[str, Any]:
    """The event says the rest."""
    return {"r": call.id, "a": call.account_id, "t": moment(call.started), "ev": True}


def _decision(call: Mapping[str, Any], reasons: Mapping[str, Any], *, charged: bool) -> Decision:
    return Decision(
        id=str(call["_id"]),
        record=record(call),
        charged=charged,
        order=tuple((upstream, model) for upstream, model in reasons.get("n", ())),
        passed=tuple(Attempt(upstream, model, "skipped", why) for upstream, model, why in reasons.get("x", ())),
    )
