"""Who comes waits until all know; who was alone tells first; who is left asks for a window more."""

from __future__ import annotations

import asyncio

import pytest

from tests.limits.counts import Clock, Counts
from tornadogw.limits import peers as room
from tornadogw.limits.peers import Peers


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(room, "STEP", 0.001)
    monkeypatch.setattr(room, "TTL", 0.004)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


class Town:
    def __init__(self):
        self.clock, self.number, self.told = Clock(), 1, 0
        self.store = Counts(self.clock)
        self.all = []

    def peers(self, store=True) -> Peers:
        peers = Peers(self.store if store else None, lambda: self.number, clock=self.clock)
        self.all.append(peers)
        return peers

    async def close(self):
        for each in self.all:
            await each.close()


@pytest.fixture
def town(run):
    town = Town()
    yield town
    run(town.close())


async def test_one_process_is_alone_and_asks_nothing(town):
    one = town.peers()
    assert one.alone()
    assert (one.settled, one.number, town.store.asked) == (True, 1, 0)


async def test_without_a_store_everybody_is_alone(town):
    town.number = 4
    assert town.peers(store=False).alone()


async def test_those_who_start_at_once_are_soon_settled(town):
    town.number = 4
    each = [town.peers() for _ in range(4)]
    for one in each[:3]:
        assert not one.alone()
        assert not one.settled
    await until(lambda: town.store.asked > 6)
    assert not any(one.settled for one in each[:3])
    each[3].alone()
    await until(lambda: all(one.settled for one in each))


async def test_who_was_alone_tells_before_it_registers(town):
    first, second = town.peers(), town.peers()
    first.alone()
    go = asyncio.Event()

    async def tell():
        await go.wait()
        town.told += 1

    first.tell.append(tell)
    town.number = 2
    assert not second.alone()
    await until(lambda: town.store.asked > 3)
    assert not second.settled, "the first does not know yet"
    assert not first.alone()
    assert first.settled, "what it granted alone was in order"
    await until(lambda: town.store.asked > 6)
    assert not second.settled, "the first has not told yet"
    go.set()
    await until(lambda: second.settled)
    assert town.told == 1


async def test_telling_is_tried_until_the_database_is_there(town):
    first, second = town.peers(), town.peers()
    first.alone()

    async def tell():
        town.told += 1
        await town.store.take("k", 1, 0, (), 60.0, 1.0)

    first.tell.append(tell)
    town.store.away, town.number = True, 2
    first.alone()
    second.alone()
    await until(lambda: town.told > 2)
    assert not second.settled
    town.store.away = False
    await until(lambda: second.settled)


async def test_who_is_left_is_alone_after_a_window(town):
    first, second = town.peers(), town.peers()
    apart = []
    first.apart.append(lambda: apart.append(1))
    town.number = 2
    first.alone()
    second.alone()
    await until(lambda: first.settled)
    await second.close()
    town.number = 1
    asked = town.store.asked
    await until(lambda: town.store.asked > asked + 3)
    assert not first.alone()
    town.clock.now += 61
    await until(first.alone)
    assert apart == [1]
    assert town.store.held["processes"][first.id] == 0
