"""The only way money moves: hold before a call, settle after it, exactly once whatever happens between.

A hold is a part of a lease that this process has on a wallet (`purse`), a settled call is a record in the journal and
then an event in the database (`flush`). Neither waits for the database while the lease lasts. Amounts are integers in
micro-units. docs/decisions/0008-money-is-leased.md says why it is so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from tornadogw.errors import DailyLimit, GatewayError, InsufficientBalance, InvalidKey, Unavailable
from tornadogw.flush import Flusher, Queued
from tornadogw.journal.entries import encode
from tornadogw.journal.writer import Journal
from tornadogw.keeper import Keeper
from tornadogw.purse import Leasing, Purse, Refused, Reservation
from tornadogw.store.ports import MAX_AMOUNT, StoreUnavailable
from tornadogw.store.ports_money import Entry, EventStore, LeaseStore, Part, Standing, Wallet, Wish
from tornadogw.types import Caller, Record
from tornadogw.wallets import Day, Offer, Source, budgets, day_of, sources

__all__ = ["Hold", "Leasing", "Ledger", "Offer"]

log = logging.getLogger(__name__)

_FREE = "ffffff"
"""The counter of the lease that calls without a hold are events of."""


def _used_up(wallet: Wallet) -> GatewayError:
    """A key's budget does not cover the call."""
    if wallet.kind == "daily":
        return DailyLimit(zh="此 Key 的每日预算", en="the daily budget of this key")
    return InsufficientBalance(zh="此 Key 的预算已用完", en="the budget of this key is used up")


class Hold:
    """Money set aside for one call. Made by `Ledger.holding` only."""

    def __init__(self, ledger: Ledger, account_id: str, source: Source, parts: Sequence[Reservation], day: Day) -> None:
        self._ledger, self._account_id = ledger, account_id
        self._record: Record | None = None
        self._source, self._day = source, day
        self._stored: asyncio.Future[None] | None = None
        self._settled = False
        self.parts = parts
        """Of the lease that pays, and of those of the key's budgets; none for a call that costs nothing."""

    @property
    def amount(self) -> int:
        """What is set aside."""
        return self.parts[0].amount if self.parts else 0

    @property
    def factor(self) -> int:
        """What the plan that pays takes of a price, in millionths."""
        return self._source.factor

    def covers(self, offer: Offer) -> bool:
        """Whether this route may be asked: what it can cost at most is held, or it costs nothing."""
        return self._source.covers(offer, self.amount)

    @property
    def charged(self) -> Record | None:
        """The record of the last `charge`, with what the hold knows: which wallet paid, on which day."""
        return self._record

    @property
    def settled(self) -> bool:
        """Whether settlement has begun: the figures stand."""
        return self._settled

    def charge(self, cost: int, record: Record) -> bool:
        """Say what the call cost and how it went; a later call replaces an earlier one.

        False once settlement has begun: what was settled stands.
        """
        if cost < 0 or (cost > 0 and not self.parts):
            raise ValueError(f"a cost below zero, or of a call that nothing was held for: {cost}")
        if self._settled:
            return False
        self._record = msgspec.structs.replace(
            record,
            cost=min(cost, MAX_AMOUNT),
            account_id=self._account_id,
            wallet="" if not self.parts else self.parts[0].purse.wallet.kind,
            factor=self.factor,
            day=self._day.name,
        )
        return True

    async def settle(self) -> None:
        """Charge what `charge` said last and give the rest back, or all of it. May be called again.

        Returns when the charge is in the journal, or in the database if there is no journal. Raises Unavailable if
        neither has it within the ledger's patience: it is charged all the same, later.
        """
        if not self._settled:
            self._settled = True
            self._stored = self._ledger._settle(self, self._record)  # noqa: SLF001 -- two halves of one thing
        if self._stored is not None:
            try:
                async with asyncio.timeout(self._ledger.leasing.patience):
                    await asyncio.shield(self._stored)
            except TimeoutError:
                self._stored = None  # said once
                raise Unavailable(retry_after=1) from None


class Ledger:
    """Holds and settles. One per process and start: `start` it, and `drain` before the process ends."""

    def __init__(  # noqa: PLR0913 -- each is a part of its own
        self,
        leases: LeaseStore,
        events: EventStore,
        start_id: str,
        *,
        journal: Journal | None,
        time_zone: str,
        leasing: Leasing | None = None,
        processes: Callable[[], int] = lambda: 1,
        inserted: Callable[[Sequence[Entry]], None] = lambda _: None,
        now: Callable[[], float] = time.time,
        max_pending: int = 50_000,
    ) -> None:
        """`journal` None: settling waits for the database. `time_zone`: of accounts without one of their own.

        `processes`: how many share the wallets. `inserted`: told of events that are new in the database.
        `max_pending`: events beyond which calls are refused while the database is away.
        """
        self.leasing = leasing = leasing or Leasing()
        self._leases, self._start_id, self._journal = leases, start_id, journal
        self._time_zone, self._now, self._max_pending = time_zone, now, max_pending
        self._processes = processes
        self._purses: dict[str, Purse] = {}
        self._flusher = Flusher(events, inserted)
        self._keeper = Keeper(self._purses.values, self._forget, leasing.seconds)
        self._tasks: set[asyncio.Task[Reservation]] = set()
        self._lease_count = self._event_count = 0

    def start(self) -> None:
        """Begin to flush and to keep leases."""
        self._flusher.start()
        self._keeper.start()

    @property
    def pending(self) -> int:
        """Events that the database does not have yet."""
        return len(self._flusher)

    def hope(self, account_id: str) -> None:
        """Something was paid in: no refusal of this account is believed any more."""
        for purse in list(self._purses.values()):
            if purse.wallet.account_id == account_id:
                purse.hope()

    @asynccontextmanager
    async def holding(self, caller: Caller, offers: Sequence[Offer]) -> AsyncIterator[Hold]:
        """Hold the dearest of `offers` that a wallet of the caller covers, settle at the end.

        Offers that cost nothing need no money and no database. Raises `InsufficientBalance` or `DailyLimit` if not even
        the cheapest is covered, `ModelMismatch` if the plan forbids them all, `InvalidKey` if the account is disabled
        or gone, `Unavailable` while the database or the room for the journal is missing.
        """
        if self.pending >= self._max_pending or (self._journal is not None and not self._journal.promise()):
            raise Unavailable(retry_after=1)
        try:
            hold = await self._hold(caller, offers)
        except BaseException:
            self._withdraw()
            raise
        try:
            yield hold
        finally:
            if not hold.settled:
                await hold.settle()

    async def rest(self) -> bool:
        """Bring all that is over into the database and give back every lease that nothing is under way on."""
        await self._flusher.flushed()
        return await self._keeper.give_back()

    async def drain(self, seconds: float) -> int:
        """Flush and give back, at most so long; how many events the database did not take.

        The journal has those for the next start; what their leases hold is given back when they are over.
        """
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        lost = await self._flusher.close(seconds)
        await self._keeper.close()
        if not lost:
            await self._keeper.give_back()
        if self._journal is not None:
            self._journal.close()
        return lost

    # --- holding -----------------------------------------------------------------------------------------------------

    async def _hold(self, caller: Caller, offers: Sequence[Offer]) -> Hold:
        now = self._now()
        day = day_of(caller.time_zone or self._time_zone, now)
        found, limits = sources(caller, offers, now, day), budgets(caller, day)
        for source in found:
            parts: Sequence[Reservation] | None = ()
            if source.amounts:
                parts = await self._reserved(source, limits)
            if parts is not None:
                return Hold(self, caller.account_id, source, parts, day)
        for source in found:
            if source.free:
                return Hold(self, caller.account_id, source, (), day)
        raise DailyLimit if found[0].wallet.kind == "day" else InsufficientBalance

    async def _reserved(self, source: Source, limits: Sequence[Wallet]) -> Sequence[Reservation] | None:
        """A part of the source's wallet and of each budget, all of one size; None: the source does not cover it."""
        wallets = (*limits, source.wallet)
        parts: list[Reservation] = []
        amounts: Sequence[int] = source.amounts
        try:
            for wallet in wallets:
                part = await self._part(wallet, amounts)
                if part is None:
                    break
                parts.insert(0, part)
                amounts = [amount for amount in amounts if amount <= part.amount]
        except BaseException:
            _shrink(parts, 0)
            raise
        if len(parts) == len(wallets):
            _shrink(parts, parts[0].amount)
            return parts
        _shrink(parts, 0)
        if len(parts) < len(limits):
            raise _used_up(limits[len(parts)])
        return None

    async def _part(self, wallet: Wallet, amounts: Sequence[int]) -> Reservation | None:
        """None: the wallet does not cover even the cheapest."""
        purse = self._purses.get(wallet.id)
        if purse is None:
            purse = self._purses[wallet.id] = Purse(
                wallet, self._operate, self._new_lease, self.leasing, self._processes
            )
        elif purse.wallet.limit != wallet.limit:
            purse.wallet = wallet
            purse.hope()
        found = purse.take(amounts)
        if found is not None:
            return found
        try:
            return await self._asked(purse, amounts)
        except Refused as refused:
            if not refused.active:
                raise InvalidKey from None
            return None
        except (StoreUnavailable, TimeoutError):
            raise Unavailable(retry_after=1) from None

    async def _asked(self, purse: Purse, amounts: Sequence[int]) -> Reservation:
        """Ask the database in a task of its own: who waits may be cancelled, what was granted is not lost."""
        task = asyncio.create_task(purse.reserve(amounts), name="lease")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(self.leasing.patience):
                return await asyncio.shield(task)
        except BaseException:
            task.add_done_callback(_unwanted)
            raise

    async def _operate(self, wallet: Wallet, wish: Wish) -> Standing:
        return await self._leases.lease(wallet, self._start_id, wish)

    def _new_lease(self) -> str:
        self._lease_count += 1
        return f"{self._start_id}{self._lease_count:06x}"

    def _forget(self, purse: Purse) -> None:
        """Nothing is left of it here, unless somebody has just come."""
        if purse.is_empty and self._purses.get(purse.wallet.id) is purse:
            del self._purses[purse.wallet.id]

    # --- settling ----------------------------------------------------------------------------------------------------

    def _settle(self, hold: Hold, record: Record | None) -> asyncio.Future[None] | None:
        """Write the journal; None: it has the record, or there is nothing to write."""
        parts = hold.parts
        if record is None:
            self._withdraw()
            _shrink(parts, 0)
            for part in parts:
                self._may_go(part.purse)
            return None
        self._event_count += 1
        lease = parts[0].lease.id if parts else f"{self._start_id}{_FREE}"
        entry = Entry(
            f"{lease}{self._event_count:08x}",
            record,
            tuple([Part(part.purse.wallet.kind, part.purse.wallet.id, part.lease.id) for part in parts]),
        )
        number = self._journaled(entry)
        for part in parts:
            part.finish(record.cost)
        stored = None if number is not None else asyncio.get_running_loop().create_future()

        def durable() -> None:
            for part in parts:
                part.durable(record.cost)
                self._may_go(part.purse)
            if number is not None and self._journal is not None:
                self._journal.acknowledge(number)
            if stored is not None and not stored.done():
                stored.set_result(None)

        self._flusher.add(Queued(entry, durable))
        return stored

    def _journaled(self, entry: Entry) -> int | None:
        """The segment that has the entry; None: there is no journal, or it failed and the database must do."""
        if self._journal is None:
            return None
        try:
            return self._journal.append(encode(entry))
        except OSError:
            log.exception("the journal cannot be written: call %s waits for the database", entry.record.id)
            return None

    def _withdraw(self) -> None:
        if self._journal is not None:
            self._journal.withdraw()

    def _may_go(self, purse: Purse) -> None:
        if purse.surplus or purse.old:
            self._keeper.look_at(purse)


def _shrink(parts: Sequence[Reservation], amount: int) -> None:
    for part in parts:
        part.shrink(amount)


def _unwanted(task: asyncio.Task[Reservation]) -> None:
    """Nobody waits for it any more."""
    if not task.cancelled() and task.exception() is None:
        task.result().shrink(0)
