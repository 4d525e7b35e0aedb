"""Redeem codes in MongoDB.

batches  `_id`, `n` codes, `amount` or `plan` and `days`, `exp`, `name` label, `t` made, `void` since when
codes    `_id` (HMAC-SHA256 of the text, 32 bytes), `b` batch; once redeemed: `a` account, `t` when

A claim is one transaction: the code is marked, and what it is worth is paid in or added to the account's plans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_pages import scan
from tornadogw.store.mongo_payments import pay
from tornadogw.store.mongo_subscriptions import stand
from tornadogw.store.mongo_values import maybe_moment, maybe_seconds, moment, money, seconds
from tornadogw.store.ports import Entry
from tornadogw.store.trade import Batch, Code, Standing

__all__ = ["INDEXES", "MongoCodes"]

_USED: Mapping[str, Any] = {"a": {"$exists": True}}
_UNUSED: Mapping[str, Any] = {"a": {"$exists": False}}

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "batches": (IndexModel([("t", ASCENDING)]),),
    "codes": (IndexModel([("b", ASCENDING)], partialFilterExpression=_USED),),
}


class MongoCodes:
    """A `CodeStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._batches, self._codes = mongo.database["batches"], mongo.database["codes"]

    async def add(self, batch: Batch, digests: Sequence[bytes], entry: Entry) -> None:
        document = {
            "_id": batch.id,
            "n": batch.count,
            "amount": None if batch.amount is None else money(batch.amount),
            "plan": batch.plan,
            "days": batch.days,
            "exp": maybe_moment(batch.expires),
            "name": batch.label,
            "t": moment(batch.created),
            "void": None,
        }

        async def make(session: Session) -> None:
            await self._batches.insert_one(dict(document), session=session)
            await self._codes.insert_many([{"_id": each, "b": batch.id} for each in digests], session=session)
            told = ("count", "amount", "plan", "days", "expires", "label")
            await note(self._mongo, session, entry, after={name: getattr(batch, name) for name in told})

        await self._mongo.transaction(make)

    async def batches(self) -> Sequence[Batch]:
        with driver_errors():
            found = await self._batches.find().sort([("t", ASCENDING), ("_id", ASCENDING)]).to_list(None)
            return await self._with_used(found, _USED)

    async def page(self, before: float | None, limit: int) -> tuple[Sequence[Batch], float | None]:
        found, following = await scan(self._batches, {}, {}, before=before, limit=limit)
        with driver_errors():
            return await self._with_used(found, {"b": {"$in": [each["_id"] for each in found]}, **_USED}), following

    async def _with_used(self, found: Sequence[Mapping[str, Any]], which: Mapping[str, Any]) -> Sequence[Batch]:
        counting: list[dict[str, Any]] = [{"$match": which}, {"$group": {"_id": "$b", "n": {"$sum": 1}}}]
        used = {each["_id"]: each["n"] for each in await self._codes.aggregate(counting).to_list(None)}
        return [_batch(each, used.get(each["_id"], 0)) for each in found]

    async def void(self, batch_id: str, entry: Entry) -> Batch | None:
        async def put(session: Session) -> Batch | None:
            found = await self._batches.find_one({"_id": batch_id}, session=session)
            if found is None:
                return None
            used = await self._codes.count_documents({"b": batch_id, **_USED}, session=session)
            if found["void"] is not None:
                return _batch(found, used)
            change = {"$set": {"void": moment(entry.at)}}
            found = await self._batches.find_one_and_update(
                {"_id": batch_id}, change, session=session, return_document=ReturnDocument.AFTER
            )
            await note(self._mongo, session, entry, {"voided": None}, {"voided": entry.at, "used": used})
            return _batch(found, used)

        return await self._mongo.transaction(put)

    async def find(self, digest: bytes) -> Code | None:
        with driver_errors():
            found = await self._codes.find_one({"_id": digest})
            batch = found and await self._batches.find_one({"_id": found["b"]})
        if found is None or batch is None:
            return None
        return Code(_batch(batch), found.get("a"), maybe_seconds(found.get("t")))

    async def claim(self, digest: bytes, account_id: str, edit: Callable[[Standing], Standing], entry: Entry) -> bool:
        used = {"$set": {"a": account_id, "t": moment(entry.at)}}

        async def take(session: Session) -> bool:
            found = await self._codes.find_one({"_id": digest, **_UNUSED}, session=session)
            document = found and await self._batches.find_one({"_id": found["b"]}, session=session)
            if not document:
                return False
            batch = _batch(document)
            if batch.voided is not None or (batch.expires is not None and batch.expires <= entry.at):
                return False
            done = await self._codes.update_one({"_id": digest, **_UNUSED}, used, session=session)
            if not done.modified_count:
                return False
            if batch.amount is None:
                await stand(self._mongo, session, account_id, edit, entry)
            else:
                ref = f"code-{digest.hex()}"
                await pay(self._mongo, session, account_id, batch.amount, ref=ref, entry=entry)
            return True

        return await self._mongo.transaction(take)


def _batch(document: Mapping[str, Any], used: int = 0) -> Batch:
    amount = document["amount"]
    return Batch(
        id=document["_id"],
        count=document["n"],
        amount=None if amount is None else int(amount),
        plan=document["plan"],
        days=document["days"],
        expires=maybe_seconds(document["exp"]),
        label=document["name"],
        created=seconds(document["t"]),
        voided=maybe_seconds(document["void"]),
        used=used,
    )
