"""What is left alone of upstreams and keys, as all processes know it, and the end of that."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tornadogw.accounts.audit import Audit
from tornadogw.store.ports import Entry
from tornadogw.store.ports_health import HealthStore, Told
from tornadogw.trial import Outcome

__all__ = ["Marks"]


class Marks:
    """Reads marks, and lifts them."""

    def __init__(self, store: HealthStore, audit: Audit, *, now: Callable[[], float] = time.time) -> None:
        self._store, self._audit, self._now = store, audit, now

    async def all(self) -> Sequence[Told]:
        """All there are, in no order."""
        return [each.told for each in await self._store.since(0)]

    async def enable(self, name: str, *, by: str = "") -> Sequence[Told]:
        """Use the key or the upstream of this name again, everywhere. What was left alone of it; maybe nothing."""
        meant = [each for each in await self.all() if _alone(each) and name in (each.key, each.spot[0])]
        await self._lift(meant, name, by)
        return meant

    async def answered(self, upstream: str, outcomes: Sequence[Outcome], *, by: str = "") -> Sequence[Told]:
        """Use again what somebody's test has shown to answer: of the keys and models of the upstream, and no others."""
        seen = [(each.key, each.model) for each in outcomes if each.wrong is None]

        def fine(mark: Told) -> bool:
            model = mark.spot[2]
            return any(mark.key in ("", key) and model in ("", theirs) for key, theirs in seen)

        meant = [each for each in await self.all() if _alone(each) and each.spot[0] == upstream and fine(each)]
        await self._lift(meant, upstream, by)
        return meant

    async def _lift(self, meant: Sequence[Told], name: str, by: str) -> None:
        if meant:
            before = {"disabled": any(each.disabled for each in meant), "places": len(meant)}
            await self._audit.note(
                Entry(by=by, act="upstream.enable", at=self._now(), subject=name[:200], before=before)
            )
            await self._store.tell([_lifted(each) for each in meant])


def _alone(mark: Told) -> bool:
    return mark.openings > 0 or mark.cool > 0


def _lifted(mark: Told) -> Told:
    """The breaker is closed, and the cool-down one of those before a lift."""
    lifts = mark.lifts + 1 if mark.cool > 0 else 0
    return Told(mark.spot, mark.key, lifts=lifts, age=0.0 if mark.openings else None)
