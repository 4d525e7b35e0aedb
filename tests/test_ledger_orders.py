"""Money never drifts, in whatever order calls are held, charged, settled, cancelled, given back, and processes die."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AbstractAsyncContextManager

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.money import charged, finished, new_caller, state
from tornadogw.errors import InsufficientBalance
from tornadogw.ledger import Hold, Ledger
from tornadogw.starts import Process, Starts, this_process
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_ledger import MongoLedger, MongoStarts
from tornadogw.types import Caller

AMOUNTS = st.lists(st.integers(0, 600), min_size=1, max_size=3)
PICK = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("take"), AMOUNTS),
    st.tuples(st.just("charge"), PICK, st.integers(0, 800)),
    st.tuples(st.just("settle"), PICK),
    st.tuples(st.just("leave"), PICK),
    st.tuples(st.just("cancel"), AMOUNTS, st.integers(0, 30)),
    st.tuples(st.just("crash")),
    st.tuples(st.just("pay"), st.integers(1, 500)),
)


class World:
    """One account, one living process after another, and the calls of all of them."""

    def __init__(self, mongo: Mongo, caller: Caller, paid: int) -> None:
        self.mongo, self.caller, self.paid = mongo, caller, paid
        self.ledgers: list[Ledger] = []
        self.starts: list[Starts] = []
        self.open: list[tuple[AbstractAsyncContextManager[Hold], Hold]] = []
        self.held: dict[str, int] = {}
        """What the living process holds; what a dead one held is given back."""
        self.charges: dict[str, int] = {}
        self.settled: list[int] = []

    async def crash(self) -> None:
        """The process stops beating and another begins; it may come back to settle what it had begun."""
        # No process began when this one says it did, so to every other start it is dead.
        starts = Starts(MongoStarts(self.mongo), Process(this_process().host, this_process().pid, secrets.token_hex(4)))
        await MongoStarts(self.mongo).beat(starts.start)
        released = await starts.release_dead_starts()
        held = [amount for amount in self.held.values() if amount]
        assert (released.count, released.amount) == (len(held), sum(held))
        self.held.clear()
        self.starts.append(starts)
        self.ledgers.append(Ledger(MongoLedger(self.mongo), starts.id))

    async def take(self, amounts: list[int]) -> None:
        balance, _, _ = await state(self.mongo, self.caller)
        covered = [each for each in amounts if each <= balance or not each]
        call = self.ledgers[-1].holding(self.caller, "same id", amounts)
        try:
            hold = await call.__aenter__()
        except InsufficientBalance:
            assert not covered
        else:
            assert hold.amount == max(covered)
            self.held[hold.id] = hold.amount
            self.open.append((call, hold))

    async def charge(self, pick: int, cost: int) -> None:
        for _, hold in self.open[pick : pick + 1]:
            assert hold.charge(cost, finished("same id")) is not hold.settled
            if not hold.settled:
                self.charges[hold.id] = cost

    async def settle(self, pick: int) -> None:
        for _, hold in self.open[pick : pick + 1]:
            self._settles(hold)
            await hold.settle()

    async def leave(self, pick: int) -> None:
        for call, hold in self.open[pick : pick + 1]:
            self._settles(hold)
            await call.__aexit__(None, None, None)
            self.open.remove((call, hold))

    async def cancel(self, amounts: list[int], ticks: int) -> None:
        async def run() -> None:
            async with self.ledgers[-1].holding(self.caller, "gone", amounts):
                pass

        task = asyncio.create_task(run())
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            assert task.exception() is None or isinstance(task.exception(), InsufficientBalance)
        assert await self.ledgers[-1].drain(10) == 0

    async def pay(self, amount: int) -> None:
        store = MongoAccounts(self.mongo)
        await store.credit(self.caller.account_id, amount, ref=secrets.token_hex(8), by="", at=0.0)
        self.paid += amount

    async def check(self) -> None:
        balance, held, spent = await state(self.mongo, self.caller)
        assert held == sum(self.held.values())
        assert spent == sum(self.settled)
        assert balance == self.paid - held - spent
        assert await charged(self.mongo, self.caller) == sorted(self.settled)

    def _settles(self, hold: Hold) -> None:
        if not hold.settled:
            self.held.pop(hold.id, None)
            self.settled += [self.charges[hold.id]] if hold.id in self.charges else []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paid=st.integers(0, 2000), steps=st.lists(STEPS, max_size=14))
def test_money_never_drifts(mongo: Mongo, run, paid: int, steps: list[tuple[object, ...]]) -> None:
    async def live() -> None:
        world = World(mongo, await new_caller(mongo, paid), paid)
        await world.crash()
        for step, *arguments in steps:
            await getattr(world, str(step))(*arguments)
            await world.check()
        while world.open:
            await world.leave(0)
        await world.crash()
        await world.check()
        assert world.held == {}

    run(live())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    paid=st.integers(0, 3000),
    calls=st.lists(st.tuples(AMOUNTS, st.none() | st.integers(0, 400), st.none() | st.integers(0, 200)), max_size=25),
)
def test_money_never_drifts_when_all_happens_at_once(mongo: Mongo, run, paid, calls) -> None:
    """Each call: amounts, what it costs (None: it is not charged), when its client leaves (in 0.1 ms; None: never)."""

    async def live() -> None:
        caller = await new_caller(mongo, paid)
        ledger = Ledger(MongoLedger(mongo), secrets.token_hex(4))
        begun: list[int] = []

        async def call(number: int, amounts: list[int], cost: int | None) -> None:
            async with ledger.holding(caller, f"r{number}", amounts) as hold:
                if cost is not None and hold.charge(cost, finished(f"r{number}")):
                    begun.append(cost)
                await asyncio.sleep(0)

        tasks = []
        for number, (amounts, cost, leaves) in enumerate(calls):
            tasks.append(asyncio.create_task(call(number, amounts, cost)))
            if leaves is not None:
                asyncio.get_running_loop().call_later(leaves / 10_000, tasks[-1].cancel)
        while not all(task.done() for task in tasks):
            await state(mongo, caller)
            await asyncio.wait(tasks, timeout=0)
        for task in tasks:
            assert task.cancelled() or task.exception() is None or isinstance(task.exception(), InsufficientBalance)
        assert await ledger.drain(10) == 0
        assert await charged(mongo, caller) == sorted(begun)
        assert await state(mongo, caller) == (paid - sum(begun), 0, sum(begun))
        await mongo.database["events"].delete_many({"a": caller.account_id})

    run(live())
