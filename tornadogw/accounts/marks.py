"""What is left alone of upstreams and keys, as all processes know it, and the end of that."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tornadogw.accounts.audit import Audit
from tornadogw.store.ports import Entry
from tornadogw.store.ports_health import HealthStore, Told

__all__ = ["Marks"]


class Marks:
    """Reads marks, and lifts those that were made by failures."""

    def __init__(self, store: HealthStore, audit: Audit, *, now: Callable[[], float] = time.time) -> None:
        self._store, self._audit, self._now = store, audit, now

    async def all(self) -> Sequence[Told]:
        """All there are, in no order."""
        return [each.told for each in await self._store.since(0)]

    async def enable(self, name: str, *, by: str = "") -> Sequence[Told]:
        """Use the key or the upstream of this name again, everywhere. What was left alone of it; maybe nothing."""
        meant = [each for each in await self.all() if each.openings and name in (each.key, each.spot[0])]
        if meant:
            before = {"disabled": any(each.disabled for each in meant), "places": len(meant)}
            await self._audit.note(
                Entry(by=by, act="upstream.enable", at=self._now(), subject=name[:200], before=before)
            )
            await self._store.tell([Told(each.spot, each.key, age=0.0) for each in meant])
        return meant
