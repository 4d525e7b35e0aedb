from __future__ import annotations

import asyncio

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.first import OWNER, welcome
from tornadogw.accounts.keys import Keys
from tornadogw.auth import Auth, KeyHasher
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_keys import MongoKeys

HASH_KEY = b"h" * 32


def desks(mongo):
    accounts, keys = MongoAccounts(mongo), MongoKeys(mongo)
    return Accounts(accounts), Keys(keys, accounts, HASH_KEY)


async def test_the_first_start_makes_an_owner_whose_key_works(mongo):
    accounts, keys = desks(mongo)
    first = await welcome(accounts, keys)
    assert first is not None
    owner = await accounts.show(OWNER)
    assert (owner.role, owner.has_password) == ("owner", True)
    caller = await Auth(MongoKeys(mongo), KeyHasher(HASH_KEY)).caller(first.key, "127.0.0.1")
    assert caller.account_id == owner.id
    assert first.key not in repr(first)
    assert first.password not in repr(first)


async def test_a_second_start_makes_nothing(mongo):
    accounts, keys = desks(mongo)
    await welcome(accounts, keys)
    assert await welcome(accounts, keys) is None
    assert len(await accounts.list()) == 1


async def test_two_first_starts_at_once_make_one_owner(mongo):
    accounts, keys = desks(mongo)
    made = await asyncio.gather(*(welcome(accounts, keys) for _ in range(4)))
    assert sum(one is not None for one in made) == 1


async def test_an_ordinary_account_does_not_stand_in_for_an_owner(mongo):
    accounts, keys = desks(mongo)
    await accounts.create("someone@example.com")
    assert await welcome(accounts, keys) is not None
