"""Links and codes that were sent to somebody, in MongoDB.

links  `_id` digest of the token, `k` kind, `e` end, `n` uses left, `w` what for; removed at its end
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, seconds
from tornadogw.store.ports import Entry
from tornadogw.store.ports_people import Link, LinkKind

__all__ = ["INDEXES", "MongoLinks"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "links": (IndexModel([("e", ASCENDING)], expireAfterSeconds=0), IndexModel([("k", ASCENDING), ("e", ASCENDING)])),
}


class MongoLinks:
    """A `LinkStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._links = mongo.database["links"]

    async def add(self, link: Link, entry: Entry | None = None) -> None:
        document = {"_id": link.id, "k": link.kind, "e": moment(link.ends), "n": link.uses, "w": dict(link.what)}

        async def put(session: Session) -> None:
            await self._links.insert_one(document, session=session)
            if entry is not None:
                await note(self._mongo, session, entry)

        await self._mongo.transaction(put)

    async def find(self, kind: LinkKind, link_id: str) -> Link | None:
        with driver_errors():
            return _link(await self._links.find_one({"_id": link_id, **_working(kind)}))

    async def take(self, kind: LinkKind, link_id: str) -> Link | None:
        with driver_errors():
            document = await self._links.find_one_and_update(
                {"_id": link_id, **_working(kind)}, {"$inc": {"n": -1}}, return_document=ReturnDocument.AFTER
            )
        return _link(document)

    async def give_back(self, kind: LinkKind, link_id: str) -> None:
        with driver_errors():
            await self._links.update_one({"_id": link_id, "k": kind}, {"$inc": {"n": 1}})

    async def of_kind(self, kind: LinkKind) -> Sequence[Link]:
        with driver_errors():
            documents = await self._links.find(_working(kind)).sort([("e", ASCENDING)]).limit(1000).to_list(None)
        return [link for document in documents if (link := _link(document)) is not None]

    async def remove(self, kind: LinkKind, link_id: str, entry: Entry | None = None) -> bool:
        removed = False

        async def drop(session: Session) -> None:
            nonlocal removed
            removed = (await self._links.delete_one({"_id": link_id, "k": kind}, session=session)).deleted_count == 1
            if removed and entry is not None:
                await note(self._mongo, session, entry)

        await self._mongo.transaction(drop)
        return removed


def _working(kind: LinkKind) -> dict[str, Any]:
    return {"k": kind, "e": {"$gt": moment(time.time())}, "n": {"$gt": 0}}


def _link(document: Mapping[str, Any] | None) -> Link | None:
    if document is None:
        return None
    return Link(
        id=document["_id"], kind=document["k"], ends=seconds(document["e"]), uses=document["n"], what=document["w"]
    )
