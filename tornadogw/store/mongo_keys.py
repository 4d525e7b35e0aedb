"""API keys in MongoDB.

keys  `_id`, `h` (HMAC-SHA256 of the text, 32 bytes), `a` account, `name` label, `status`, `rpm`, `models`, `ips`,
      `exp` expiry, `sd` stream default, `t` made; absent in older ones, as None: `bd`, `bt` daily and total budget,
      `tpm` tokens per minute, `cc` concurrent requests
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_plans import plan_of
from tornadogw.store.mongo_subscriptions import standing_of
from tornadogw.store.mongo_values import maybe_moment, maybe_seconds, moment, money, seconds
from tornadogw.store.ports import ApiKey, Duplicate, Entry, Found
from tornadogw.store.trade import Standing
from tornadogw.types import Terms

__all__ = ["INDEXES", "MongoKeys"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "keys": (
        IndexModel([("h", ASCENDING)], unique=True),
        IndexModel([("a", ASCENDING), ("t", ASCENDING)]),
        IndexModel([("name", ASCENDING), ("_id", ASCENDING)]),
    ),
}

_BUDGETS = {"daily": "bd", "total": "bt"}
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


def _fields(key: ApiKey) -> dict[str, Any]:
    """What may change of it."""
    return {
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
    }


def _changed(before: ApiKey, after: ApiKey) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What differs, as it was and as it is."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    names = [name for name in old if old[name] != new[name]]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


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
        self._mongo, self._keys = mongo, mongo.database["keys"]

    async def add(self, key: ApiKey, digest: bytes, entry: Entry) -> None:
        document = {"_id": key.id, "h": digest, "a": key.account_id, "t": moment(key.created), **_fields(key)}

        async def make(session: Session) -> None:
            await self._keys.insert_one(document, session=session)
            await note(self._mongo, session, entry, after=msgspec.to_builtins(key))

        try:
            await self._mongo.transaction(make)
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

    async def by_id(self, key_id: str) -> ApiKey | None:
        with driver_errors():
            document = await self._keys.find_one({"_id": key_id})
        return None if document is None else _key(document)

    async def digest(self, account_id: str, key_id: str) -> bytes | None:
        with driver_errors():
            document = await self._keys.find_one({"_id": key_id, "a": account_id}, {"h": 1})
        return None if document is None else bytes(document["h"])

    async def labelled(self, prefix: str, limit: int) -> Sequence[ApiKey]:
        wanted = {"name": {"$gte": prefix, "$lt": f"{prefix}\uffff"}}
        by_label = [("name", ASCENDING), ("_id", ASCENDING)]
        with driver_errors():
            documents = await self._keys.find(wanted).sort(by_label).limit(limit).to_list(None)
        return [_key(document) for document in documents]

    async def set_disabled(self, account_id: str, key_id: str, disabled: bool, entry: Entry) -> bool:
        return await self._set(account_id, key_id, {"status": "disabled" if disabled else "active"}, entry)

    async def set_digest(self, account_id: str, key_id: str, digest: bytes, entry: Entry) -> bool:
        return await self._set(account_id, key_id, {"h": digest}, entry)

    async def change(
        self, account_id: str, key_id: str, edit: Callable[[ApiKey], ApiKey], entry: Entry
    ) -> ApiKey | None:
        async def put(session: Session) -> ApiKey | None:
            wanted = {"_id": key_id, "a": account_id}
            found = await self._keys.find_one(wanted, session=session)
            if found is None:
                return None
            before = _key(found)
            after = edit(before)
            await self._keys.update_one(wanted, {"$set": _fields(after)}, session=session)
            await note(self._mongo, session, entry, *_changed(before, after))
            return after

        return await self._mongo.transaction(put)

    async def set_budgets(self, account_id: str, key_id: str, budgets: Mapping[str, int | None], entry: Entry) -> bool:
        fields = {_BUDGETS[each]: None if amount is None else money(amount) for each, amount in budgets.items()}
        return await self._set(account_id, key_id, fields, entry)

    async def _set(self, account_id: str, key_id: str, fields: Mapping[str, Any], entry: Entry) -> bool:
        async def put(session: Session) -> bool:
            wanted = {"_id": key_id, "a": account_id}
            before = await self._keys.find_one_and_update(wanted, {"$set": fields}, session=session)
            if not before:
                return False
            await note(self._mongo, session, entry, *_changed(_key(before), _key({**before, **fields})))
            return True

        return await self._mongo.transaction(put)
