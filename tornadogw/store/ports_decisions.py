"""What the records of decisions need from MongoDB. Every method may raise `StoreUnavailable`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tornadogw.types import Attempt, Record, Value

__all__ = ["Decision", "DecisionStore"]


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


class DecisionStore(Protocol):
    async def insert(self, decisions: Sequence[Decision]) -> int:
        """Keep them; how many of them cannot be kept, whatever is tried. Safe to repeat."""

    async def find(self, request_id: str, account_id: str | None, limit: int) -> Sequence[Decision]:
        """The requests with this id, newest first; of every account if None. A call that was charged is there once its
        event is, and without its candidates if these were not kept.
        """
