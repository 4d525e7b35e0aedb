"""What the records of decisions need from MongoDB. Every method may raise `StoreUnavailable`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tornadogw.types import Attempt, Record, Value

__all__ = ["CallStore", "Calls", "Decision", "DecisionStore"]


class Decision(Value, frozen=True):
    """Why one request went as it did."""

    id: str
    """Of this decision; a request's id may be that of several requests."""
    record: Record
    charged: bool
    """The record is an event of the ledger's."""
    order: tuple[tuple[str, str], ...] = ()
    """Upstream and model of each candidate, best first."""
    passed: tuple[Attempt, ...] = ()
    """Routes that were meant and could not be candidates."""


class Calls(Value, frozen=True):
    """Which calls are wanted; what is empty does not matter."""

    account_id: str = ""
    key_id: str = ""
    model: str = ""
    """The one that answered."""
    upstream: str = ""
    failed: bool = False
    """Only those that were not answered, or not to the end, through no wish of the client's."""
    since: float = 0.0
    until: float | None = None


class CallStore(Protocol):
    """Calls of all accounts."""

    async def calls(self, wanted: Calls, limit: int) -> tuple[Sequence[Record], float | None]:
        """The latest `limit` before `wanted.until`, newest first, and before when the next ones are; None: there are
        none. A page may be short, or empty, and others follow: no more is looked at for one than is bearable.
        """

    async def failures(self, since: float, most: int) -> int:
        """How many calls were charged nothing since then, for whatever reason; `most`: as many, or more."""


class DecisionStore(Protocol):
    async def insert(self, decisions: Sequence[Decision]) -> int:
        """Keep them; how many of them cannot be kept, whatever is tried. Safe to repeat."""

    async def find(self, request_id: str, account_id: str | None, limit: int) -> Sequence[Decision]:
        """The requests with this id, newest first; of every account if None. A call that was charged is there once its
        event is, and without its candidates if these were not kept.
        """
