from __future__ import annotations

import asyncio
import random

import pytest

from tornadogw.queues import Limit, Queues


@pytest.fixture
def queues():
    return Queues({"up": Limit(running=2, waiting=2, seconds=5.0), "hasty": Limit(1, 9, 0.02)})


async def taken(queues, upstream="up", count=2):
    for _ in range(count):
        assert await queues.enter(upstream)


async def waiting(queues, count, upstream="up"):
    """So many that wait, each in line after the one before."""
    tasks = []
    for _ in range(count):
        tasks.append(asyncio.ensure_future(queues.enter(upstream)))
        await asyncio.sleep(0)
    return tasks


async def test_an_upstream_without_a_limit_has_room_for_everybody(queues):
    await taken(queues, "other", 100)
    assert not queues.is_full("other")
    queues.leave("other")
    assert "other" not in queues.lengths()


async def test_the_first_to_wait_is_the_first_to_come_in(queues):
    await taken(queues)
    first, second = await waiting(queues, 2)
    assert queues.lengths()["up"] == (2, 2)
    assert queues.is_full("up")
    assert not queues.has_room("up")
    assert await queues.enter("up") is False
    queues.leave("up")
    assert await first
    assert not second.done()
    queues.leave("up")
    assert await second
    assert queues.lengths()["up"] == (2, 0)
    queues.leave("up")
    assert not queues.is_full("up")


async def test_nobody_waits_for_ever(queues):
    await taken(queues, "hasty", 1)
    assert await queues.enter("hasty") is False
    assert queues.lengths()["hasty"] == (1, 0)


async def test_who_gives_up_waiting_keeps_no_place(queues):
    await taken(queues)
    first, second = await waiting(queues, 2)
    first.cancel()
    await asyncio.wait({first})
    queues.leave("up")
    assert await second
    assert queues.lengths()["up"] == (2, 0)


async def test_a_place_given_to_who_is_being_cancelled_goes_to_the_next(queues):
    await taken(queues)
    first, second = await waiting(queues, 2)
    queues.leave("up")
    first.cancel()  # in the same turn: it has the place and does not know yet
    await asyncio.wait({first})
    assert first.cancelled()
    assert await second
    assert queues.lengths()["up"] == (2, 0)


async def test_places_are_neither_lost_nor_made(queues):
    """Many that come, wait, are cancelled, leave, in any order."""
    rng, inside, most = random.Random(7), 0, 0

    async def call():
        nonlocal inside, most
        if await queues.enter("up"):
            inside += 1
            most = max(most, inside)
            try:
                for _ in range(rng.randrange(4)):
                    await asyncio.sleep(0)
            finally:
                inside -= 1
                queues.leave("up")

    tasks = []
    for _ in range(500):
        tasks.append(asyncio.ensure_future(call()))
        if rng.random() < 0.3:
            rng.choice(tasks).cancel()
        if rng.random() < 0.5:
            await asyncio.sleep(0)
    await asyncio.wait(tasks)
    assert most == 2
    assert queues.lengths()["up"] == (0, 0)


async def test_a_limit_may_come_change_and_go_while_calls_run(queues):
    """Who came without a limit counts once there is one; who waits is let in where there is room now."""
    await taken(queues, "other", 3)
    await taken(queues)
    first, second = await waiting(queues, 2)
    queues.change({"other": Limit(3, 0, 5.0), "up": Limit(3, 2, 5.0)})
    assert await first
    assert not second.done()
    assert queues.lengths() == {"other": (3, 0), "up": (3, 1)}
    assert await queues.enter("other") is False
    queues.leave("other")
    assert await queues.enter("other")
    queues.change({"new": Limit(1, 1, 5.0)})
    assert await second
    assert not queues.is_full("up")
    for upstream, count in (("up", 4), ("other", 3)):
        for _ in range(count):
            queues.leave(upstream)
    assert queues.lengths() == {"new": (0, 0)}
    queues.change({})
    assert queues._lines == {}  # what is gone and runs no call any more is forgotten
