"""What usage needs from MongoDB: an account's days, how they are kept right, and how far back they go.

Days are named YYYYMMDD and are local days of their account; hours are named YYYYMMDDHH and are hours of UTC. Amounts
are integers in micro-units of the currency. Every method may raise `StoreUnavailable`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tornadogw.store.ports_money import Entry
from tornadogw.types import Value

__all__ = ["Count", "DayBook", "DayJobs", "DayStore", "Sum", "Total", "TotalStore", "UsageDay", "UseStore"]


class Count(Value, frozen=True):
    """What some calls came to."""

    requests: int = 0
    cost: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    """Tokens; a part of `prompt`, as `cache_write`."""
    cache_write: int = 0
    reasoning: int = 0
    """A part of `completion`."""


class UsageDay(Value, frozen=True):
    """One day of one account, counted in several ways."""

    day: str
    hours: Mapping[str, Count] = {}
    """By hours of UTC in which the calls began, so that a day with 25 hours has 25."""
    models: Mapping[str, Count] = {}
    """By the model that answered; empty: none did."""
    keys: Mapping[str, Count] = {}
    wallets: Mapping[str, Count] = {}
    """By what paid: `prepaid`, `day`; empty: nothing was held, or the first version held it."""


class Sum(Value, frozen=True):
    """What calls of all accounts came to, as the operator sees it. Amounts are micro-units."""

    requests: int = 0
    cost: int = 0
    """What was charged."""
    prompt: int = 0
    completion: int = 0
    failed: int = 0
    """Calls that the upstream or a limit of time broke off."""
    paid: int = 0
    """What the operator pays, where that is known."""
    unknown: int = 0
    """What was charged for calls of which it is not."""

    @property
    def profit(self) -> int:
        """Of the calls whose cost is known."""
        return self.cost - self.unknown - self.paid


class Total(Value, frozen=True):
    """One day of all accounts: their own days of that date."""

    day: str
    sums: Mapping[tuple[str, str], Sum] = {}
    """By model and upstream that answered."""


class TotalStore(Protocol):
    """Days of all accounts."""

    async def totals(self, first: str, last: str) -> Sequence[Total]:
        """The days from `first` to `last` with calls, in order, a document each; the last seconds may be missing."""


class UseStore(Protocol):
    """When keys were used."""

    async def last(self, key_ids: Collection[str]) -> Mapping[str, float]:
        """When the last call of each key began, Unix seconds, in one read of a document a key; the last seconds may be
        missing, as is a key that was never used.
        """


class DayStore(Protocol):
    """Days, read."""

    async def days(self, account_id: str, first: str, last: str) -> Sequence[UsageDay]:
        """The days from `first` to `last` with calls, in order, right to the last event: what is not closed is counted
        anew from the events.
        """

    async def page(self, account_id: str, first: str, last: str) -> Sequence[UsageDay]:
        """The same in one read of a document a day; the last seconds may be missing."""


class DayBook(Protocol):
    """Days, written."""

    async def add(self, entries: Sequence[Entry]) -> None:
        """Add calls whose events were stored for the first time. Not to be repeated: what was not added is found when
        its day is closed, or counted anew if it is closed already.
        """

    async def mark(self, entries: Sequence[Entry]) -> None:
        """Have the days of these calls counted anew. Safe to repeat."""


class DayJobs(Protocol):
    """Days, closed: counted anew from their events, once they are over everywhere."""

    async def due(self) -> Sequence[str]:
        """Days that are over, whose events are all there, and that nobody has closed yet, oldest first."""

    async def claim(self, job: str, by: str, seconds: float) -> bool:
        """Whether `by` may do a job, which nobody has done, and nobody else has claimed within so many seconds."""

    async def done(self, day: str) -> None:
        """Note that a day is closed."""

    async def rebuild(self, first: str, last: str) -> int:
        """Count the days of every account anew; how many documents there are for them now.

        Raises `UsageError` if events of these days have been removed: the days would lose what only they know.
        """

    async def rebuild_uses(self) -> None:
        """Find out from all events when keys were used: what was told of it began later than they did."""

    async def rebuild_late(self) -> int:
        """Count those account-days anew that got an event after they were closed; how many there were."""
