"""A clock to be set, and the common counts by that clock: what `MongoLimits` does, in memory."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_limits import SLOTS, Share, Took


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Counts:
    """A `LimitStore`. `away` True: nothing is answered. `asked` counts what was."""

    def __init__(self, clock):
        self.clock, self.away, self.asked = clock, False, 0
        self.spent: dict[str, Counter[int]] = defaultdict(Counter)
        self.held: dict[str, dict[str, int]] = defaultdict(dict)

    async def take(self, subject, limit, need, owed, window, seconds):
        self._ask()
        slot = window / SLOTS
        now = math.floor(self.clock.now / slot)
        spent = self.spent[subject]
        for ago, amount in owed:
            spent[now - ago] += amount
        for old in [each for each in spent if each < now - SLOTS]:
            del spent[old]
        granted = max(0, min(need, limit - spent.total()))
        spent[now] += granted
        refused = granted < need or (not need and spent.total() >= limit)
        leaving = sorted(((each + SLOTS + 1) * slot - self.clock.now, spent[each]) for each in spent) if refused else ()
        return Took(granted, spent.total(), leaving)

    async def share(self, subject, process, want, keep, limit, ttl, seconds):
        self._ask()
        held = self.held[subject]
        others = sum(number for other, number in held.items() if other != process)
        held[process] = max(keep, min(want, limit - others))
        return Share(held[process], others)

    def _ask(self):
        if self.away:
            raise StoreUnavailable
        self.asked += 1
