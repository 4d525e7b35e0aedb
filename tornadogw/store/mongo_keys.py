"""API keys in MongoDB.

keys  `_id`, `h` (HMAC-SHA256 of the text, 32 bytes), `a` account, `name` label, `status`, `rpm`, `models`, `ips`,
      `exp` expiry, `sd` stream default, `t` made
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import maybe_moment, maybe_seconds, moment, seconds
from tornadogw.store.ports import ApiKey, Duplicate, Found

__all__ = ["INDEXES", "MongoKeys"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "keys": (IndexModel([("h", ASCENDING)], unique=True), IndexModel([("a", ASCENDING), ("t", ASCENDING)])),
}

_OLDEST_FIRST = [("t", ASCENDING), ("_id", ASCENDING)]
_OWNER: Sequence[Mapping[str, Any]] = (
    {"$lookup": {"from": "accounts", "localField": "a", "foreignField": "_id", "as": "owner"}},
    {"$set": {"active": {"$in": ["active", "$owner.status"]}, "lang": {"$first": "$owner.lang"}}},
    {"$unset": "owner"},
)


def _key(document: Mapping[str, Any]) -> ApiKey:
    models = document["models"]
    return ApiKey(
        id=document["_id"],
        account_id=document["a"],
        label=document["name"],
        disabled=document["status"] != "active",
        rpm=document["rpm"],
        models=None if models is None else tuple(models),
        ips=tuple(document["ips"]),
        expires=maybe_seconds(document["exp"]),
        stream_default=document["sd"],
        created=seconds(document["t"]),
    )


class MongoKeys:
    """A `KeyStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._keys = mongo.database["keys"]

    async def add(self, key: ApiKey, digest: bytes) -> None:
        document = {
            "_id": key.id,
            "h": digest,
            "a": key.account_id,
            "name": key.label,
            "status": "disabled" if key.disabled else "active",
            "rpm": key.rpm,
            "models": None if key.models is None else list(key.models),
            "ips": list(key.ips),
            "exp": maybe_moment(key.expires),
            "sd": key.stream_default,
            "t": moment(key.created),
        }
        with driver_errors():
            try:
                await self._keys.insert_one(document)
            except DuplicateKeyError:
                raise Duplicate(key.id) from None

    async def find(self, digest: bytes) -> Found | None:
        with driver_errors():
            documents = await self._keys.aggregate([{"$match": {"h": digest}}, *_OWNER]).to_list(1)
        if not documents:
            return None
        return Found(_key(documents[0]), documents[0]["active"], documents[0].get("lang"))

    async def of_account(self, account_id: str) -> Sequence[ApiKey]:
        with driver_errors():
            documents = await self._keys.find({"a": account_id}).sort(_OLDEST_FIRST).to_list(None)
        return [_key(document) for document in documents]

    async def set_disabled(self, account_id: str, key_id: str, disabled: bool) -> bool:
        return await self._set(account_id, key_id, {"status": "disabled" if disabled else "active"})

    async def set_digest(self, account_id: str, key_id: str, digest: bytes) -> bool:
        return await self._set(account_id, key_id, {"h": digest})

    async def _set(self, account_id: str, key_id: str, fields: Mapping[str, Any]) -> bool:
        with driver_errors():
            done = await self._keys.update_one({"_id": key_id, "a": account_id}, {"$set": fields})
        return bool(done.matched_count)
