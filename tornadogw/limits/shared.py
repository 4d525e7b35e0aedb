"""One limit for several processes: each lets a little pass by itself, and asks the common count for everything else.

`portions` proves the bound. A refusal is remembered until something leaves the count, so a flood costs no database
operation. While the database is away, or silent for longer than the deadline, a process gives its part of the limit.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

import msgspec

from tornadogw.limits.peers import Peers
from tornadogw.limits.portions import Owed, grace, is_near, part, wait
from tornadogw.limits.windows import Verdict
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_limits import SLOTS, LimitStore, Took

__all__ = ["Own", "Shared"]

log = logging.getLogger(__name__)

AWAY = 1.0
"""Seconds for which the database is left alone after it did not answer in time."""
_UNKNOWN = 2**53
"""The limit where only what is owed is told."""
_AMOUNTS = 64
"""What others spent is known so fresh: a window divided by this."""
_RAREST = 128
"""Who was refused asks again at most so many times a window."""


class Own(Protocol):
    """What this process counts by itself: `Windows` or `Sums`."""

    def take(self, subject: str, limit: int) -> Verdict: ...
    def peek(self, subject: str, limit: int) -> Verdict | None: ...
    def note(self, subject: str, amount: int = 1) -> None: ...
    def recent(self, subject: str) -> Sequence[tuple[float, int]]: ...
    def subjects(self) -> Sequence[str]: ...


class _Known:
    """What this process knows of a subject's common count."""

    __slots__ = (
        "asking",
        "limit",
        "near",
        "owed",
        "refused",
        "refused_until",
        "reset_at",
        "told_at",
        "touched",
        "used",
        "waiting",
    )

    def __init__(self) -> None:
        self.asking = False
        self.limit = 0
        """The latest; 0: none is known."""
        self.near = False
        """Refused, or close to it: every request asks."""
        self.owed = Owed()
        self.refused = 0
        """The limit under which it was refused last."""
        self.refused_until = self.reset_at = self.told_at = -math.inf
        self.touched = 0.0
        self.used = 0
        self.waiting: list[asyncio.Future[Verdict]] = []


class Shared:
    """Limits per window over all processes; exact and without the database while there is one.

    `need` 1: what passes counts one. `need` 0: it passes while something is left, and `add` counts what it cost.
    """

    def __init__(
        self,
        own: Own,
        store: LimitStore | None,
        peers: Peers,
        *,
        need: int = 1,
        clock: Callable[[], float] = time.monotonic,
        window: float = 60.0,
        deadline: float = 0.5,
    ) -> None:
        self._own, self._store, self._peers, self._need = own, store, peers, need
        self._clock, self._window, self._slot, self._deadline = clock, window, window / SLOTS, deadline
        self._fresh = window if need else window / _AMOUNTS
        self._known: OrderedDict[str, _Known] = OrderedDict()  # in order of the latest use
        self._tasks: set[asyncio.Task[None]] = set()
        self._away_until, self._trying = -math.inf, False
        peers.tell.append(self.tell)
        peers.apart.append(self._known.clear)

    def __len__(self) -> int:
        """Subjects in memory, beside those of `own`."""
        return len(self._known)

    def take(self, subject: str, limit: int, *, blind: bool = True) -> Verdict | None:
        """Count a request, if that can be decided here; None: `ask`.

        `blind` False: who was not asked about for a window is asked about first, so that the rest is true. With `need`
        0 that is a 64th of a window: one call can spend much.
        """
        if self._peers.alone() or limit < 1:
            return self._own.take(subject, limit)
        now = self._clock()
        known = self._of(subject, now)
        known.limit = limit
        if now < known.refused_until and limit <= known.refused:
            return self._refusal(known, limit, now)
        away = now < self._away_until or self._trying
        if (away or not self._peers.settled) and (refusal := self._own.peek(subject, part(limit, self._peers.number))):
            return msgspec.structs.replace(refusal, limit=limit)
        if away:
            return self._pass(subject, known, limit, now)
        if known.asking or known.near or not (blind or known.told_at > now - self._fresh):
            return None
        known.owed.forget(int(now / self._slot))
        if known.owed.total < grace(limit, self._peers.number):
            return self._pass(subject, known, limit, now)
        return None

    async def ask(self, subject: str, limit: int) -> Verdict:
        """Count a request by the common count. Waits for the deadline at most."""
        known = self._of(subject, self._clock())
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        known.waiting.append(future)
        known.limit = limit
        if not known.asking:
            self._start(subject, known)
        return await future

    def add(self, subject: str, amount: int) -> None:
        """Count what was spent beside `take`."""
        alone = self._peers.alone()
        if not alone:
            now = self._clock()
            self._of(subject, now).owed.add(int(now / self._slot), amount)
        self._own.note(subject, amount)

    async def tell(self) -> None:
        """Tell the common count of every subject for which more is owed than may be. Raises StoreUnavailable."""
        for subject in {*self._known, *self._own.subjects()}:
            known = self._of(subject, self._clock())
            if known.asking or known.owed.total <= grace(known.limit, self._peers.number):
                continue
            known.asking = known.near = True
            try:
                await self._took(subject, known, _UNKNOWN, 0)
            finally:
                known.asking = False
                if known.waiting:
                    self._start(subject, known)

    async def close(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- what is known here ----------------------------------------------------------------------------------------

    def _of(self, subject: str, now: float) -> _Known:
        known = self._known.get(subject)
        if known is None:
            known = self._known[subject] = _Known()
            for ago, amount in self._own.recent(subject):  # from when this process was alone
                known.owed.add(int((now - ago) / self._slot), amount)
            self._forget(now)
        else:
            self._known.move_to_end(subject)
        known.touched = now
        return known

    def _forget(self, now: float) -> None:
        """Drop the two longest unused if they are idle: more than can come in, so idle ones run out."""
        for _ in range(2):
            subject, known = next(iter(self._known.items()))
            if known.asking or known.touched > now - self._window - self._slot or len(self._known) == 1:
                return
            del self._known[subject]

    def _pass(self, subject: str, known: _Known, limit: int, now: float) -> Verdict:
        if self._need:
            self._own.note(subject, self._need)
            known.owed.add(int(now / self._slot), self._need)
        if known.told_at > now - self._window:
            left = limit - known.used - known.owed.total
        else:  # for all that is known, the others have used theirs
            left = part(limit, self._peers.number) - known.owed.total
        return Verdict(True, limit, max(0, left), self._window, 0)

    def _refusal(self, known: _Known, limit: int, now: float) -> Verdict:
        after = max(1, math.ceil(known.refused_until - now))
        return Verdict(False, limit, 0, max(0.0, known.reset_at - now), after)

    # --- what all know ---------------------------------------------------------------------------------------------

    def _start(self, subject: str, known: _Known) -> None:
        known.asking = True
        trying = self._away_until > -math.inf  # whether the database is back: meanwhile nobody else waits for it
        self._trying = self._trying or trying
        self._keep(self._serve(subject, known, trying))

    async def _serve(self, subject: str, known: _Known, trying: bool) -> None:
        """Ask for those who wait, and for those who came meanwhile."""
        try:
            while known.waiting:
                waiting, known.waiting = known.waiting, []
                verdicts = await self._verdicts(subject, known, known.limit, len(waiting))
                for future, verdict in zip(waiting, verdicts, strict=True):
                    if not future.done():  # else its client has left; it counts all the same
                        future.set_result(verdict)
        finally:
            known.asking = False
            if trying:
                self._trying = False

    async def _verdicts(self, subject: str, known: _Known, limit: int, asking: int) -> Sequence[Verdict]:
        try:
            took = await self._took(subject, known, limit, self._need * asking)
        except Exception as error:
            if not isinstance(error, StoreUnavailable):
                log.exception("requests cannot be counted in common")
            self._away_until = self._clock() + AWAY
            return [self._by_part(subject, known, limit) for _ in range(asking)]
        if self._away_until > -math.inf:
            self._away_until = -math.inf
            self._keep(self._tell_again())
        now = self._clock()
        granted = took.granted if self._need else asking * (took.used < limit)
        if self._need and granted:
            self._own.note(subject, granted)
        if granted < asking:
            after = wait(took.leaving, took.used, limit)
            known.refused, known.refused_until = limit, now + max(after, self._window / _RAREST)
            known.reset_at = now + max((seconds for seconds, _ in took.leaving), default=0.0)
        known.near = granted < asking or is_near(took.used, limit)
        left = limit - took.used
        passed = [Verdict(True, limit, max(0, left + granted - nth), self._window, 0) for nth in range(1, granted + 1)]
        return [*passed, *(self._refusal(known, limit, now) for _ in range(asking - granted))]

    async def _took(self, subject: str, known: _Known, limit: int, need: int) -> Took:
        if self._store is None:
            raise StoreUnavailable
        owed, known.owed = known.owed, Owed()
        sent = self._clock()
        slot = int(sent / self._slot)
        owed.forget(slot)
        try:
            async with asyncio.timeout(self._deadline):
                took = await self._store.take(subject, limit, need, owed.told(slot), self._window, self._deadline)
        except BaseException as error:  # it may have been told, and then counts twice: rather that than not at all
            known.owed.put_back(owed)
            if isinstance(error, TimeoutError):
                raise StoreUnavailable from error
            raise
        known.used, known.told_at = took.used, sent
        return took

    def _by_part(self, subject: str, known: _Known, limit: int) -> Verdict:
        if refusal := self._own.peek(subject, part(limit, self._peers.number)):
            return msgspec.structs.replace(refusal, limit=limit)
        return self._pass(subject, known, limit, self._clock())

    async def _tell_again(self) -> None:
        """The database is back: what passed meanwhile is made known."""
        try:
            await self.tell()
        except StoreUnavailable:
            self._away_until = self._clock() + AWAY

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
