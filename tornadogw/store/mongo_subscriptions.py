"""What accounts have beside their money, in the account's own document: authentication reads it with the account.

accounts  `tz` time zone, `subs` [{`p` plan, `s` since, `u` until, `r` reference}], `sv` counts the changes of both

All three may be absent. `sv` is what the change stream looks at: an update of an array is told in many ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from pymongo import ReturnDocument

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, seconds
from tornadogw.store.ports import Entry
from tornadogw.store.trade import Standing, Subscription

__all__ = ["MongoSubscriptions", "stand", "standing_of"]

_FIELDS = {"tz": 1, "subs": 1}


def standing_of(document: Mapping[str, Any]) -> Standing:
    """Of an account's document."""
    found = (
        Subscription(each["p"], seconds(each["s"]), seconds(each["u"]), each.get("r", ""))
        for each in document.get("subs") or ()
    )
    return Standing(document.get("tz") or "", tuple(found))


def _document(each: Subscription) -> dict[str, Any]:
    return {"p": each.plan, "s": moment(each.since), "u": moment(each.until), "r": each.ref}


async def stand(
    mongo: Mongo, session: Session, account_id: str, edit: Callable[[Standing], Standing], entry: Entry
) -> Standing:
    """Put `edit(standing)` in the standing's place, in the transaction of `session`."""
    accounts = mongo.database["accounts"]
    old = standing_of(await accounts.find_one({"_id": account_id}, _FIELDS, session=session) or {})
    new = edit(old)
    if new != old:
        fields = {"tz": new.time_zone, "subs": [_document(each) for each in new.subscriptions]}
        kept = await accounts.find_one_and_update(
            {"_id": account_id},
            {"$set": fields, "$inc": {"sv": 1}},
            _FIELDS,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        new = standing_of(kept or {})  # moments lose their microseconds
        await note(mongo, session, entry, msgspec.to_builtins(old), msgspec.to_builtins(new))
    return new


class MongoSubscriptions:
    """A `SubscriptionStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def get(self, account_id: str) -> Standing:
        with driver_errors():
            found = await self._mongo.database["accounts"].find_one({"_id": account_id}, _FIELDS)
        return standing_of(found or {})

    async def change(self, account_id: str, edit: Callable[[Standing], Standing], entry: Entry) -> Standing:
        async def work(session: Session) -> Standing:
            return await stand(self._mongo, session, account_id, edit, entry)

        return await self._mongo.transaction(work)
