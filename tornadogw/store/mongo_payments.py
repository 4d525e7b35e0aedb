"""Payments in MongoDB: what moves an account's money other than calls do. One transaction, once a reference.

payments  `_id` reference, `a` account, `amount` (negative: taken back), `t`, `by`, `why` the reason if one was given
"""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, money, seconds
from tornadogw.store.ports import Duplicate, Entry, Payment

__all__ = ["MongoPayments", "pay", "pay_once", "same_payment"]


async def pay(mongo: Mongo, session: Session, account_id: str, amount: int, *, ref: str, entry: Entry) -> None:
    """Pay in (or take back, below zero too), in the transaction of `session`, with a line in the audit log.

    Raises DuplicateKeyError for a known `ref`; the transaction is over then.
    """
    payment = {"_id": ref, "a": account_id, "amount": money(amount), "t": moment(entry.at), "by": entry.by}
    if reason := entry.after.get("reason"):
        payment["why"] = reason
    await mongo.database["payments"].insert_one(payment, session=session)
    paid = {"$inc": {"credited": money(amount), "balance": money(amount)}}
    before = await mongo.database["accounts"].find_one_and_update({"_id": account_id}, paid, session=session)
    if before is None:
        raise LookupError(f"there is no account {account_id}")
    old = {name: int(before[name]) for name in ("credited", "balance")}
    new = {name: value + amount for name, value in old.items()}
    await note(mongo, session, entry, old, {**new, "amount": amount, "ref": ref, **entry.after})


async def pay_once(mongo: Mongo, account_id: str, amount: int, *, ref: str, entry: Entry) -> bool:
    """`pay` in a transaction of its own. False: this very payment was there already.

    Raises Duplicate if `ref` belongs to another account or amount.
    """

    async def work(session: Session) -> None:
        await pay(mongo, session, account_id, amount, ref=ref, entry=entry)

    try:
        await mongo.transaction(work)
    except DuplicateKeyError:
        await same_payment(mongo, account_id, amount, ref)
        return False
    return True


async def same_payment(mongo: Mongo, account_id: str, amount: int, ref: str) -> None:
    """Raises Duplicate if `ref` belongs to another account or amount."""
    with driver_errors():
        known = await mongo.database["payments"].find_one({"_id": ref})
    if known is None or (known["a"], known["amount"]) != (account_id, amount):
        raise Duplicate(ref)


class MongoPayments:
    """A `PaymentStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._payments = mongo.database["payments"]

    async def of_account(self, account_id: str, limit: int) -> Sequence[Payment]:
        with driver_errors():
            documents = await self._payments.find({"a": account_id}).sort("t", DESCENDING).limit(limit).to_list(None)
        return [
            Payment(ref=each["_id"], amount=int(each["amount"]), at=seconds(each["t"]), by=each["by"])
            for each in documents
        ]
