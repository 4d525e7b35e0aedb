"""Which accounts belong to identities at OpenID providers, in MongoDB.

identities  `_id` digest of issuer and subject, `a` account, `i` issuer, `s` subject, `t` since when; of an account
            that was unlinked: `_id` and `a` say so, without `s`
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
            await self._identities.delete_one(_unlinked(account_id, identity.issuer), session=session)
            await self._identities.insert_one(document, session=session)
            await note(self._mongo, session, entry)

        with driver_errors():
            try:
                await self._mongo.transaction(put)
            except DuplicateKeyError:
                return False
        return True

    async def remove(self, account_id: str, issuer: str, entry: Entry) -> bool:
        mark = _unlinked(account_id, issuer)

        async def drop(session: Session) -> bool:
            gone = await self._identities.delete_one({"a": account_id, "i": issuer}, session=session)
            if gone.deleted_count:
                await self._identities.replace_one(
                    mark, {**mark, "i": issuer, "t": moment(entry.at)}, upsert=True, session=session
                )
                await note(self._mongo, session, entry)
            return gone.deleted_count == 1

        return await self._mongo.transaction(drop)

    async def removed(self, account_id: str, issuer: str) -> bool:
        with driver_errors():
            return await self._identities.find_one(_unlinked(account_id, issuer), {"_id": 1}) is not None


def _unlinked(account_id: str, issuer: str) -> Mapping[str, str]:
    """What remembers it; no identity has such an id, and no account."""
    name = f"unlinked {account_id} {hashlib.sha256(issuer.encode()).hexdigest()}"
    return {"_id": name, "a": name}


def _digest(identity: Identity) -> str:
    return hashlib.sha256(f"{identity.issuer}\n{identity.subject}".encode()).hexdigest()
