"""The gateway without a part of its work: in every process that has this folder on its path, as `BENCH_WITHOUT` says.

`database`: without what the ledger does in the database for each call, which is a part of a batch of events and of a
day: the driver's threads, the hand-offs to them, the waits of the loop for the interpreter while they work. `ledger`:
without the ledger at all, nothing is held, journaled or stored. Everything else is on.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tornadogw.day_writer import DayWriter
from tornadogw.ledger import Ledger
from tornadogw.store.mongo_events import MongoEvents


class Nothing:
    """A hold that covers everything and costs nothing."""

    amount, factor, settled = 0, 1_000_000, True

    def covers(self, _offer: Any) -> bool:
        return True

    def charge(self, _cost: int, _record: Any) -> bool:
        return True

    async def settle(self) -> None:
        return


@asynccontextmanager
async def holding(_self: Ledger, _caller: Any, _offers: Any) -> AsyncIterator[Nothing]:
    """Instead of a hold."""
    yield Nothing()


async def insert(_self: MongoEvents, entries: Sequence[Any]) -> frozenset[str]:
    """Instead of a batch."""
    return frozenset(entry.id for entry in entries)


def leave_out(what: str) -> None:
    if what == "ledger":
        Ledger.holding = holding  # type: ignore[method-assign,assignment]  # it is what is left out
    else:
        MongoEvents.insert = insert  # type: ignore[method-assign]  # it is what is left out
        DayWriter.add = lambda _self, _entries: None  # type: ignore[method-assign]  # it is what is left out


if os.environ.get("BENCH_WITHOUT"):
    leave_out(os.environ["BENCH_WITHOUT"])
