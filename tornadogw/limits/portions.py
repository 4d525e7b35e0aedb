"""The arithmetic of a limit that several processes share. Pure.

**The bound.** Every process owes the common count at most `grace` of a window: what it let pass without asking. More
is only let pass with a grant, and a grant never lifts the count above the limit. Whoever is refused owes nothing then,
and asks until something is granted. So after the last grant of a window, the processes can add no more than what all
of them may owe: at most 4 % of the limit, however the requests come.
"""

from __future__ import annotations

from collections.abc import Sequence

from tornadogw.store.ports_limits import SLOTS

__all__ = ["Owed", "grace", "is_near", "part", "wait"]

_OVER = 25
"""All processes may owe the limit divided by this."""


def grace(limit: int, processes: int) -> int:
    """What one of `processes` may let pass between two looks at the common count."""
    return limit // (_OVER * processes)


def part(limit: int, processes: int) -> int:
    """What a process may let pass per window while it cannot ask. At least one, or nobody could be served."""
    return max(1, limit // processes)


def is_near(used: int, limit: int) -> bool:
    """Whether every further request has to ask: what others let pass meanwhile could matter."""
    return used * 4 > limit * 3


def wait(leaving: Sequence[tuple[float, int]], used: int, limit: int) -> float:
    """Seconds until the count is below the limit.

    `leaving`: pairs of (seconds until it leaves the count, amount), soonest first.
    """
    too_many = used + 1 - limit
    for seconds, amount in leaving:
        if too_many <= 0:
            return 0.0
        too_many -= amount
        if too_many <= 0:
            return max(0.0, seconds)
    return 0.0


class Owed:
    """What one process let pass and has not told yet, by slot of its own clock."""

    __slots__ = ("_slots", "total")

    def __init__(self) -> None:
        self._slots: list[tuple[int, int]] = []
        self.total = 0

    def add(self, slot: int, amount: int) -> None:
        """`slot`: not before that of the last addition."""
        self.total += amount
        if self._slots and self._slots[-1][0] == slot:
            amount += self._slots.pop()[1]
        self._slots.append((slot, amount))

    def forget(self, slot: int) -> None:
        """At `slot`: drop what is a window old."""
        gone = 0
        while gone < len(self._slots) and self._slots[gone][0] < slot - SLOTS:
            self.total -= self._slots[gone][1]
            gone += 1
        if gone:
            del self._slots[:gone]

    def told(self, slot: int) -> Sequence[tuple[int, int]]:
        """At `slot`: pairs of (slots ago, amount), none twice. A slot too late rather than too early: another clock's
        slots begin at other moments.
        """
        ago: dict[int, int] = {}
        for then, amount in self._slots:
            key = max(0, slot - then - 1)
            ago[key] = ago.get(key, 0) + amount
        return list(ago.items())

    def put_back(self, earlier: Owed) -> None:
        """What could not be told is owed again, before what came since."""
        later = self._slots
        self._slots, self.total = earlier._slots, earlier.total
        for slot, amount in later:
            self.add(slot, amount)
