"""Accounts and payments in MongoDB.

accounts  `_id`, `email`, `pw` (argon2), `status`, `role`, `lang`, `t` (made), `credited`, `balance`, `spent` (Int64
          micro-units), `leases` (see mongo_leases)
payments  `_id` reference, `a` account, `amount`, `t`, `by`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_figures import Figures, read_figures
from tornadogw.store.mongo_leases import ACCOUNT_INDEXES
from tornadogw.store.mongo_values import moment, money, seconds
from tornadogw.store.ports import Account, Duplicate, Role, Status

__all__ = ["INDEXES", "MongoAccounts"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "accounts": (IndexModel([("email", ASCENDING)], unique=True), *ACCOUNT_INDEXES),
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
        self._accounts, self._payments = mongo.database["accounts"], mongo.database["payments"]

    async def add(self, account: Account, password_hash: str | None) -> None:
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
                await self._accounts.insert_one(document)
            except DuplicateKeyError:
                raise Duplicate(account.email) from None

    async def by_email(self, email: str) -> Account | None:
        found = await read_figures(self._mongo, "accounts", {"email": email})
        return _account(*found[0]) if found else None

    async def all(self) -> Sequence[Account]:
        found = await read_figures(self._mongo, "accounts", {})
        return sorted((_account(*each) for each in found), key=lambda account: account.email)

    async def set_status(self, account_id: str, status: Status) -> None:
        await self._set(account_id, status=status)

    async def set_role(self, account_id: str, role: Role) -> None:
        await self._set(account_id, role=role)

    async def set_language(self, account_id: str, language: str | None) -> None:
        await self._set(account_id, lang=language)

    async def set_password(self, account_id: str, password_hash: str | None) -> None:
        await self._set(account_id, pw=password_hash)

    async def password_hash(self, account_id: str) -> str | None:
        with driver_errors():
            document = await self._accounts.find_one({"_id": account_id}, {"pw": 1})
        return None if document is None else document["pw"]

    async def credit(self, account_id: str, amount: int, *, ref: str, by: str, at: float) -> bool:
        payment = {"_id": ref, "a": account_id, "amount": money(amount), "t": moment(at), "by": by}

        async def pay(session: Session) -> None:
            await self._payments.insert_one(payment, session=session)
            paid = {"$inc": {"credited": money(amount), "balance": money(amount)}}
            await self._accounts.update_one({"_id": account_id}, paid, session=session)

        try:
            await self._mongo.transaction(pay)
        except DuplicateKeyError:
            return await self._is_new_payment(ref, account_id, amount)
        return True

    async def _is_new_payment(self, ref: str, account_id: str, amount: int) -> bool:
        with driver_errors():
            known = await self._payments.find_one({"_id": ref})
        if known is None or (known["a"], known["amount"]) != (account_id, amount):
            raise Duplicate(ref)
        return False

    async def _set(self, account_id: str, **fields: str | None) -> None:
        with driver_errors():
            await self._accounts.update_one({"_id": account_id}, {"$set": fields})
