from __future__ import annotations

import asyncio

import pytest

from tornadogw.accounts.tries import MOST, TooMany, Tries
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_tries import MongoTries


@pytest.fixture
def tries(mongo: Mongo) -> Tries:
    return Tries(MongoTries(mongo))


async def refused(tries: Tries, count: int, subject: str = "ann", address: str = "a") -> int:
    """How many of so many tries at the same time."""
    done = await asyncio.gather(*(tries.allow("login", subject, address) for _ in range(count)), return_exceptions=True)
    assert all(each is None or isinstance(each, TooMany) for each in done)
    return sum(each is not None for each in done)


async def test_one_address_is_stopped_and_the_others_are_not(tries: Tries) -> None:
    most, at_all, _ = MOST["login"]
    assert await refused(tries, most + 5) == 5
    assert await refused(tries, 1, address="b") == 0, "the owner is not locked out"
    assert await refused(tries, 1, subject="bob") == 0
    assert await refused(tries, at_all - most - 6, subject="carl") > 0
    assert await refused(tries, 2, subject="dora") == 2, "so many from one address are none of anybody's"


async def test_an_account_is_closed_after_many_tries_from_anywhere(tries: Tries) -> None:
    everywhere = MOST["login"][2]
    for number in range(everywhere // 10):
        assert await refused(tries, 10, address=f"a{number}") == 0
    assert await refused(tries, 1, address="z") == 1


async def test_what_was_right_is_forgiven_here_and_nothing_typed_is_stored(tries: Tries, mongo: Mongo) -> None:
    await refused(tries, MOST["login"][0], subject="my password by mistake")
    await tries.forgive("login", "my password by mistake", "a")
    assert await refused(tries, 1, subject="my password by mistake") == 0
    assert "my password" not in str(await mongo.database["tries"].find().to_list(None))
