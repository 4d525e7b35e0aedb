"""`kill -9` in the middle of redeeming and of crediting orders: whatever is done is done whole.

A process that dies inside a transaction leaves it to the server, which gives it up after a while. Until then whoever
wants the same document is told that the database is away, and tries again.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from tests.store.lifetimes import transactions_live
from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.codes import Codes
from tornadogw.accounts.orders import Orders
from tornadogw.accounts.plans import Plans
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_codes import MongoCodes
from tornadogw.store.mongo_orders import MongoOrders
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.orders import Notice
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.trade import Batch

T = TypeVar("T")

ANN = "ann@example.com"
SECRET = b"s" * 32
AMOUNT = 5_000_000
KILLS = 3

CHILD = """
import asyncio, sys
from tests.accounts.test_crash import done, notice, services

async def main(url, database, kind, names):
    accounts, codes, orders, mongo = services(url, database)
    for name in names:
        if kind == "codes":
            await done(lambda: codes.redeem("ann@example.com", name))
        else:
            await done(lambda: orders.take(notice(name)))
        print("done", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
"""


def services(url: str, database: str) -> tuple[Accounts, Codes, Orders, Mongo]:
    mongo = Mongo.connect(url, database, 10_000)
    accounts = Accounts(MongoAccounts(mongo))
    codes = Codes(MongoCodes(mongo), accounts, Plans(MongoPlans(mongo)), SECRET)
    return accounts, codes, Orders(MongoOrders(mongo), accounts), mongo


async def done(work: Callable[[], Awaitable[T]]) -> T:
    """The result, as soon as the server has given up the transactions of the dead."""
    while True:
        with contextlib.suppress(StoreUnavailable):
            return await work()


@pytest.fixture(autouse=True)
def impatient_server(mongo: Mongo, run) -> Iterator[None]:
    """It gives transactions up after a second; the gateway's own is told to do so after ten."""
    with transactions_live(mongo, run, 1):
        yield


def notice(order_id: str) -> Notice:
    return Notice("pay", f"event-{order_id}", order_id, "paid", 1_000_000, "CNY")


def kill_while_at_work(mongod_url: str, database: str, kind: str, names: list[str], after: int) -> None:
    """Once so many are done, and at most all: the next ones are under way."""
    words = [sys.executable, "-c", CHILD, mongod_url, database, kind, *names]
    with subprocess.Popen(words, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(after):
            assert child.stdout.readline() == b"done\n"
        child.kill()


async def at_rest(read: Callable[[], Awaitable[T]], facts: Callable[[T], Awaitable[bool]]) -> T:
    """What `read` gives, of which `facts` are true at the same moment: the last commit of the dead may yet be made."""
    found = await read()
    while True:
        are_true, before, found = await facts(found), found, await read()
        if before == found:
            assert are_true
            return found


@pytest.mark.gen_test(timeout=60)
async def test_codes(mongod, mongo: Mongo) -> None:
    accounts, codes, _, own = services(mongod.url, mongo.database.name)
    await accounts.create(ANN)
    left = list((await codes.create(amount="5", count=400)).codes)

    async def whole(batches: Sequence[Batch]) -> bool:
        credited = (await accounts.show(ANN)).credited
        paid = await mongo.database["payments"].count_documents({})
        noted = await mongo.database["audit"].count_documents({"act": "code.redeem"})
        used = batches[0].used
        return (credited, paid, noted) == (used * AMOUNT, used, used)

    for kill in range(KILLS):
        kill_while_at_work(mongod.url, mongo.database.name, "codes", left[:300], 1 + 40 * kill)
        [batch] = await at_rest(codes.list, whole)
    assert 0 < batch.used < 400
    used = 0
    for code in left[: batch.used + 5]:
        used += (await done(lambda code=code: codes.redeem(ANN, code))).repeated
    assert used >= batch.used  # a claim that was told to be away may have been done
    [after] = await codes.list()
    assert after.used == batch.used + 5
    assert (await accounts.show(ANN)).credited == after.used * AMOUNT
    await own.close()


@pytest.mark.gen_test(timeout=60)
async def test_orders(mongod, mongo: Mongo) -> None:
    accounts, _, orders, own = services(mongod.url, mongo.database.name)
    await accounts.create(ANN)
    opened = [await orders.open(ANN, "5", provider="pay", due="1", currency="CNY") for _ in range(100)]
    names = [order.id for order in opened]

    async def states() -> list[str]:
        return [(await orders.show(name)).state for name in names]

    async def whole(found: list[str]) -> bool:
        return (await accounts.show(ANN)).credited == found.count("credited") * AMOUNT

    for kill in range(KILLS):
        kill_while_at_work(mongod.url, mongo.database.name, "orders", names[:90], 1 + 20 * kill)
        found = await at_rest(states, whole)
    assert "pending" in found
    for name in names:
        await done(lambda name=name: orders.take(notice(name)))  # the provider says everything again
    assert {(await orders.show(name)).state for name in names} == {"credited"}
    assert (await accounts.show(ANN)).credited == 100 * AMOUNT
    await own.close()
