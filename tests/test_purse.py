"""The arithmetic of a lease, with a database that answers as it is told: the real one is asked in test_ledger."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tornadogw import purse as room
from tornadogw.purse import Leasing, Purse, Refused
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_money import Standing, Wallet, Wish

WALLET = Wallet("prepaid", "acct", "acct")


class Bank:
    """One wallet: what a purse is told of it. `away`: the next operations fail, done or not."""

    def __init__(self, balance: int, *, seconds: float = 30.0) -> None:
        self.balance = balance
        self.granted: dict[str, int] = {}
        self.settled: dict[str, int] = {}
        self.wishes: list[Wish] = []
        self.away: list[bool] = []
        """For each operation to come: whether it is done although nobody hears of it."""
        self.gate: asyncio.Event | None = None
        self.purse = Purse(WALLET, self.ask, iter("abcdefgh").__next__, Leasing(seconds, margin=1.0), lambda: 1)

    async def ask(self, _: Wallet, wish: Wish) -> Standing:
        self.wishes.append(wish)
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            if self.away.pop(0):
                self.do(wish)
            raise StoreUnavailable
        return self.do(wish)

    def do(self, wish: Wish) -> Standing:
        lease = wish.lease
        if lease not in self.granted:
            if not wish.opening:
                return Standing(None, self.balance)
            self.granted[lease] = self.settled[lease] = 0
        self.settled[lease] = max(self.settled[lease], wish.settled)
        needed = next((need for need in wish.needs if need <= self.balance), 0)
        more = min(wish.want, self.balance // wish.share)
        amount = max(needed, more) if needed or not wish.needs else 0
        self.granted[lease] += amount
        self.balance -= amount
        if wish.keep is not None:
            back = max(0, self.granted[lease] - self.settled[lease] - wish.keep)
            self.granted[lease] -= back
            self.balance += back
        if wish.ending or not self.granted[lease]:
            del self.granted[lease]
            return Standing(None, self.balance)
        return Standing(self.granted[lease], self.balance)


async def test_inside_a_lease_nobody_is_asked() -> None:
    bank = Bank(100_000)
    first = await bank.purse.reserve([100])
    assert len(bank.wishes) == 1
    parts = [bank.purse.take([20]) for _ in range(100)]
    assert sum(part is not None for part in parts) == 15  # of four times what was needed
    first.shrink(0)
    assert bank.purse.take([100]) is not None
    assert bank.purse.take([20]) is None
    assert len(bank.wishes) == 1


async def test_a_crowd_is_served_by_one_operation() -> None:
    bank = Bank(1_000_000)
    bank.gate = asyncio.Event()
    tasks = [asyncio.create_task(bank.purse.reserve([100])) for _ in range(200)]
    await asyncio.sleep(0)
    bank.gate.set()
    assert [part.amount for part in await asyncio.gather(*tasks)] == [100] * 200
    assert len(bank.wishes) == 1


async def test_a_refusal_is_believed_for_a_moment(monkeypatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: clock[0])
    bank = Bank(50)
    for amount in (60, 60, 70):
        with pytest.raises(Refused):
            await bank.purse.reserve([amount])
    assert len(bank.wishes) == 1
    assert (await bank.purse.reserve([40])).amount == 40
    clock[0] += 1
    with pytest.raises(Refused):
        await bank.purse.reserve([60])
    assert len(bank.wishes) == 3


async def test_after_the_margin_a_lease_is_not_used(monkeypatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: clock[0])
    bank = Bank(100_000)
    (await bank.purse.reserve([100])).shrink(0)
    clock[0] += 28.9
    part = bank.purse.take([100])
    assert part is not None
    part.shrink(0)
    clock[0] += 0.2
    assert bank.purse.take([100]) is None
    bank.away = [False]
    with pytest.raises(StoreUnavailable):
        await bank.purse.reserve([100])
    assert (await bank.purse.reserve([100])).amount == 100


async def test_what_may_have_gone_back_is_not_spent() -> None:
    """A wish to give back is done and nobody hears of it: what was reserved since then must be backed."""
    bank = Bank(300)
    part = await bank.purse.reserve([200])
    part.finish(10)
    part.durable(10)
    assert bank.purse.poor
    bank.away = [True]
    with pytest.raises(StoreUnavailable):
        await bank.purse.renew()
    assert bank.balance == 290
    assert bank.purse.take([50]) is None
    assert (await bank.purse.reserve([250])).amount == 250
    assert (bank.balance, bank.granted) == (40, {"a": 260})


async def test_a_grant_that_nobody_heard_of_is_found_by_the_next() -> None:
    bank = Bank(10_000)
    await bank.purse.reserve([100])
    bank.away = [True]
    with pytest.raises(StoreUnavailable):
        await bank.purse.reserve([1000])
    await bank.purse.reserve([1000])
    lease = bank.purse.lease
    assert lease is not None
    assert lease.granted == bank.granted["a"]


async def test_a_first_grant_that_nobody_heard_of_is_left_to_the_reclaimer() -> None:
    bank = Bank(1000)
    bank.away = [True]
    with pytest.raises(StoreUnavailable):
        await bank.purse.reserve([100])
    assert (await bank.purse.reserve([100])).lease.id == "b"


async def test_a_lease_that_was_closed_is_replaced_and_settled() -> None:
    bank = Bank(1000)
    part = await bank.purse.reserve([100])
    bank.balance += bank.granted.pop("a")
    other = await bank.purse.reserve([500])
    assert (part.lease.id, other.lease.id) == ("a", "b")
    part.finish(70)
    assert bank.purse.old == [part.lease]
    await bank.purse.settle_old()
    assert bank.purse.old == [part.lease]
    part.durable(70)
    await bank.purse.settle_old()
    assert bank.wishes[-1] == Wish("a", 70, number=3)
    assert bank.purse.old == []


async def test_it_ends_only_when_nothing_is_under_way() -> None:
    bank = Bank(1000)
    part = await bank.purse.reserve([100])
    assert not await bank.purse.end()
    part.finish(10)
    assert not await bank.purse.end()
    part.durable(10)
    assert await bank.purse.end()
    assert (bank.balance, bank.granted) == (990, {})
    assert bank.purse.is_empty


async def test_who_asks_while_it_ends_gets_another_lease() -> None:
    bank = Bank(1000)
    (await bank.purse.reserve([100])).shrink(0)
    bank.gate = asyncio.Event()
    ending = asyncio.create_task(bank.purse.end())
    await asyncio.sleep(0)
    asking = asyncio.create_task(bank.purse.reserve([100]))
    await asyncio.sleep(0)
    bank.gate.set()
    assert await ending
    assert (await asking).lease.id == "b"
    assert not bank.purse.is_empty


async def test_it_renews_for_what_it_spends(monkeypatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: clock[0])
    bank = Bank(10_000_000)
    for _ in range(10):
        part = await bank.purse.reserve([1000])
        part.finish(500)
        part.durable(500)
        clock[0] += 1
    asked = len(bank.wishes)
    await bank.purse.renew()
    wish: Any = bank.wishes[-1]
    lease = bank.purse.lease
    assert lease is not None
    assert (lease.settled, wish.settled) == (5000, 5000)
    for _ in range(4):
        part = await bank.purse.reserve([1000])
        part.finish(500)
        part.durable(500)
        clock[0] += 1
    assert len(bank.wishes) == asked + 1
    clock[0] += 100
    await bank.purse.renew()
    await bank.purse.renew()
    assert lease.free == 0  # nobody spends any more: all of it went back
