"""What processes that are gone left in their journals: into the database with it, once, and their leases are over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tornadogw.journal.entries import decode
from tornadogw.journal.segment import read_segment
from tornadogw.journal.slot import Slot, leftovers
from tornadogw.store.ports_money import Entry, EventStore, LeaseStore

__all__ = ["replay"]

log = logging.getLogger(__name__)

_BATCH = 500


async def replay(
    folder: Path,
    own: Slot,
    database: str,
    leases: LeaseStore,
    events: EventStore,
    inserted: Callable[[Sequence[Entry]], None] = lambda _: None,
    known: Callable[[Sequence[Entry]], None] = lambda _: None,
) -> int:
    """Every journal under `folder` that nobody writes, and what was left in `own`; how many events were new.

    `database`: only what belongs to it. `inserted` is told of the new ones, `known` of those that
    were there. Raises StoreUnavailable; safe to repeat.
    """
    store = _Replay(leases, events, inserted, known)
    count = await store.slot(own, database)
    for slot in leftovers(folder):
        try:
            count += await store.slot(slot, database)
        finally:
            slot.release()
    if count:
        log.warning("%d charged calls of processes that were stopped were brought into the books", count)
    return count


class _Replay:
    def __init__(
        self,
        leases: LeaseStore,
        events: EventStore,
        inserted: Callable[[Sequence[Entry]], None],
        known: Callable[[Sequence[Entry]], None],
    ) -> None:
        self._leases, self._events, self._inserted, self._known = leases, events, inserted, known

    async def slot(self, slot: Slot, database: str) -> int:
        count = 0
        for path in slot.segments():
            found = read_segment(await asyncio.to_thread(path.read_bytes))
            if found is None:  # nothing was ever written to it
                path.unlink()
                continue
            head, records = found
            if head.database != database:
                log.error("the journal %s belongs to another database: it stays until a gateway of that starts", path)
                continue
            try:
                entries = [decode(payload) for payload in records]
            except msgspec.MsgspecError:
                log.error("the journal %s is of another version: it stays", path)  # noqa: TRY400 -- no more is known
                continue
            count += await self._entries(entries)
            path.unlink()
        return count

    async def _entries(self, entries: Sequence[Entry]) -> int:
        parts = {part for entry in entries for part in entry.parts}
        # The process is over, so its leases are; but what they hold is spent, so nothing goes back before the events
        # are there. Leases that are not there any more cannot be settled.
        gone = {part for part in parts if not await self._leases.keep(part)}
        lost = [entry for entry in entries if entry.parts and entry.parts[0] in gone]
        kept = [entry for entry in entries if not (entry.parts and entry.parts[0] in gone)]
        new: set[str] = set()
        for begin in range(0, len(kept), _BATCH):
            new |= await self._events.insert(kept[begin : begin + _BATCH])
        for part in parts - gone:
            await self._leases.close(part, await self._leases.charged(part))
        new |= await self._events.charge_orphans(lost)
        self._inserted([entry for entry in entries if entry.id in new])
        self._known([entry for entry in entries if entry.id not in new])
        return len(new)
