"""One wallet as this process has it: its lease, and who waits for more of it. Arithmetic and one operation at a time.

A reservation inside the lease costs nothing. When the lease does not cover one, one operation asks the database for
more, for everybody who waits. What it does is applied when it is done, whether anybody still waits or not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from tornadogw.store.ports import MAX_AMOUNT, StoreUnavailable
from tornadogw.store.ports_money import Standing, Wallet, Wish
from tornadogw.types import Value

__all__ = ["Lease", "Leasing", "Purse", "Refused", "Reservation"]

AMPLE = 4
"""How many times of what is needed now a lease should have, while the wallet has plenty."""
AHEAD = 10.0
"""Seconds of spending that a lease should last for."""
REFUSED = 0.5
"""Seconds for which a refusal is believed without asking again."""

Ask = Callable[[Wallet, Wish], Awaitable[Standing]]


class Leasing(Value, frozen=True):
    """How leases are made. Seconds."""

    seconds: float = 30.0
    """How long one lasts."""
    margin: float = 2.0
    """How long before its end it is not used any more."""
    patience: float = 3.0
    """How long a request waits for the database."""


class Refused(Exception):
    """The wallet does not cover it; `active` is whether the account is."""

    def __init__(self, *, active: bool) -> None:
        super().__init__("refused")
        self.active = active


class Lease:
    """What the database has granted to this process, and what became of it. Amounts are micro-units."""

    __slots__ = ("granted", "id", "operations", "pending", "reserved", "settled", "told", "until")

    def __init__(self, lease_id: str) -> None:
        self.id = lease_id
        self.granted = 0
        self.settled = 0
        """Costs whose events are durable."""
        self.told = 0
        """What the database knows to be settled."""
        self.pending = 0
        """Costs whose events are not durable yet."""
        self.reserved = 0
        """For calls that are running."""
        self.until = 0.0
        """`time.monotonic()` up to which it may be used."""
        self.operations = 0

    def next(self) -> int:
        """The number of the next operation on it."""
        self.operations += 1
        return self.operations

    @property
    def free(self) -> int:
        """What can still be reserved; below zero after calls that cost more than was reserved for them."""
        return self.granted - self.settled - self.pending - self.reserved

    @property
    def busy(self) -> bool:
        """Something is under way on it."""
        return bool(self.reserved or self.pending)


class Reservation:
    """A part of a lease, set aside for one call."""

    __slots__ = ("amount", "lease", "purse")

    def __init__(self, purse: Purse, lease: Lease, amount: int) -> None:
        self.purse, self.lease, self.amount = purse, lease, amount

    def shrink(self, amount: int) -> None:
        """Less is needed; 0: nothing."""
        self.lease.reserved -= self.amount - amount
        self.amount = amount

    def finish(self, cost: int) -> None:
        """The call is over; its event is not durable yet."""
        lease = self.lease
        lease.reserved -= self.amount
        lease.pending += cost
        self.amount = 0
        self.purse.finished(cost)

    def durable(self, cost: int) -> None:
        """The event is."""
        self.lease.pending -= cost
        self.lease.settled += cost


class Purse:
    """One wallet. `ask` does an operation on its lease; it is called for one operation at a time."""

    def __init__(
        self, wallet: Wallet, ask: Ask, new_id: Callable[[], str], leasing: Leasing, processes: Callable[[], int]
    ) -> None:
        """`processes`: how many share the wallet."""
        self.wallet = wallet
        self._ask, self._new_id, self._leasing, self._processes = ask, new_id, leasing, processes
        self.lease: Lease | None = None
        self.old: list[Lease] = []
        """Leases that were lost while calls ran on them."""
        self.poor = False
        """The wallet has little: what is not needed here is given back at once."""
        self.used = time.monotonic()
        """`time.monotonic()` when it was last asked for something."""
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._refused, self._refused_until, self._active = 0, 0.0, True
        self._costs, self._largest, self.asked = 0, 0, self.used

    # --- reserving ---------------------------------------------------------------------------------------------------

    def take(self, amounts: Sequence[int]) -> Reservation | None:
        """Reserve the first of `amounts` (descending) if the lease covers it, at once; None: ask by `reserve`."""
        lease, now = self.lease, time.monotonic()
        self.used = now
        if lease is None or now >= lease.until or lease.free < amounts[0]:
            return None
        lease.reserved += amounts[0]
        self._largest = max(self._largest, amounts[0])
        return Reservation(self, lease, amounts[0])

    def reserve(self, amounts: Sequence[int]) -> Coroutine[Any, Any, Reservation]:
        """Reserve the largest of `amounts` (descending, positive) that the wallet covers. Not to be cancelled.

        Raises Refused, or StoreUnavailable if the database must be asked and is away.
        """
        self._waiting += amounts[0]  # from now on, not from when it begins to run
        return self._reserve(amounts)

    async def _reserve(self, amounts: Sequence[int]) -> Reservation:
        try:
            async with self._turn:
                found = self.take(amounts)
                if found is not None:
                    return found
                if time.monotonic() >= self._refused_until or amounts[-1] < self._refused:
                    await self._grow(amounts)
                return self._make_do(amounts)
        finally:
            self._waiting -= amounts[0]

    def _make_do(self, amounts: Sequence[int]) -> Reservation:
        """With what is there now. Raises Refused."""
        lease = self.lease
        if lease is not None and time.monotonic() < lease.until:
            for amount in amounts:
                if lease.free >= amount:
                    lease.reserved += amount
                    return Reservation(self, lease, amount)
        raise Refused(active=self._active)

    async def _grow(self, amounts: Sequence[int]) -> None:
        """Ask for what is lacking, and for some more while there is plenty. Raises StoreUnavailable."""
        while True:
            lease, fresh = self.lease, self.lease is None
            if lease is None:
                self.lease = lease = Lease(self._new_id())
            lacking = tuple(amount - lease.free for amount in amounts if amount > lease.free)
            want = AMPLE * max(*lacking, self._waiting, lease.reserved) + self._ahead() if lacking else 0
            standing = await self._operate(lease, self._wish(lease, needs=lacking, want=want, opening=fresh))
            if standing.granted is not None or fresh:
                break  # else somebody has closed it, and another one may do
        if lease is not self.lease or lease.free < amounts[-1]:
            self._refuse(amounts[-1], active=standing.active)

    def _wish(
        self,
        lease: Lease,
        *,
        needs: tuple[int, ...] = (),
        want: int = 0,
        keep: int | None = None,
        opening: bool = False,
    ) -> Wish:
        return Wish(
            lease.id,
            lease.settled,
            needs=tuple(min(need, MAX_AMOUNT) for need in needs),
            want=min(want, MAX_AMOUNT),
            share=4 * max(1, self._processes()),
            keep=None if keep is None else min(keep, MAX_AMOUNT),
            seconds=self._leasing.seconds,
            opening=opening,
            number=lease.next(),
        )

    def _refuse(self, amount: int, *, active: bool) -> None:
        self._refused, self._active = amount, active
        self._refused_until = time.monotonic() + REFUSED

    def hope(self) -> None:
        """Something may have been paid in: no refusal is believed any more."""
        self._refused_until = 0.0

    def finished(self, cost: int) -> None:
        """A call on it is over."""
        self._costs += cost
        self._refused_until = 0.0  # what it did not need is free

    @property
    def is_empty(self) -> bool:
        """Nothing is left of it in this process, and nobody waits for it."""
        return self.lease is None and not self.old and not self._waiting and not self._turn.locked()

    @property
    def surplus(self) -> bool:
        """It has what others may need."""
        return self.poor and self.lease is not None and self.lease.free > 0

    # --- keeping -----------------------------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Settle, make the lease last, and have it hold as much as it needs. Raises StoreUnavailable."""
        async with self._turn:
            lease = self.lease
            if lease is None:
                return
            running = lease.reserved + lease.pending
            if self.poor:
                wish = self._wish(lease, keep=running)
            else:
                needed = running + self._ahead() + AMPLE * self._largest
                missing = needed - (lease.granted - lease.settled)
                wish = self._wish(lease, want=max(0, missing), keep=needed + lease.reserved)
            await self._operate(lease, wish)

    async def end(self) -> bool:
        """Give the lease back, unless something is under way on it. Raises StoreUnavailable. True: it is over."""
        async with self._turn:
            lease = self.lease
            if lease is None:
                return not self.old
            if lease.busy:
                return False
            lease.until = 0.0  # nobody reserves from now on, and what is reserved after a failure is a new lease's
            await self._ask(self.wallet, Wish(lease.id, lease.settled, keep=0, ending=True, number=lease.next()))
            self.lease = None
            return not self.old

    async def settle_old(self) -> None:
        """Tell the database what became of leases that were lost. Raises StoreUnavailable."""
        async with self._turn:
            for lease in list(self.old):
                if lease.settled > lease.told:
                    settled = lease.settled
                    await self._ask(self.wallet, Wish(lease.id, settled, number=lease.next()))
                    lease.told = settled
                if not lease.busy and lease.told == lease.settled:
                    self.old.remove(lease)

    async def _operate(self, lease: Lease, wish: Wish) -> Standing:
        """One operation, applied to the lease. Raises StoreUnavailable: then all that was known still holds."""
        began = time.monotonic()
        if wish.keep is not None:  # what is to go back may be gone even if we never hear of it
            lease.granted = min(lease.granted, wish.settled + wish.keep)
        try:
            standing = await self._ask(self.wallet, wish)
        except StoreUnavailable:
            if not lease.granted:  # perhaps it is there now, perhaps later: whoever reclaims will find it
                self._lose(lease)
            raise
        lease.told = max(lease.told, wish.settled)
        if standing.granted is None:
            self._lose(lease)
        else:
            lease.granted = standing.granted
            lease.until = began + self._leasing.seconds - self._leasing.margin
        self._costs, self.asked, self._largest = 0, began, wish.needs[0] if wish.needs else 0
        self._active = standing.active
        self.poor = standing.balance < wish.share * max(wish.needs[0] if wish.needs else 0, lease.reserved, 1)
        return standing

    def _lose(self, lease: Lease) -> None:
        """It is not ours any more; what runs on it is settled all the same."""
        if self.lease is lease:
            self.lease = None
        if lease.busy or lease.settled > lease.told:
            self.old.append(lease)

    def _ahead(self) -> int:
        """What is spent in the seconds ahead, if it goes on as since the last operation."""
        return int(self._costs * AHEAD / max(1.0, time.monotonic() - self.asked))
