"""Accounts and payments in MongoDB.

accounts  `_id`, `email`, `pw` (argon2), `status`, `role`, `lang`, `t` (made), `credited`, `balance`, `spent` (Int64
          micro-units), `leases` (see mongo_leases)
payments  see mongo_payments
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_figures import Figures, read_figures
from tornadogw.store.mongo_leases import ACCOUNT_INDEXES
from tornadogw.store.mongo_payments import pay_once
from tornadogw.store.mongo_values import moment, money, seconds
from tornadogw.store.ports import Account, Duplicate, Entry, LastOwner, Role, Status

__all__ = ["INDEXES", "MongoAccounts"]

_LAST = "\uffff"
"""Comes after every character of an address."""
_NAMES = {"lang": "language", "pw": "has_password"}
"""What the audit log calls fields."""

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "accounts": (
        IndexModel([("email", ASCENDING)], unique=True),
        IndexModel([("role", ASCENDING), ("email", ASCENDING)]),
        IndexModel([("status", ASCENDING), ("email", ASCENDING)]),
        *ACCOUNT_INDEXES,
    ),
    "payments": (IndexModel([("a", ASCENDING), ("t", DESCENDING)]),),
}


def _account(document: Mapping[str, Any], figures: Figures) -> Account:
    return Account(
        id=document["_id"],
        email=document["email"],
        status=document["status"],
        role=document["role"],
        language=document["lang"],
        has_password=document["pw"] is not None,
        credited=figures.credited,
        balance=figures.balance,
        held=figures.held,
        spent=figures.spent,
        created=seconds(document["t"]),
    )


class MongoAccounts:
    """An `AccountStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._accounts = mongo.database["accounts"]

    async def add(self, account: Account, password_hash: str | None, entry: Entry) -> None:
        document: dict[str, Any] = {
            "_id": account.id,
            "email": account.email,
            "pw": password_hash,
            "status": account.status,
            "role": account.role,
            "lang": account.language,
            "t": moment(account.created),
            "credited": money(0),
            "balance": money(0),
            "spent": money(0),
            "leases": {},
        }
        with driver_errors():
            try:
                await self._make(document, entry)
            except DuplicateKeyError:
                raise Duplicate(account.email) from None

    async def by_email(self, email: str) -> Account | None:
        found = await read_figures(self._mongo, "accounts", {"email": email})
        return _account(*found[0]) if found else None

    async def by_id(self, account_id: str) -> Account | None:
        found = await read_figures(self._mongo, "accounts", {"_id": account_id})
        return _account(*found[0]) if found else None

    async def all(self) -> Sequence[Account]:
        found = await read_figures(self._mongo, "accounts", {})
        return sorted((_account(*each) for each in found), key=lambda account: account.email)

    async def search(
        self, prefix: str, *, role: Role | None = None, status: Status | None = None, after: str = "", limit: int
    ) -> Sequence[Account]:
        wanted: dict[str, Any] = {"email": {"$gte": prefix, "$lt": f"{prefix}{_LAST}", "$gt": after}}
        wanted |= {name: value for name, value in (("role", role), ("status", status)) if value is not None}
        return [
            _account(*each) for each in await read_figures(self._mongo, "accounts", wanted, by="email", limit=limit)
        ]

    async def emails(self, account_ids: Sequence[str]) -> Mapping[str, str]:
        if not account_ids:
            return {}
        with driver_errors():
            found = self._accounts.find({"_id": {"$in": list(account_ids)}}, {"email": 1})
            return {each["_id"]: each["email"] for each in await found.to_list(None)}

    async def count(self, status: Status | None = None) -> int:
        with driver_errors():
            if status is None:
                return await self._accounts.estimated_document_count()
            return await self._accounts.count_documents({"status": status})

    async def set_status(self, account_id: str, status: Status, entry: Entry) -> None:
        await self._set(account_id, entry, status=status)

    async def set_role(self, account_id: str, role: Role, entry: Entry) -> None:
        await self._set(account_id, entry, role=role)

    async def set_language(self, account_id: str, language: str | None, entry: Entry) -> None:
        await self._set(account_id, entry, lang=language)

    async def set_email(self, account_id: str, email: str, entry: Entry) -> None:
        try:
            await self._set(account_id, entry, email=email)
        except DuplicateKeyError:
            raise Duplicate(email) from None

    async def set_password(self, account_id: str, password_hash: str | None, entry: Entry) -> None:
        await self._set(account_id, entry, pw=password_hash)

    async def password_hash(self, account_id: str) -> str | None:
        with driver_errors():
            document = await self._accounts.find_one({"_id": account_id}, {"pw": 1})
        return None if document is None else document["pw"]

    async def credit(
        self, account_id: str, amount: int, *, ref: str, by: str, at: float, act: str = "account.credit", why: str = ""
    ) -> bool:
        after = {"reason": why} if why else {}
        entry = Entry(by=by, act=act, at=at, account_id=account_id, subject=ref, after=after)
        return await pay_once(self._mongo, account_id, amount, ref=ref, entry=entry)

    async def _make(self, document: dict[str, Any], entry: Entry) -> None:
        async def make(session: Session) -> None:
            await self._accounts.insert_one(document, session=session)
            after = {"email": document["email"], "role": document["role"], "status": document["status"]}
            await note(self._mongo, session, entry, after=after)

        await self._mongo.transaction(make)

    async def _set(self, account_id: str, entry: Entry, **fields: str | None) -> None:
        """The entry tells old and new, but of a password only that there is one."""

        async def put(session: Session) -> None:
            before = await self._accounts.find_one_and_update({"_id": account_id}, {"$set": fields}, session=session)
            if before is not None:
                await self._keep_an_owner(session, before, {**before, **fields})
                old = {name: before[name] for name in fields}
                await note(self._mongo, session, entry, _told(old), _told(fields))

        await self._mongo.transaction(put)

    async def _keep_an_owner(self, session: Session, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Raises LastOwner. All who ask write one document: of two owners that go at a time one has to wait."""
        if not _owns(before) or _owns(after):
            return
        await self._mongo.database["meta"].update_one(
            {"_id": "owners"}, {"$inc": {"left": 1}}, upsert=True, session=session
        )
        others = {"role": "owner", "status": "active", "_id": {"$ne": before["_id"]}}
        if await self._accounts.find_one(others, {"_id": 1}, session=session) is None:
            raise LastOwner


def _owns(document: Mapping[str, Any]) -> bool:
    return bool(document["role"] == "owner" and document["status"] == "active")


def _told(fields: Mapping[str, str | None]) -> Mapping[str, Any]:
    return {_NAMES.get(name, name): value is not None if name == "pw" else value for name, value in fields.items()}
