"""Money never drifts, in whatever order calls are held, charged, settled and cancelled, and processes die."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.money import Books, charged, finished, new_caller, offers, state
from tornadogw.errors import InsufficientBalance
from tornadogw.ledger import Hold
from tornadogw.reclaim import Reclaimer
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.types import Caller

AMOUNTS = st.lists(st.integers(0, 600), min_size=1, max_size=3)
PICK = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("take"), AMOUNTS),
    st.tuples(st.just("charge"), PICK, st.integers(0, 800)),
    st.tuples(st.just("leave"), PICK),
    st.tuples(st.just("cancel"), AMOUNTS, st.integers(0, 30)),
    st.tuples(st.just("rest")),
    st.tuples(st.just("kill")),
    st.tuples(st.just("reclaim")),
    st.tuples(st.just("pay"), st.integers(1, 500)),
)


class World:
    """One account, one living process after another, and the calls of all of them."""

    def __init__(self, mongo: Mongo, caller: Caller, paid: int, folder: Path) -> None:
        self.mongo, self.caller, self.paid, self.folder = mongo, caller, paid, folder
        self.books = Books(mongo, folder, secrets.token_hex(8))
        self.dead: list[Books] = []
        self.open: list[tuple[AbstractAsyncContextManager[Hold], Hold]] = []
        self.charges: dict[int, int] = {}
        self.settled: list[int] = []

    async def take(self, amounts: list[int]) -> None:
        await self.books.ledger.rest()
        balance, _, _ = await state(self.mongo, self.caller)
        covered = [each for each in amounts if each <= balance or not each]
        call = self.books.ledger.holding(self.caller, offers(*amounts))
        try:
            hold = await call.__aenter__()
        except InsufficientBalance:
            assert not covered
        else:
            assert hold.amount == max(covered)
            self.open.append((call, hold))

    async def charge(self, pick: int, cost: int) -> None:
        for _, hold in self.open[pick : pick + 1]:
            cost = cost if hold.amount else 0  # what costs something was held
            assert hold.charge(cost, finished("same id"))
            self.charges[id(hold)] = cost

    async def leave(self, pick: int) -> None:
        for call, hold in self.open[pick : pick + 1]:
            self.settled += [self.charges[id(hold)]] if id(hold) in self.charges else []
            await call.__aexit__(None, None, None)
            self.open.remove((call, hold))

    async def cancel(self, amounts: list[int], ticks: int) -> None:
        async def run() -> None:
            async with self.books.ledger.holding(self.caller, offers(*amounts)):
                pass

        task = asyncio.create_task(run())
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            assert task.exception() is None or isinstance(task.exception(), InsufficientBalance)
        while self.books.ledger._tasks:
            await asyncio.sleep(0)

    async def rest(self) -> None:
        await self.books.ledger.rest()

    async def kill(self) -> None:
        """What the process had charged is in its journal; what it held is free again. Another one begins."""
        await self.books.die()
        await self.books.replay()
        for call, hold in self.open:
            hold._settled = True  # nobody settles what a dead process held, not even the end of this generator
            await call.__aexit__(None, None, None)
        self.dead.append(self.books)
        self.open.clear()
        self.books = Books(self.mongo, self.folder, secrets.token_hex(8))

    async def reclaim(self) -> None:
        """Of all leases, those of the living too: what they settle later is charged all the same."""
        reclaimer = Reclaimer(self.books.leases, grace=-1000.0)
        await reclaimer.look()
        await reclaimer.look()

    async def pay(self, amount: int) -> None:
        store = MongoAccounts(self.mongo)
        await store.credit(self.caller.account_id, amount, ref=secrets.token_hex(8), by="", at=0.0)
        self.paid += amount
        self.books.ledger.hope(self.caller.account_id)

    async def check(self) -> None:
        await self.books.ledger._flusher.flushed()
        assert await charged(self.mongo, self.caller) == sorted(self.settled)
        balance, held, spent = await state(self.mongo, self.caller)
        assert balance + held + spent == self.paid


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paid=st.integers(0, 2000), steps=st.lists(STEPS, max_size=14))
def test_money_never_drifts(mongo: Mongo, run, log_guard, paid: int, steps: list[tuple[object, ...]]) -> None:
    async def live() -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(mongo, await new_caller(mongo, paid), paid, Path(folder))
            for step, *arguments in steps:
                await getattr(world, str(step))(*arguments)
                await world.check()
            while world.open:
                await world.leave(0)
            await world.kill()
            await world.check()
            assert await world.books.ledger.rest()
            # leases of the dead that nothing was charged on are nobody's, until they are reclaimed
            await world.reclaim()
            await Reclaimer(world.books.leases, grace=0.0).look_at_late()
            spent = sum(world.settled)
            assert await state(mongo, world.caller) == (paid_in(world) - spent, 0, spent)
            assert await world.books.ledger.drain(5) == 0

    run(live())
    log_guard.records.clear()  # who was killed and reclaimed is told, which is tested elsewhere


def paid_in(world: World) -> int:
    return world.paid


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    paid=st.integers(0, 3000),
    calls=st.lists(st.tuples(AMOUNTS, st.none() | st.integers(0, 400), st.none() | st.integers(0, 200)), max_size=25),
)
def test_money_never_drifts_when_all_happens_at_once(mongo: Mongo, run, paid, calls) -> None:
    """Each call: amounts, what it costs (None: it is not charged), when its client leaves (in 0.1 ms; None: never).

    Two processes share the account.
    """

    async def live(folder: Path) -> None:
        caller = await new_caller(mongo, paid)
        both = [Books(mongo, folder, secrets.token_hex(8)) for _ in range(2)]
        begun: list[int] = []

        async def call(number: int, amounts: list[int], cost: int | None) -> None:
            async with both[number % 2].ledger.holding(caller, offers(*amounts)) as hold:
                if cost is not None:
                    cost = cost if hold.amount else 0  # what costs something was held
                    if hold.charge(cost, finished(f"r{number}")):
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
        assert [await each.ledger.drain(10) for each in both] == [0, 0]
        assert await charged(mongo, caller) == sorted(begun)
        assert await state(mongo, caller) == (paid - sum(begun), 0, sum(begun))

    with tempfile.TemporaryDirectory() as folder:
        run(live(Path(folder)))
