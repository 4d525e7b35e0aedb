"""What the core needs of MongoDB for orders: what somebody is to pay for at a provider of payments.

    pending -> paid -> credited -> refunded

A refund may come at any time, the first step may be missing: events of providers arrive in any order, and repeatedly.
As in `ports`: every method may raise `StoreUnavailable`, amounts are micro-units, moments are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from tornadogw.store.ports import Entry
from tornadogw.types import Value

__all__ = ["Notice", "Order", "OrderState", "OrderStore", "Outcome"]

OrderState = Literal["pending", "paid", "credited", "refunded"]


class Order(Value, frozen=True):
    """`amount` is for the account, in the gateway's currency; `due` is what the provider takes, in `currency`."""

    id: str
    account_id: str
    amount: int
    provider: str
    due: int
    currency: str
    state: OrderState = "pending"
    created: float = 0.0


class Notice(Value, frozen=True):
    """What a provider says, after whoever received it has checked that it is the provider."""

    provider: str
    event_id: str
    order_id: str
    kind: Literal["paid", "refunded"]
    amount: int
    """Of the whole order, in `currency`."""
    currency: str


class Outcome(Value, frozen=True):
    """What a notice did.

    moved: the order is in another state. repeated: this very event was there before. late: the order was there, or
    further, already. rejected: it does not fit the order, see `why`; nothing moves.
    """

    kind: Literal["moved", "repeated", "late", "rejected"]
    order: Order | None = None
    """After it; None: there is no such order."""
    why: str = ""


class OrderStore(Protocol):
    """Orders and the events that move them."""

    async def add(self, order: Order, entry: Entry) -> None: ...

    async def get(self, order_id: str) -> Order | None: ...

    async def of_account(self, account_id: str, limit: int) -> Sequence[Order]:
        """The latest of the account, newest first."""

    async def of_state(self, state: OrderState) -> Sequence[Order]:
        """Oldest first."""

    async def take(self, notice: Notice, entry: Entry) -> Outcome:
        """Remember the event and move the order as it says, in one step. A refund takes back what was credited."""

    async def credit(self, order_id: str, entry: Entry) -> Order | None:
        """Pay in what is paid for and not credited yet, in one step. The order after it; None: there is none."""
