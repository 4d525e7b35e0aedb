"""Which accounts belong to identities at OpenID providers, in MongoDB.

identities  `_id` digest of issuer and subject, `a` account, `i` issuer, `s` subject, `t` since when
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment
from tornadogw.store.ports import Entry
from tornadogw.store.ports_people import Identity

__all__ = ["INDEXES", "MongoIdentities"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "identities": (IndexModel([("a", ASCENDING), ("i", ASCENDING)], unique=True),),
}


class MongoIdentities:
    """An `IdentityStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._identities = mongo.database["identities"]

    async def find(self, identity: Identity) -> str | None:
        with driver_errors():
            found = await self._identities.find_one({"_id": _digest(identity)}, {"a": 1})
        return None if found is None else str(found["a"])

    async def has(self, account_id: str, issuer: str) -> bool:
        with driver_errors():
            return await self._identities.find_one({"a": account_id, "i": issuer}, {"_id": 1}) is not None

    async def add(self, identity: Identity, account_id: str, entry: Entry) -> bool:
        document = {
            "_id": _digest(identity),
            "a": account_id,
            "i": identity.issuer,
            "s": identity.subject,
            "t": moment(entry.at),
        }

        async def put(session: Session) -> None:
            await self._identities.insert_one(document, session=session)
            await note(self._mongo, session, entry)

        with driver_errors():
            try:
                await self._mongo.transaction(put)
            except DuplicateKeyError:
                return False
        return True


def _digest(identity: Identity) -> str:
    return hashlib.sha256(f"{identity.issuer}\n{identity.subject}".encode()).hexdigest()
