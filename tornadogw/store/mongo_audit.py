"""The audit log in MongoDB. Entries are written in the transaction of what they tell of, and are never changed.

audit  `_id`, `t` when, `by`, `act`, `a` account, `s` subject, `b` before, `c` after

There is no TTL: it is the history of money. Who has to shorten it does so by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bson import ObjectId
from pymongo import DESCENDING, IndexModel

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_pages import scan
from tornadogw.store.mongo_values import moment, plain, seconds
from tornadogw.store.ports import Entry
from tornadogw.store.trade import Audited

__all__ = ["INDEXES", "MongoAudit", "note"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "audit": (IndexModel([("a", DESCENDING), ("t", DESCENDING)]), IndexModel([("t", DESCENDING)])),
}


async def note(
    mongo: Mongo,
    session: Session,
    entry: Entry,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add the entry, in the transaction of `session`. `before` and `after`: what only the transaction knew."""
    document = {
        "_id": ObjectId(),
        "t": moment(entry.at),
        "by": entry.by,
        "act": entry.act,
        "a": entry.account_id,
        "s": entry.subject,
        "b": dict(entry.before if before is None else before),
        "c": dict(entry.after if after is None else after),
    }
    await mongo.database["audit"].insert_one(document, session=session)


class MongoAudit:
    """An `AuditStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo, self._audit = mongo, mongo.database["audit"]

    async def add(self, entry: Entry) -> None:
        async def write(session: Session) -> None:
            await note(self._mongo, session, entry)

        await self._mongo.transaction(write)

    async def page(self, wanted: Audited, limit: int) -> tuple[Sequence[Entry], float | None]:
        rest: dict[str, Any] = {"by": wanted.by} if wanted.by else {}
        if wanted.act:
            rest["act"] = {"$gte": wanted.act, "$lt": f"{wanted.act}\uffff"}
        indexed = {"a": wanted.account_id} if wanted.account_id else {}
        found, following = await scan(self._audit, indexed, rest, since=wanted.since, before=wanted.until, limit=limit)
        return [_entry(each) for each in found], following

    async def entries(self, account_id: str | None, since: float, limit: int) -> Sequence[Entry]:
        wanted: dict[str, Any] = {"t": {"$gte": moment(since)}}
        if account_id is not None:
            wanted["a"] = account_id
        latest = [("t", DESCENDING), ("_id", DESCENDING)]
        with driver_errors():
            documents = await self._audit.find(wanted).sort(latest).limit(limit).to_list(None)
        return [_entry(document) for document in reversed(documents)]


def _entry(document: Mapping[str, Any]) -> Entry:
    return Entry(
        by=document["by"],
        act=document["act"],
        at=seconds(document["t"]),
        account_id=document["a"],
        subject=document["s"],
        before=plain(document["b"]),
        after=plain(document["c"]),
    )
