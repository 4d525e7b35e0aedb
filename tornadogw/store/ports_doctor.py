"""What the doctor needs from MongoDB: everything that an account's figures rest on, as it was at one moment.

Amounts are integers in micro-units of the currency. Every method may raise `StoreUnavailable`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from tornadogw.store.ports_usage import Total, UsageDay
from tornadogw.types import Value

__all__ = [
    "AccountFacts",
    "Budgeted",
    "DoctorStore",
    "Kind",
    "LeaseFacts",
    "Stray",
    "TotalFacts",
    "Trade",
    "Twice",
    "WalletFacts",
]

Kind = Literal["prepaid", "day", "daily", "total"]


class LeaseFacts(Value, frozen=True):
    """One lease, and what its events come to."""

    id: str
    granted: int
    settled: int
    summed: int
    """The costs of its events."""
    closed: bool = False
    whole: bool = True
    """Whether all of its events must still be there; False: the first ones may have been removed for their age."""
    end: float = 0.0
    """Unix seconds, as it was read."""
    over: float = 0.0
    """Seconds since its end, by the database's clock; below zero: it lasts."""
    owned: bool = True
    """Whether the start that owns it still lives."""

    @property
    def charged(self) -> int:
        """What is spent of it, whether it has been settled or not."""
        return max(self.settled, self.summed)


class WalletFacts(Value, frozen=True):
    """Something that holds money."""

    kind: Kind
    id: str
    credited: int
    balance: int
    spent: int
    held: int = 0
    """Holds of the first version."""
    leases: tuple[LeaseFacts, ...] = ()

    @property
    def document(self) -> str:
        """Where it is kept."""
        return f"{'accounts' if self.kind == 'prepaid' else 'wallets'}/{self.id}"


class Twice(Value, frozen=True):
    """Events that tell the same call."""

    events: tuple[str, ...]
    cost: int
    """Of one of them."""
    costs: int
    """Of all of them."""


class Budgeted(Value, frozen=True):
    """What the calls of a key cost on a day, as far as they count in budgets."""

    key: str
    day: str
    any: int
    """Those that count in one at least."""
    both: int
    """Those that count in two."""


class AccountFacts(Value, frozen=True):
    """An account at one moment."""

    id: str
    wallets: tuple[WalletFacts, ...]
    """Its own first."""
    paid: int
    """The sum of its payments."""
    born: str
    """Day of UTC on which it was made, YYYYMMDD."""
    counted: Mapping[str, UsageDay]
    """Days as their events have them."""
    stored: Mapping[str, UsageDay]
    """Days as their documents have them."""
    unsure: frozenset[str] = frozenset()
    """Those of `stored` that wait to be counted anew."""
    closed: frozenset[str] = frozenset()
    """Days that were closed."""
    events_from: str = "19700101"
    """The first day of which all events must be there."""
    days_from: str = "19700101"
    """The first day whose document must be there."""
    twice: tuple[Twice, ...] = ()
    budgeted: tuple[Budgeted, ...] = ()


class Stray(Value, frozen=True):
    """What belongs to an account that is not there."""

    collection: str
    """`events`, `wallets`, `payments` or `keys`."""
    account_id: str
    documents: int
    amount: int
    """Costs of events, what wallets and payments hold; nothing for keys."""


class Trade(Value, frozen=True):
    """Something that is paid in once: a redeemed code, an order."""

    document: str
    account_id: str
    due: int
    """What its payments must come to as it stands."""
    paid: int


class TotalFacts(Value, frozen=True):
    """A closed day of all accounts."""

    counted: Total
    """As its events have it."""
    stored: Total
    """As its document has it."""


class DoctorStore(Protocol):
    """The whole database, read; and what may be put right without inventing money."""

    async def accounts(self) -> Sequence[str]:
        """The ids of all accounts."""

    async def account(self, account_id: str) -> AccountFacts | None:
        """The account and all that belongs to it, in one snapshot. None: it is not there any more."""

    async def strays(self) -> Sequence[Stray]: ...

    async def trades(self) -> Sequence[Trade]:
        """Codes and orders whose payments are not what is due, and payments whose code was never redeemed."""

    async def totals(self) -> Sequence[TotalFacts]:
        """Closed days of all accounts whose events must all be there, but those that wait to be counted anew."""

    async def settle(self, wallet: WalletFacts, lease: LeaseFacts) -> bool:
        """Raise what is settled of a closed lease to the sum of its events, or close one that is over. False: it has
        changed since it was read.
        """
