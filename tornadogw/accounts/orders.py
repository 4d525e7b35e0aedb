"""Orders: from a payment at some provider to money of an account, once, whatever the provider's events do.

    pending -> paid -> credited -> refunded

A refund of what was credited takes it back from the balance, below zero if it is spent: the provider has returned the
money, so the account owes it, and is refused calls until it has paid. A refund in part fits no order; it is reported,
and for an operator to correct by hand.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence

from tornadogw.accounts.accounts import Accounts, parse_amount
from tornadogw.errors import NotThere, UsageError
from tornadogw.store.orders import Notice, Order, OrderStore, Outcome
from tornadogw.store.ports import Account, Entry

__all__ = ["Orders"]

log = logging.getLogger(__name__)

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_EVENT = re.compile(r"[!-~]{1,256}", re.ASCII)
_MOST = 2**63 - 1


class Orders:
    """What can be done with orders. Every method raises `UsageError` for a wrong argument or an unknown thing."""

    def __init__(self, store: OrderStore, accounts: Accounts, *, now: Callable[[], float] = time.time) -> None:
        self._store, self._accounts, self._now = store, accounts, now

    async def open(self, email: str, amount: str, *, provider: str, due: str, currency: str, by: str = "") -> Order:
        """An order of `amount` (decimal text) for the account, for which `provider` is to take `due` in `currency`."""
        if not _PROVIDER.fullmatch(provider):
            raise UsageError(f"{provider!r} is no name for a provider: lower-case letters, digits, - and _")
        if not _CURRENCY.fullmatch(currency):
            raise UsageError(f"{currency!r} is no currency: give three capital letters, such as CNY")
        micro, due_micro = parse_amount(amount), parse_amount(due)
        account = await self._accounts.show(email)
        order = Order(secrets.token_hex(10), account.id, micro, provider, due_micro, currency, created=self._now())
        entry = Entry(by=by, act="order.open", at=order.created, account_id=account.id, subject=order.id)
        await self._store.add(order, entry)
        return order

    async def show(self, order_id: str) -> Order:
        order = await self._store.get(order_id)
        if order is None:
            raise NotThere(f"there is no order {order_id}")
        return order

    async def of(self, account: Account, *, limit: int = 50) -> Sequence[Order]:
        """The account's latest, newest first."""
        return await self._store.of_account(account.id, limit)

    async def take(self, notice: Notice) -> Outcome:
        """Do what a provider's event says, if it fits its order, and credit what is paid. May be repeated at will.

        The receiver has checked that the provider sent it. What does not fit is logged, and moves nothing.
        """
        names = (notice.provider, notice.event_id, notice.order_id, notice.currency)
        if not all(map(_EVENT.fullmatch, names)) or not 0 < notice.amount <= _MOST:
            raise UsageError("an event has names of 1 to 256 printable characters, and a positive amount")
        outcome = await self._store.take(notice, self._entry(f"order.{notice.kind}", notice.order_id, notice.provider))
        if outcome.kind == "rejected":
            log.warning("event %s of %s was rejected: %s", notice.event_id, notice.provider, outcome.why)
        elif outcome.order is not None and outcome.order.state == "paid":
            credited = await self._credit(outcome.order)
            return Outcome(outcome.kind, credited, outcome.why)
        return outcome

    async def credit_paid(self) -> Sequence[Order]:
        """Credit whatever is paid and was not credited, because a process died in between."""
        return [await self._credit(order) for order in await self._store.of_state("paid")]

    async def _credit(self, order: Order) -> Order:
        return await self._store.credit(order.id, self._entry("order.credited", order.id, order.provider)) or order

    def _entry(self, act: str, order_id: str, provider: str) -> Entry:
        return Entry(by=f"provider {provider}", act=act, at=self._now(), subject=order_id)
