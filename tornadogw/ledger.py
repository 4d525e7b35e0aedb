"""The only way money moves: hold before a call, settle after it, exactly once whatever happens between.

Every write runs in a task of its own: who waits for it may be cancelled, it may not. Each write is safe to repeat and
is repeated until the database has it. Amounts are integers in micro-units.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeVar

import msgspec

from tornadogw.errors import InsufficientBalance, InvalidKey, Unavailable
from tornadogw.store.ports import MAX_AMOUNT, LedgerStore, StoreUnavailable, Taken
from tornadogw.types import Caller, Record

__all__ = ["Hold", "Ledger"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_RETRYING = 4
_MARK_SECONDS = 60.0
"""How long a mark against a late hold stays: far longer than a command can lie unread in a living server."""


class Hold:
    """Money set aside for one call. Made by `Ledger.holding` only."""

    def __init__(self, ledger: Ledger, hold_id: str, account_id: str, request_id: str) -> None:
        self._ledger, self._account_id = ledger, account_id
        self._record: Record | None = None
        self._write: asyncio.Task[None] | None = None
        self._settled = False
        self.id, self.request_id = hold_id, request_id
        self.amount = 0
        """What is set aside."""

    @property
    def settled(self) -> bool:
        """Whether settlement has begun: the figures stand."""
        return self._settled

    def charge(self, cost: int, record: Record) -> bool:
        """Say what the call cost and how it went; a later call replaces an earlier one.

        False once settlement has begun: what was settled stands.
        """
        if cost < 0:
            raise ValueError(f"a cost below zero: {cost}")
        if self._settled:
            return False
        self._record = msgspec.structs.replace(record, cost=cost, account_id=self._account_id)
        return True

    async def settle(self) -> None:
        """Charge what `charge` said last and give the rest back, or all of it. May be called again.

        Returns when it is written, or after the ledger's patience: then the ledger goes on trying by itself.
        """
        if not self._settled:
            self._settled = True
            self._write = self._ledger._settle(self, self._record)  # noqa: SLF001 -- two halves of one thing
        if self._write is not None:
            await asyncio.wait({self._write}, timeout=self._ledger.patience)


class Ledger:
    """Holds and settles. One per process and start; `drain` before the process ends."""

    def __init__(self, store: LedgerStore, start_id: str, *, patience: float = 3.0, max_pending: int = 10_000) -> None:
        """`patience`: seconds that a request waits for the database; `max_pending`: unfinished writes beyond which
        calls are refused.
        """
        self._store, self._start_id, self._max_pending = store, start_id, max_pending
        self.patience = patience
        self._tasks: set[asyncio.Task[Any]] = set()
        self._marks: set[asyncio.TimerHandle] = set()
        self._retries = asyncio.Semaphore(_RETRYING)
        self._count = 0
        self._away = False

    @property
    def pending(self) -> int:
        """Writes that the database does not have yet."""
        return len(self._tasks)

    @asynccontextmanager
    async def holding(self, caller: Caller, request_id: str, amounts: Sequence[int]) -> AsyncIterator[Hold]:
        """Hold the largest of `amounts` (one for each candidate) that the balance covers, settle at the end.

        Amounts of zero need no money and no database. Raises `InsufficientBalance` if not even the smallest is covered,
        `InvalidKey` if the account is disabled or gone, `Unavailable` while the database is away.
        """
        if len(self._tasks) >= self._max_pending:
            raise Unavailable(retry_after=1)
        self._count += 1
        hold = Hold(self, f"{self._start_id}{self._count:08x}", caller.account_id, request_id)
        wanted = sorted({min(amount, MAX_AMOUNT) for amount in amounts if amount > 0}, reverse=True)
        if wanted:
            hold.amount = await self._take(hold.id, caller.account_id, wanted, free=min(amounts) <= 0)
        try:
            yield hold
        finally:
            await hold.settle()

    async def drain(self, seconds: float) -> int:
        """Wait for every write, at most so long; then give up the rest and say how many those were.

        What is given up is still held, and given back to its account by the next start, which removes marks too.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._tasks and (left := end - loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        lost = len(self._tasks)
        while self._tasks:
            rest = set(self._tasks)
            for task in rest:
                task.cancel()
            await asyncio.wait(rest)
        for mark in self._marks:
            mark.cancel()
        self._marks.clear()
        return lost

    # --- taking ------------------------------------------------------------------------------------------------------

    async def _take(self, hold_id: str, account_id: str, amounts: Sequence[int], *, free: bool) -> int:
        taking = self._spawn(self._store.hold(account_id, hold_id, self._start_id, amounts))
        try:
            async with asyncio.timeout(self.patience):
                taken = await asyncio.shield(taking)
        except BaseException as error:
            # Cancelled or failed, the driver may yet take the hold: nobody would give it back.
            self._start(self._give_back(taking, hold_id, account_id))
            if isinstance(error, StoreUnavailable | TimeoutError):
                self._tell_away()
                raise Unavailable(retry_after=1) from None
            raise
        if taken.amount is not None:
            return taken.amount
        if not taken.account_active:
            raise InvalidKey
        if free:
            return 0
        raise InsufficientBalance

    async def _give_back(self, taking: asyncio.Task[Taken], hold_id: str, account_id: str) -> None:
        """Undo a hold that nobody waits for any more, whether it was taken, will be, or never."""
        await asyncio.wait({taking})
        if taking.cancelled() or taking.exception() is not None:
            if await self._insist(lambda: self._store.void(account_id, hold_id, self._start_id)):
                self._forget_later(account_id, hold_id)
        elif taking.result().amount is not None:
            await self._insist(lambda: self._store.release(account_id, hold_id))

    def _forget_later(self, account_id: str, hold_id: str) -> None:
        def forget() -> None:
            self._marks.discard(handle)
            self._start(self._insist(lambda: self._store.forget(account_id, hold_id)))

        handle = asyncio.get_running_loop().call_later(_MARK_SECONDS, forget)
        self._marks.add(handle)

    # --- settling ----------------------------------------------------------------------------------------------------

    def _settle(self, hold: Hold, record: Record | None) -> asyncio.Task[None] | None:
        store = self._store
        if record is None:
            if not hold.amount:
                return None
            return self._spawn(self._insist(lambda: store.release(hold._account_id, hold.id)))  # noqa: SLF001 -- its half
        if hold.amount or record.cost:
            return self._spawn(self._insist(lambda: store.settle(hold.id, record)))
        return self._spawn(self._insist(lambda: store.note(hold.id, record)))

    async def _insist(self, write: Callable[[], Awaitable[_T]]) -> _T:
        """Write until the database has it; once it is away a few at a time, so as not to crowd out the living."""
        turn: AbstractAsyncContextManager[object] = nullcontext()
        pause = _FIRST_PAUSE
        while True:
            try:
                async with turn:
                    done = await write()
            except StoreUnavailable:
                self._tell_away()
            else:
                self._away = False
                return done
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- spreads load, keeps no secret
            turn, pause = self._retries, min(pause * 2, _LONGEST_PAUSE)

    def _tell_away(self) -> None:
        """Once an outage, not once a write."""
        if not self._away:
            log.warning("the database is away: writes of money wait for it")
        self._away = True

    def _spawn(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        """As `_spawn`, for work that nobody waits for but `drain`."""
        self._spawn(work).set_name("ledger")

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StoreUnavailable):
            log.error("a write of money failed; what it holds is given back by the next start", exc_info=error)
