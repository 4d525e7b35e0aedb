"""Four processes and a real database in real time: never more than 104 of 100, never less than 96, evenly or not.

The window is five seconds; tests/clock has one of sixty.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.limits import load
from tornadogw.store.mongo_limits import MongoLimits

LIMIT, WINDOW, PROCESSES = 100, 5.0, 4
EVEN, SKEWED = [0.25] * 4, [0.9, 0.04, 0.03, 0.03]


def plan(seconds: float, **keys: list[float]) -> dict:
    return {"limit": LIMIT, "window": WINDOW, "processes": PROCESSES, "seconds": seconds, "keys": keys, "begin": 0.0}


def rates(times_the_limit: float, shares: list[float]) -> list[float]:
    return [times_the_limit * LIMIT / WINDOW * share for share in shares]


def everything(seconds: float) -> dict:
    """Four times too much and nine tenths of the limit, evenly and nine tenths of it on one process, all at once."""
    return plan(
        seconds,
        even=rates(4, EVEN),
        skewed=rates(4, SKEWED),
        low_even=rates(0.9, EVEN),
        low_skewed=rates(0.9, SKEWED),
    )


def check(found: load.Found, plan: dict) -> None:
    for key, decided in found.items():
        assert load.most(decided, WINDOW) <= 104, key
        if key.startswith("low"):  # less than the limit is asked for: none may be refused
            assert load.false_refusals(decided, plan) <= 0.01 * len(decided), key
        else:
            assert min(load.each_window(decided, plan)) >= 96, (key, load.each_window(decided, plan))


@pytest.mark.gen_test(timeout=120)
async def test_four_limiters_in_one_loop(mongo):
    work = everything(2 * WINDOW)
    each = [load.limiter(mongo, work) for _ in range(PROCESSES)]
    await load.settle(each)
    found: load.Found = {key: [] for key in work["keys"]}
    work["begin"] = time.monotonic() + WINDOW / 3  # windows begin anywhere
    await asyncio.gather(*(load.drive(limiter, work, which, found) for which, limiter in enumerate(each)))
    check(found, work)
    for limiter in each:
        await limiter.close()


@pytest.mark.gen_test(timeout=120)
async def test_four_real_processes(mongod, mongo):
    work = everything(2 * WINDOW)
    found, _ = await load.processes(mongod.url, mongo.database.name, work)
    check(found, work)


@pytest.mark.gen_test(timeout=120)
async def test_a_flood_costs_the_database_no_more_than_the_limit_does(mongod, mongo):
    """Forty times the limit: what is asked follows what may pass, not what comes."""
    work = plan(WINDOW, flood=rates(40, EVEN))
    found, asked = await load.processes(mongod.url, mongo.database.name, work)
    assert len(found["flood"]) >= 3900
    assert load.most(found["flood"], WINDOW) <= 104
    assert asked <= 2 * LIMIT


async def test_refused_ones_send_the_server_nothing(mongo):
    """The server's own counters, over a flood of one key that is refused."""
    work = {**plan(WINDOW), "window": 60.0, "processes": 2}
    each = [load.limiter(mongo, work) for _ in range(2)]
    await load.settle(each)
    caller = load.Caller("a", "k")
    while (await ask(each[0], caller)).allowed:
        pass
    store = MongoLimits(mongo)
    before = await operations(mongo)
    for _ in range(20_000):
        assert not each[0].key(caller).allowed
    between = await operations(mongo)
    for _ in range(10):
        await store.take("k:other", 100, 1, (), 60.0, 5.0)
    assert await operations(mongo) - between >= 10, "the counter does count"
    assert between - before < 10, "others' heartbeats at most"
    for limiter in each:
        await limiter.close()


async def passes(limiter, caller) -> bool:
    """Whether more than the limit pass, one directly after the other."""
    return all([(await ask(limiter, caller)).allowed for _ in range(LIMIT + 5)])


async def ask(limiter, caller):
    return limiter.key(caller) or await limiter.ask_key(caller)


async def operations(mongo) -> int:
    metrics = (await mongo.client.admin.command("serverStatus"))["metrics"]["commands"]["findAndModify"]
    return metrics["total"]


@pytest.mark.gen_test(timeout=120)
async def test_a_database_that_stands_still_does_not_hold_up_requests(mongo, freezer):
    work = {**plan(WINDOW), "window": 60.0}
    each = [load.limiter(mongo, work) for _ in range(PROCESSES)]
    for limiter in each:
        limiter._requests._deadline = 0.3
    await load.settle(each)
    caller = load.Caller("a", "k")
    freezer.freeze()
    began = time.monotonic()
    found = [[(await ask(limiter, caller)).allowed for _ in range(60)] for limiter in each]
    took = time.monotonic() - began
    freezer.thaw()
    assert [each.count(True) for each in found] == [25] * 4, "each gives its part"
    assert took < PROCESSES * 60 * 0.3 / 4, "each request has waited"
    for limiter in each:
        limiter._requests._deadline = 5.0  # a slow one is there again, too
    async with asyncio.timeout(20):
        while await passes(each[0], caller) or each[0]._requests._away_until > 0:
            await asyncio.sleep(0.05)  # it is tried once a second
    for limiter in each:
        await limiter.close()
