"""Tokens of the admin API in MongoDB.

admin_tokens  `_id`, `h` digest of the token, `a` account, `l` label, `s` scopes, `t` made, `e` end, `u` last used, `x`
              revoked. Those that are good for nothing stay: the audit log names them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, seconds
from tornadogw.store.ports import Account, Entry
from tornadogw.store.ports_people import AdminToken

__all__ = ["INDEXES", "MongoAdminTokens"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "admin_tokens": (
        IndexModel([("h", ASCENDING)], unique=True),
        IndexModel([("a", ASCENDING), ("t", DESCENDING)]),
        IndexModel([("t", DESCENDING)]),
    ),
}
USED = 60.0
"""Seconds after which it is written again that a token was used."""
_MOST = 1000


class MongoAdminTokens:
    """An `AdminTokenStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo, self._accounts = mongo, MongoAccounts(mongo)
        self._tokens = mongo.database["admin_tokens"]

    async def add(self, token: AdminToken, digest: str, entry: Entry) -> None:
        async def put(session: Session) -> None:
            await self._tokens.insert_one({**_document(token), "h": digest}, session=session)
            await note(self._mongo, session, entry)

        await self._mongo.transaction(put)

    async def find(self, digest: str) -> tuple[AdminToken, Account] | None:
        now = time.time()
        with driver_errors():
            document = await self._tokens.find_one({"h": digest})
        if document is None:
            return None
        token = _token(document)
        account = await self._accounts.by_id(token.account_id)
        if account is None:
            return None
        good = token.revoked is None and (token.expires is None or token.expires > now) and account.active
        if good and now - (token.used or 0.0) > USED:
            with driver_errors():
                await self._tokens.update_one({"_id": token.id}, {"$max": {"u": moment(now)}})
        return token, account

    async def list(self, account_id: str | None) -> Sequence[AdminToken]:
        wanted = {} if account_id is None else {"a": account_id}
        with driver_errors():
            found = await self._tokens.find(wanted).sort([("t", DESCENDING)]).limit(_MOST).to_list(None)
        return [_token(each) for each in found]

    async def revoke(self, token_id: str, entry: Entry) -> AdminToken | None:
        async def put(session: Session) -> AdminToken | None:
            first: Any = [{"$set": {"x": {"$ifNull": ["$x", moment(entry.at)]}}}]  # it is revoked once
            document: Mapping[str, Any] | None = await self._tokens.find_one_and_update(
                {"_id": token_id}, first, return_document=ReturnDocument.AFTER, session=session
            )
            found = None if document is None else _token(document)
            if found is not None:
                await note(self._mongo, session, _whose(entry, found))
            return found

        return await self._mongo.transaction(put)


def _whose(entry: Entry, token: AdminToken) -> Entry:
    return Entry(entry.by, entry.act, entry.at, token.account_id, entry.subject, entry.before, entry.after)


def _document(token: AdminToken) -> dict[str, Any]:
    return {
        "_id": token.id,
        "a": token.account_id,
        "l": token.label,
        "s": list(token.scopes),
        "t": moment(token.created),
        "e": None if token.expires is None else moment(token.expires),
        "u": None,
        "x": None,
    }


def _token(document: Mapping[str, Any]) -> AdminToken:
    expires, used, revoked = (None if document[name] is None else seconds(document[name]) for name in "eux")
    return AdminToken(
        id=document["_id"],
        account_id=document["a"],
        label=document["l"],
        scopes=tuple(document["s"]),
        expires=expires,
        created=seconds(document["t"]),
        used=used,
        revoked=revoked,
    )
