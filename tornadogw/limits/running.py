"""Requests that run at the same time, per key, over all processes.

A process holds a share of the limit in the database, as much as it needed lately, and renews it. What it does not need
any more it gives back within half a second; what a killed process held is over after `TTL`. So the shares of all
never exceed the limit, and a request that finds room in its process's share costs no database operation. While the
database is away, or some process still counts alone, a process gives its part of the limit, at least one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress

from tornadogw.limits.peers import Peers
from tornadogw.limits.portions import part
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_limits import LimitStore

__all__ = ["Running"]

log = logging.getLogger(__name__)

TTL = 30.0
"""Seconds for which a share is held without being renewed."""
STEP = 0.25
"""Seconds between two looks at what is held and not needed; also how long a refusal is remembered."""


class _Held:
    """A key's requests in this process."""

    __slots__ = ("asking", "limit", "peak", "refused_until", "running", "share", "until", "waiting")

    def __init__(self) -> None:
        self.asking = False
        self.limit = 0
        self.peak = 0
        """Most that ran since the last look."""
        self.refused_until = self.until = -math.inf
        self.running = self.share = 0
        self.waiting: list[asyncio.Future[bool]] = []


class Running:
    """How many requests of each key run now. `enter`, or `ask`, and then `leave` once for each that was let in."""

    def __init__(
        self,
        store: LimitStore | None,
        peers: Peers,
        *,
        clock: Callable[[], float] = time.monotonic,
        deadline: float = 0.5,
    ) -> None:
        self._store, self._peers, self._clock, self._deadline = store, peers, clock, deadline
        self._held: dict[str, _Held] = {}
        self._away_until = -math.inf
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        peers.tell.append(self._tell)
        peers.apart.append(self._apart)

    def __len__(self) -> int:
        """Keys in memory: those with a request that runs, with a share, or refused a moment ago."""
        return len(self._held)

    def count(self, key: str) -> int:
        """Requests of `key` that run in this process."""
        held = self._held.get(key)
        return held.running if held else 0

    def enter(self, key: str, limit: int) -> bool | None:
        """Whether a request may run, if that can be decided here; None: `ask`."""
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held()
        held.limit = limit
        if self._peers.alone():
            return self._enter(held, limit) or self._forget(key, held)
        self._keep_shares()
        now = self._clock()
        if now < self._away_until or not self._peers.settled:
            return self._enter(held, part(limit, self._peers.number))
        if held.running < held.share and now < held.until and held.running < limit:
            return self._enter(held, limit)
        if now < held.refused_until:
            return False
        return None

    async def ask(self, key: str, limit: int) -> bool:
        """Let a request run if all the processes leave room for it. Waits for the deadline at most."""
        held = self._held.setdefault(key, _Held())
        held.limit = limit
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        held.waiting.append(future)
        if not held.asking:
            held.asking = True
            task = asyncio.create_task(self._serve(key, held))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.result():
                self.leave(key)
            raise

    def leave(self, key: str) -> None:
        """A request that was let in has ended."""
        held = self._held[key]
        held.running -= 1
        self._forget(key, held)

    async def close(self) -> None:
        """Give the shares back."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._tasks:
            await asyncio.wait(self._tasks)
        with suppress(StoreUnavailable):
            for key, held in list(self._held.items()):
                if held.share:
                    await self._hold(key, held, 0, 0)

    def _enter(self, held: _Held, most: int) -> bool:
        if held.running >= most:
            return False
        held.running += 1
        held.peak = max(held.peak, held.running)
        return True

    def _forget(self, key: str, held: _Held) -> bool:
        """Drop what says nothing. Always False."""
        refused = held.refused_until > self._clock()
        if not (held.running or held.share or held.asking or held.waiting or refused):
            self._held.pop(key, None)
        return False

    async def _serve(self, key: str, held: _Held) -> None:
        try:
            while held.waiting:
                waiting, held.waiting = held.waiting, []
                most = await self._room(key, held, len(waiting))
                for future in waiting:
                    if not future.done():
                        future.set_result(self._enter(held, most))
        finally:
            held.asking = False
            self._forget(key, held)

    async def _room(self, key: str, held: _Held, asking: int) -> int:
        """How many requests may run here."""
        try:
            await self._hold(key, held, held.running + asking, held.running)
        except Exception as error:
            if not isinstance(error, StoreUnavailable):
                log.exception("requests that run cannot be counted in common")
            self._away_until = self._clock() + 1.0
            return part(held.limit, self._peers.number)
        if held.share < held.running + asking:
            held.refused_until = self._clock() + STEP
        return min(held.share, held.limit)

    async def _hold(self, key: str, held: _Held, want: int, keep: int) -> None:
        if self._store is None:
            raise StoreUnavailable
        sent = self._clock()
        try:
            async with asyncio.timeout(self._deadline):
                share = await self._store.share(f"c:{key}", self._peers.id, want, keep, held.limit, TTL, self._deadline)
        except TimeoutError as error:
            raise StoreUnavailable from error
        held.share, held.until = share.mine, sent + TTL

    # --- in the background -----------------------------------------------------------------------------------------

    def _keep_shares(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep(), name="shares of running requests")

    async def _keep(self) -> None:
        """Until nothing is held: give back what was not needed lately, take what runs unasked, renew the rest."""
        while self._held:
            await asyncio.sleep(STEP)
            try:
                await self._tend(self._clock())
            except StoreUnavailable:
                pass
            except Exception:
                log.exception("shares of running requests cannot be kept")

    async def _tend(self, now: float) -> None:
        for key, held in list(self._held.items()):
            needed, held.peak = max(held.peak, held.running), held.running
            if held.asking:
                continue
            if needed != held.share or (needed and held.until - now < TTL / 2):
                await self._adjust(key, held, needed)
            self._forget(key, held)

    async def _adjust(self, key: str, held: _Held, want: int) -> None:
        held.asking = True
        try:
            await self._hold(key, held, want, held.running)
        finally:
            held.asking = False
            if held.waiting:
                held.asking = True
                await self._serve(key, held)

    async def _tell(self) -> None:
        """This process is no longer alone: hold what runs. Raises StoreUnavailable."""
        self._keep_shares()
        for key, held in list(self._held.items()):
            if held.running and not held.asking:
                await self._adjust(key, held, held.running)

    def _apart(self) -> None:
        for key, held in list(self._held.items()):
            held.share = 0
            self._forget(key, held)
