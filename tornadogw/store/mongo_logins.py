"""Who is logged in, in MongoDB.

logins  `_id` digest of the token, `a` account, `t` since, `s` last seen, `e` end, `ip`, `ua`, `by` operator and `o`
        their own login; removed at its end
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, seconds
from tornadogw.store.ports import Account, Entry
from tornadogw.store.ports_people import Login

__all__ = ["INDEXES", "MongoLogins"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "logins": (
        IndexModel([("e", ASCENDING)], expireAfterSeconds=0),
        IndexModel([("a", ASCENDING), ("t", DESCENDING)]),
    ),
}
SEEN = 60.0
"""Seconds after which it is written again that a login was seen."""


class MongoLogins:
    """A `LoginStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo, self._accounts = mongo, MongoAccounts(mongo)
        self._logins = mongo.database["logins"]

    async def add(self, login: Login, entry: Entry | None, *, own: str = "") -> None:
        async def put(session: Session) -> None:
            await self._logins.insert_one({**_document(login), "o": own}, session=session)
            if entry is not None:
                await note(self._mongo, session, entry)

        await self._mongo.transaction(put)

    async def find(self, login_id: str) -> tuple[Login, Account, Account | None] | None:
        now = time.time()
        document = await self._unended(login_id, now)
        if document is None:
            return None
        login = _login(document)
        account = await self._accounts.by_id(login.account_id)
        if account is None:
            return None
        if now - login.seen > SEEN:
            with driver_errors():
                await self._logins.update_one({"_id": login_id}, {"$max": {"s": moment(now)}})
        return login, account, await self._operator(document.get("o", ""), now)

    async def _operator(self, own: str, now: float) -> Account | None:
        document = await self._unended(own, now) if own else None
        return None if document is None else await self._accounts.by_id(document["a"])

    async def _unended(self, login_id: str, now: float) -> Mapping[str, Any] | None:
        with driver_errors():
            found: Mapping[str, Any] | None = await self._logins.find_one({"_id": login_id, "e": {"$gt": moment(now)}})
        return found

    async def of_account(self, account_id: str) -> Sequence[Login]:
        wanted = {"a": account_id, "e": {"$gt": moment(time.time())}}
        with driver_errors():
            documents = await self._logins.find(wanted).sort([("t", DESCENDING)]).limit(200).to_list(None)
        return [_login(document) for document in documents]

    async def remove(self, account_id: str, login_id: str) -> bool:
        with driver_errors():
            return (await self._logins.delete_one({"_id": login_id, "a": account_id})).deleted_count == 1

    async def remove_all(self, account_id: str, *, but: str = "") -> None:
        with driver_errors():
            await self._logins.delete_many({"a": account_id, "_id": {"$ne": but}})


def _document(login: Login) -> dict[str, Any]:
    return {
        "_id": login.id,
        "a": login.account_id,
        "t": moment(login.created),
        "s": moment(login.seen),
        "e": moment(login.ends),
        "ip": login.address,
        "ua": login.agent,
        "by": login.by,
    }


def _login(document: Mapping[str, Any]) -> Login:
    return Login(
        id=document["_id"],
        account_id=document["a"],
        created=seconds(document["t"]),
        seen=seconds(document["s"]),
        ends=seconds(document["e"]),
        address=document["ip"],
        agent=document["ua"],
        by=document["by"],
    )
