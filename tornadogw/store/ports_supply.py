"""What the gateway needs of MongoDB to keep upstreams and models there. As in `ports`: every method may raise
`StoreUnavailable`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from tornadogw.store.ports import Entry
from tornadogw.types import Price, Value

__all__ = ["Edit", "Kind", "Stored", "StoredKey", "Supplied", "SupplyStore"]

Kind = Literal["upstream", "model"]


class StoredKey(Value, frozen=True):
    """One key of an upstream: where it is, or itself, sealed."""

    number: int
    """Given once an upstream: what failed with one key is never held against another."""
    reference: str = ""
    """`env:NAME` or `file:/path`; empty: it is `sealed`."""
    sealed: bytes = b""


class Stored(Value, frozen=True):
    """One upstream or model as the database has it."""

    kind: Kind
    name: str
    fields: Mapping[str, Any]
    """As in the settings file, but for what is beside it here. Not checked: a later version may have written it."""
    keys: tuple[StoredKey, ...] = ()
    """Of an upstream."""
    numbers: int = 0
    """The highest number that one of its keys ever had."""
    hidden: bytes = b""
    """Of an upstream: sealed JSON of those fields that may hold secrets."""
    revision: int = 0
    """Another one after each change; greater than all before."""
    created: int = 0
    """The revision with which it came: its place among its like."""
    changed: float = 0.0
    """Unix seconds."""
    by: str = ""


class Supplied(Value, frozen=True):
    """All that the database has."""

    revision: int = 0
    """Of the last change."""
    entries: tuple[Stored, ...] = ()
    """In the order in which they came."""

    def find(self, kind: Kind, name: str) -> Stored | None:
        return next((each for each in self.entries if each.kind == kind and each.name == name), None)


class Edit(Value, frozen=True):
    """One change."""

    kind: Kind
    name: str
    now: Stored | None
    """What is there from now on; None: nothing. Its revision is given by the store."""
    entry: Entry
    prices: Mapping[str, Price | None] = {}
    """Prices that become others by it, by model; None: the model is gone."""


class SupplyStore(Protocol):
    async def read(self) -> Supplied: ...

    async def edit(self, decide: Callable[[Supplied], Sequence[Edit]]) -> int:
        """Do what `decide` makes of what is there, whole or not at all, one edit of all processes after the other.

        With its lines in the audit log. `decide` may be called several times; what it raises is raised. Gives the
        revision after it.
        """
