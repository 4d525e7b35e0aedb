"""What the ledger needs from MongoDB: wallets, leases on them, and the events of finished calls.

Every method may raise `StoreUnavailable`; after it, a write may have happened or not, so each one is safe to repeat.
Amounts are integers in micro-units of the currency. docs/decisions/0008-money-is-leased.md has the documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from tornadogw.types import Record, Value

__all__ = ["Entry", "EventStore", "Late", "LeaseStore", "Overdue", "Part", "Standing", "Wallet", "WalletKind", "Wish"]

WalletKind = Literal["prepaid", "day", "daily", "total"]
"""An account's own money, a plan's day, a key's budget of a day, a key's budget for ever."""


class Wallet(Value, frozen=True):
    """Something that holds money, and where it is kept."""

    kind: WalletKind
    id: str
    account_id: str
    limit: int | None = None
    """What it holds when it is full; None: what was paid in."""
    ends: float | None = None
    """Unix seconds at which its day is over; None: never."""


class Wish(Value, frozen=True):
    """What one operation on a lease is to do, in this order: settle, grant, give back, end."""

    lease: str
    settled: int = 0
    """The sum of costs that is known to be durable."""
    needs: tuple[int, ...] = ()
    """Grant the first of these that the balance covers, or nothing; descending."""
    want: int = 0
    """Grant up to so much more than is needed, as far as the share of the balance goes."""
    share: int = 4
    """Into how many parts the balance is thought to be split; a wish gets one."""
    keep: int | None = None
    """Give back what is granted beyond settled and this."""
    seconds: float = 30.0
    """How long the lease lasts from now."""
    opening: bool = False
    """The lease is new: it may be made, if something is granted."""
    ending: bool = False
    """The lease is over, and nobody has anything more to settle on it."""
    number: int = 0
    """Which operation of its lease it is: one that is done after a later one only settles."""


class Standing(Value, frozen=True):
    """How lease and wallet stand after an operation."""

    granted: int | None
    """What is granted in all, settled or not; None: the lease is not open."""
    balance: int = 0
    active: bool = True
    """False: the account is disabled or gone."""


class Overdue(Value, frozen=True):
    """An open lease that nobody has renewed for a while."""

    wallet: Wallet
    lease: str
    end: float
    """Unix seconds, as it was read."""


class Late(Value, frozen=True):
    """A closed lease that is still kept, because an event of it may come."""

    wallet: Wallet
    lease: str
    settled: int
    old: bool
    """It has been kept for long enough."""


class Part(Value, frozen=True):
    """One wallet's lease that an event counts in."""

    kind: WalletKind
    wallet_id: str
    lease: str


class Entry(Value, frozen=True):
    """An event as it is journaled and stored."""

    id: str
    record: Record
    parts: tuple[Part, ...] = ()
    """Money first, then budgets; none for a call that nothing was held for."""


class LeaseStore(Protocol):
    """Leases."""

    async def lease(self, wallet: Wallet, start_id: str, wish: Wish) -> Standing:
        """Fulfil the wish in one update. On a lease that is not there only a wish that opens it does anything."""

    async def overdue(self, grace: float) -> Sequence[Overdue]:
        """Open leases that ended more than `grace` seconds ago, by the database's clock."""

    async def charged(self, part: Part) -> int:
        """The sum of the costs of the lease's events."""

    async def reclaim(self, found: Overdue, settled: int) -> bool:
        """Close the lease unless it was renewed since it was read; what is not settled goes back. False: renewed."""

    async def keep(self, part: Part) -> bool:
        """Nobody gives the lease back or forgets it for a while: its owner is over, and its events are being stored.

        False: there is none.
        """

    async def close(self, part: Part, settled: int) -> bool:
        """Close the lease of a process that is known to be over, or settle it if it is closed. False: there is none."""

    async def late(self, kept: float) -> Sequence[Late]:
        """Closed leases; `kept` says after how many seconds one is old."""

    async def forget(self, late: Late) -> None:
        """Remove a closed lease."""


class EventStore(Protocol):
    """Events."""

    async def insert(self, entries: Sequence[Entry]) -> frozenset[str]:
        """Store what is not there yet, durably; the ids of what was new.

        An entry that the database would not have is stored with the least that tells whose it was and what it cost.
        """

    async def charge_orphans(self, entries: Sequence[Entry]) -> frozenset[str]:
        """Store entries whose leases are forgotten, and charge them to their wallets, each once; the ids of the new."""
