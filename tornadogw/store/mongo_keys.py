"""API keys in MongoDB.

keys  `_id`, `h` (HMAC-SHA256 of the text, 32 bytes), `a` account, `name` label, `status`, `rpm`, `models`, `ips`,
      `exp` expiry, `sd` stream default, `t` made; absent in older ones, as None: `bd`, `bt` daily and total budget,
      `tpm` tokens per minute, `cc` concurrent requests
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_plans import plan_of
from tornadogw.store.mongo_subscriptions import standing_of
from tornadogw.store.mongo_values import maybe_moment, maybe_seconds, moment, money, seconds
from tornadogw.store.ports import ApiKey, Duplicate, Found
from tornadogw.store.trade import Standing
from tornadogw.types import Terms

__all__ = ["INDEXES", "MongoKeys"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "keys": (IndexModel([("h", ASCENDING)], unique=True), IndexModel([("a", ASCENDING), ("t", ASCENDING)])),
}

_OLDEST_FIRST = [("t", ASCENDING), ("_id", ASCENDING)]
_OWNER: Sequence[Mapping[str, Any]] = (
    {"$lookup": {"from": "accounts", "localField": "a", "foreignField": "_id", "as": "owner"}},
    {"$set": {"owner": {"$first": "$owner"}}},
    {"$lookup": {"from": "plans", "localField": "owner.subs.p", "foreignField": "_id", "as": "plans"}},
    {"$project": {"owner.leases": 0, "owner.holds": 0, "owner.pw": 0}},
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
        budget_daily=_amount(document.get("bd")),
        budget_total=_amount(document.get("bt")),
        tokens_per_minute=document.get("tpm"),
        concurrent=document.get("cc"),
        created=seconds(document["t"]),
    )


def _amount(found: Any) -> int | None:
    return None if found is None else int(found)


def _terms(standing: Standing, plans: Sequence[Mapping[str, Any]]) -> Iterator[Terms]:
    known = {each.name: each for each in map(plan_of, plans)}
    for each in standing.subscriptions:
        plan = known.get(each.plan)
        if plan is not None:
            yield Terms(
                plan=plan.name,
                daily=plan.daily,
                since=each.since,
                until=each.until,
                models=None if plan.models is None else frozenset(plan.models),
                rpm=plan.rpm,
                factor=plan.factor,
                prepaid_after=plan.prepaid_after,
                prepaid_outside=plan.prepaid_outside,
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
            "bd": None if key.budget_daily is None else money(key.budget_daily),
            "bt": None if key.budget_total is None else money(key.budget_total),
            "tpm": key.tokens_per_minute,
            "cc": key.concurrent,
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
        [document] = documents
        owner = document.get("owner") or {}
        standing = standing_of(owner)
        return Found(
            key=_key(document),
            account_active=owner.get("status") == "active",
            language=owner.get("lang"),
            terms=tuple(_terms(standing, document["plans"])),
            time_zone=standing.time_zone,
        )

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
