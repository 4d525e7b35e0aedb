"""What the core needs of MongoDB to sell and to account for it: plans, subscriptions, codes, audit. Protocols, values.

As in `ports`: every method may raise `StoreUnavailable`, amounts are micro-units, moments are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tornadogw.store.ports import Entry
from tornadogw.types import Value

__all__ = [
    "AuditStore",
    "Audited",
    "Batch",
    "Code",
    "CodeStore",
    "Plan",
    "PlanStore",
    "Standing",
    "Subscription",
    "SubscriptionStore",
]


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
    ref: str = ""
    """What it was given for, so that it is given once; empty: nobody said."""


class Standing(Value, frozen=True):
    """What an account has beside its money."""

    time_zone: str = ""
    """An IANA name; empty: the setting."""
    subscriptions: tuple[Subscription, ...] = ()
    """By their beginning, none overlaps another. Those that are over are forgotten after a while."""


class Batch(Value, frozen=True):
    """Redeem codes that were made in one go. Each is worth an amount, or days of a plan."""

    id: str
    count: int
    amount: int | None = None
    plan: str | None = None
    days: int | None = None
    """How long the plan lasts, as it was when the batch was made: that is what was bought."""
    expires: float | None = None
    label: str = ""
    created: float = 0.0
    voided: float | None = None
    """Since when those that are not used are good for nothing."""
    used: int = 0


class Code(Value, frozen=True):
    """One code, without its text."""

    batch: Batch
    account_id: str | None = None
    """Who redeemed it."""
    redeemed: float | None = None


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


class CodeStore(Protocol):
    """Redeem codes, known by their digest: 32 bytes, a keyed hash."""

    async def add(self, batch: Batch, digests: Sequence[bytes], entry: Entry) -> None:
        """Store a batch and its codes, in one step."""

    async def batches(self) -> Sequence[Batch]:
        """Every batch, oldest first."""

    async def page(self, before: float | None, limit: int) -> tuple[Sequence[Batch], float | None]:
        """The latest batches before then, newest first, and before when the next ones are; None: there are none."""

    async def void(self, batch_id: str, entry: Entry) -> Batch | None:
        """From now on no more code of it is good. None: there is no such batch."""

    async def find(self, digest: bytes) -> Code | None: ...

    async def claim(self, digest: bytes, account_id: str, edit: Callable[[Standing], Standing], entry: Entry) -> bool:
        """Mark the code used by the account and give what it is worth, in one step; `edit` adds the days of its plan.

        False: nothing was done, since by `entry.at` it is used, void or expired.
        """


class Audited(Value, frozen=True):
    """Which lines of the audit log are wanted; what is empty does not matter."""

    account_id: str = ""
    act: str = ""
    """What the act begins with."""
    by: str = ""
    """Who did it, exactly."""
    since: float = 0.0
    until: float | None = None


class AuditStore(Protocol):
    """The audit log."""

    async def add(self, entry: Entry) -> None:
        """A line for what is done elsewhere than in a transaction."""

    async def page(self, wanted: Audited, limit: int) -> tuple[Sequence[Entry], float | None]:
        """The latest `limit` of them before `wanted.until`, newest first, and before when the next ones are; None:
        there are none. A page may be short, or empty, and others follow: no more is looked at than is bearable.
        """

    async def entries(self, account_id: str | None, since: float, limit: int) -> Sequence[Entry]:
        """The latest `limit` entries since then, oldest first; None: of every account and of none."""
