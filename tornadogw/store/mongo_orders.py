"""Orders in MongoDB.

orders        `_id`, `a` account, `amount`, `p` provider, `due`, `cur` currency, `state`, `t` made
order_events  `_id` [provider, event id], `o` order, `kind`, `amount`, `cur`, `ok`, `why`, `t`

Each step is one transaction around one conditional update, which names all that has to fit. Events that were rejected
are kept too: each is told once, and looked at again when it comes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_payments import pay
from tornadogw.store.mongo_values import moment, money, seconds
from tornadogw.store.orders import Notice, Order, OrderState, Outcome
from tornadogw.store.ports import Entry

__all__ = ["INDEXES", "MongoOrders"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "orders": (IndexModel([("state", ASCENDING), ("t", ASCENDING)]), IndexModel([("a", ASCENDING), ("t", ASCENDING)])),
    "order_events": (IndexModel([("o", ASCENDING)]),),
}
_FROM: Mapping[str, Sequence[OrderState]] = {"paid": ("pending",), "refunded": ("pending", "paid", "credited")}
"""The states from which each kind of event moves an order."""


class MongoOrders:
    """An `OrderStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._orders, self._events = mongo.database["orders"], mongo.database["order_events"]

    async def add(self, order: Order, entry: Entry) -> None:
        async def make(session: Session) -> None:
            await self._orders.insert_one(_document(order), session=session)
            await note(self._mongo, session, entry, after=msgspec.to_builtins(order))

        await self._mongo.transaction(make)

    async def get(self, order_id: str) -> Order | None:
        with driver_errors():
            return _order(await self._orders.find_one({"_id": order_id}))

    async def of_account(self, account_id: str, limit: int) -> Sequence[Order]:
        with driver_errors():
            documents = await self._orders.find({"a": account_id}).sort("t", DESCENDING).limit(limit).to_list(None)
        return [order for order in map(_order, documents) if order is not None]

    async def of_state(self, state: OrderState) -> Sequence[Order]:
        oldest = [("t", ASCENDING), ("_id", ASCENDING)]
        with driver_errors():
            documents = await self._orders.find({"state": state}).sort(oldest).to_list(None)
        return [order for order in map(_order, documents) if order is not None]

    async def take(self, notice: Notice, entry: Entry) -> Outcome:
        async def work(session: Session) -> Outcome:
            return await self._take(session, notice, entry)

        try:
            return await self._mongo.transaction(work)
        except DuplicateKeyError:  # the same event at the same moment: it is there now
            return await self._mongo.transaction(work)

    async def _take(self, session: Session, notice: Notice, entry: Entry) -> Outcome:
        event_id = {"p": notice.provider, "e": notice.event_id}
        known = await self._events.find_one({"_id": event_id}, session=session)
        if known is not None and known["ok"]:
            order = _order(await self._orders.find_one({"_id": known["o"]}, session=session))
            same = (known["o"], known["kind"], known["amount"], known["cur"]) == _words(notice)
            return Outcome("repeated", order) if same else Outcome("rejected", order, "the event's id is another's")
        outcome = await self._move(session, notice, entry)
        words = dict(zip(("o", "kind", "amount", "cur"), _words(notice), strict=True))
        document = {**words, "amount": money(notice.amount), "t": moment(entry.at)}
        document |= {"ok": outcome.kind != "rejected", "why": outcome.why}
        await self._events.replace_one({"_id": event_id}, document, upsert=True, session=session)
        if outcome.kind == "rejected" and known is None:
            told = {"event": notice.event_id, "why": outcome.why}
            rejected = msgspec.structs.replace(entry, act="order.rejected")
            await note(self._mongo, session, rejected, after=told)
        return outcome

    async def _move(self, session: Session, notice: Notice, entry: Entry) -> Outcome:
        fits = {
            "_id": notice.order_id,
            "p": notice.provider,
            "due": money(notice.amount),
            "cur": notice.currency,
            "state": {"$in": list(_FROM[notice.kind])},
        }
        change = {"$set": {"state": notice.kind}}
        before = _order(await self._orders.find_one_and_update(fits, change, session=session))
        if before is None:
            return _unmoved(_order(await self._orders.find_one({"_id": notice.order_id}, session=session)), notice)
        entry = msgspec.structs.replace(entry, account_id=before.account_id)
        if before.state == "credited":
            back = f"order-{before.id}-refund"
            await pay(self._mongo, session, before.account_id, -before.amount, ref=back, entry=entry)
        else:
            told = {"event": notice.event_id, "state": notice.kind}
            await note(self._mongo, session, entry, {"state": before.state}, told)
        return Outcome("moved", msgspec.structs.replace(before, state=notice.kind))

    async def credit(self, order_id: str, entry: Entry) -> Order | None:
        async def work(session: Session) -> Order | None:
            change = {"$set": {"state": "credited"}}
            paid = await self._orders.find_one_and_update({"_id": order_id, "state": "paid"}, change, session=session)
            order = _order(paid)
            if order is None:
                return _order(await self._orders.find_one({"_id": order_id}, session=session))
            told = msgspec.structs.replace(entry, account_id=order.account_id)
            await pay(self._mongo, session, order.account_id, order.amount, ref=f"order-{order.id}", entry=told)
            return msgspec.structs.replace(order, state="credited")

        return await self._mongo.transaction(work)


def _words(notice: Notice) -> tuple[str, str, int, str]:
    return notice.order_id, notice.kind, notice.amount, notice.currency


def _unmoved(order: Order | None, notice: Notice) -> Outcome:
    """Why no order was in a state for it."""
    if order is None:
        return Outcome("rejected", None, "there is no such order")
    if order.provider != notice.provider:
        return Outcome("rejected", order, "the order is another provider's")
    if order.currency != notice.currency:
        return Outcome("rejected", order, f"the order is in {order.currency}, not {notice.currency}")
    if order.due != notice.amount:
        return Outcome("rejected", order, f"{order.due} micro-units are due, not {notice.amount}")
    return Outcome("late", order)


def _document(order: Order) -> dict[str, Any]:
    return {
        "_id": order.id,
        "a": order.account_id,
        "amount": money(order.amount),
        "p": order.provider,
        "due": money(order.due),
        "cur": order.currency,
        "state": order.state,
        "t": moment(order.created),
    }


def _order(document: Mapping[str, Any] | None) -> Order | None:
    if document is None:
        return None
    return Order(
        id=document["_id"],
        account_id=document["a"],
        amount=int(document["amount"]),
        provider=document["p"],
        due=int(document["due"]),
        currency=document["cur"],
        state=document["state"],
        created=seconds(document["t"]),
    )
