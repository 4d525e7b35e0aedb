"""What the core needs of MongoDB to sell and to account for it: plans, subscriptions, the audit log. Protocols, values.

As in `ports`: every method may raise `StoreUnavailable`, amounts are micro-units, moments are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tornadogw.store.ports import Entry, Value

__all__ = ["AuditStore", "Plan", "PlanStore", "Standing", "Subscription", "SubscriptionStore"]


class Plan(Value, frozen=True):
    """What can be subscribed to. Its name is its identity."""

    name: str
    daily: int
    """What a subscriber may spend on one local day."""
    models: tuple[str, ...] | None = None
    """Models that it pays for; None: all."""
    rpm: int | None = None
    """Requests per minute of each key without a limit of its own; None: the setting."""
    factor: int = 1_000_000
    """What it takes of a price, in millionths."""
    days: int = 30
    """How long a subscription lasts, 24 hours each."""
    prepaid_after: bool = True
    """Whether prepaid money pays where the day's rest does not cover a call."""
    prepaid_outside: bool = True
    """Whether prepaid money pays for models outside the plan."""
    active: bool = True
    """False: archived. Who has it keeps it, nobody new gets it."""
    created: float = 0.0


class Subscription(Value, frozen=True):
    """An account has a plan from `since` on, and no longer at `until`."""

    plan: str
    since: float
    until: float


class Standing(Value, frozen=True):
    """What an account has beside its money."""

    time_zone: str = ""
    """An IANA name; empty: the setting."""
    subscriptions: tuple[Subscription, ...] = ()
    """By their beginning, none overlaps another. Those that are over are forgotten after a while."""


class PlanStore(Protocol):
    """Plans, by name."""

    async def add(self, plan: Plan, entry: Entry) -> None:
        """Raises `Duplicate` for a known name."""

    async def change(self, name: str, edit: Callable[[Plan], Plan], entry: Entry) -> Plan | None:
        """Put `edit(plan)` in the plan's place, in one step. None: there is no such plan."""

    async def get(self, name: str) -> Plan | None: ...

    async def all(self) -> Sequence[Plan]:
        """Every plan, by name."""


class SubscriptionStore(Protocol):
    """What accounts have beside their money."""

    async def get(self, account_id: str) -> Standing: ...

    async def change(self, account_id: str, edit: Callable[[Standing], Standing], entry: Entry) -> Standing:
        """Put `edit(standing)` in the standing's place, in one step; what `edit` raises comes through."""


class AuditStore(Protocol):
    """The audit log, read back."""

    async def entries(self, account_id: str | None, since: float, limit: int) -> Sequence[Entry]:
        """The latest `limit` entries since then, oldest first; None: of every account and of none."""
