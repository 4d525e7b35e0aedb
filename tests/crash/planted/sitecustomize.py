"""Bugs that the crash test must catch, one of them in every process that has this folder on its path.

`CRASH_BUG` says which: each breaks one thing that the ledger's algorithm stands on.
"""
# ruff: noqa: PLC0415 -- a room is loaded only by the process whose bug is in it

from __future__ import annotations

import os
from typing import Any


def no_journal() -> None:
    """What is charged is not written to the journal."""
    from tornadogw.journal.segment import Segment

    Segment.append = lambda self, payload: None  # type: ignore[method-assign]  # the bug


def settle_by_increment() -> None:
    """Settling adds, instead of raising to a sum: a settlement that is repeated counts twice."""
    from tornadogw.store import mongo_leases

    right = mongo_leases._settled

    def wrong(lease: str, settled: int, *, opening: bool) -> Any:
        stages = right(lease, settled, opening=opening)
        stages[1]["$set"]["_x.s"] = {
            "$cond": [
                "$_x.there",
                {"$add": [{"$ifNull": ["$_x.lease.s", mongo_leases._NOTHING]}, mongo_leases.money(settled)]},
                {"$ifNull": ["$_x.lease.s", mongo_leases._NOTHING]},
            ]
        }
        return stages

    mongo_leases._settled = wrong


def reclaim_early() -> None:
    """Leases are given back while their owners use them, at the first look."""
    from tornadogw import reclaim
    from tornadogw.store.ports_money import Part

    right = reclaim.Reclaimer.__init__

    def often(self: Any, store: Any, grace: float, **more: Any) -> None:
        right(self, store, grace, every=0.05)

    async def look(self: Any) -> int:
        for each in await self._store.overdue(-1000.0):
            part = Part(each.wallet.kind, each.wallet.id, each.lease)
            await self._store.reclaim(each, await self._store.charged(part))
        return 0

    reclaim.Reclaimer.__init__ = often  # type: ignore[method-assign]  # the bug
    reclaim.Reclaimer.look = look  # type: ignore[method-assign]  # the bug


def duplicates_are_errors() -> None:
    """An event that is there already is taken for one that could not be stored."""
    from tornadogw.store import mongo_events, ports

    right = mongo_events.MongoEvents._insert

    async def wrong(self: Any, events: Any) -> Any:
        if refused := await right(self, events):
            raise ports.StoreUnavailable(f"{len(refused)} events are refused")
        return refused

    mongo_events.MongoEvents._insert = wrong  # type: ignore[method-assign]  # the bug


def charge_at_start() -> None:
    """A call is charged what was held for it, when it begins."""
    from tornadogw import ledger

    right = ledger.Hold.charge

    def wrong(self: Any, cost: int, record: Any) -> bool:
        return right(self, max(cost, self.amount), record)

    ledger.Hold.charge = wrong  # type: ignore[method-assign]  # the bug


BUGS = {
    "no_journal": no_journal,
    "settle_by_increment": settle_by_increment,
    "reclaim_early": reclaim_early,
    "duplicates_are_errors": duplicates_are_errors,
    "charge_at_start": charge_at_start,
}

if os.environ.get("CRASH_BUG"):
    BUGS[os.environ["CRASH_BUG"]]()
