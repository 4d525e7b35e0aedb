"""Amounts per window in one process, such as tokens: known only when they have been spent."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from tornadogw.limits.windows import Verdict
from tornadogw.store.ports_limits import SLOTS

__all__ = ["Sums"]


class Sums:
    """What each subject has spent within the last `window` seconds, in slots of a 256th of it.

    A slot leaves the sum when all of it is a window old. Subjects that spent nothing for a window are forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, window: float = 60.0) -> None:
        self._clock = clock
        self._window, self._slot = window, window / SLOTS
        self._spent: OrderedDict[str, deque[tuple[int, int]]] = OrderedDict()  # in order of the latest spending

    def __len__(self) -> int:
        """Subjects in memory."""
        return len(self._spent)

    def take(self, subject: str, limit: int) -> Verdict:
        """Whether `subject`, who may spend `limit` per window, has something left."""
        refused = self.peek(subject, limit)
        return refused or Verdict(True, limit, limit - self._sum(subject), self._window, 0)

    def peek(self, subject: str, limit: int) -> Verdict | None:
        """A refusal; None: something is left."""
        total = self._sum(subject)
        if total < limit:
            return None
        now, reset, free = self._clock(), self._window, self._window
        for slot, amount in self._spent.get(subject, ()):
            reset = (slot + SLOTS + 1) * self._slot - now
            if total >= limit:
                free = reset
            total -= amount
        return Verdict(False, limit, 0, reset, max(1, math.ceil(free)))

    def note(self, subject: str, amount: int = 1) -> None:
        """Count what was spent."""
        slot = int(self._clock() / self._slot)
        self._sum(subject)
        spent = self._spent.setdefault(subject, deque())
        if spent and spent[-1][0] == slot:
            amount += spent.pop()[1]
        spent.append((slot, amount))
        self._spent.move_to_end(subject)
        for _ in range(2):  # more than can come in, so that idle ones run out
            oldest = next(iter(self._spent))
            if self._spent[oldest][-1][0] >= slot - SLOTS:
                return
            del self._spent[oldest]

    def recent(self, subject: str) -> Sequence[tuple[float, int]]:
        """Pairs of (seconds ago, amount) of the last window, oldest first."""
        self._sum(subject)
        now = self._clock()
        return [(max(0.0, now - (slot + 1) * self._slot), amount) for slot, amount in self._spent.get(subject, ())]

    def subjects(self) -> Sequence[str]:
        return list(self._spent)

    def _sum(self, subject: str) -> int:
        spent = self._spent.get(subject)
        if spent is None:
            return 0
        oldest = int(self._clock() / self._slot) - SLOTS
        while spent and spent[0][0] < oldest:
            spent.popleft()
        if not spent:
            del self._spent[subject]
        return sum(amount for _, amount in spent)
