"""Accounts with money for tests, and the one rule that every version of every account obeys."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.ports import Account, Entry
from tornadogw.types import Caller, Record, Usage


async def new_caller(mongo: Mongo, balance: int = 0) -> Caller:
    """Somebody with so many micro-units."""
    account = Account(id=secrets.token_hex(8), email=f"{secrets.token_hex(8)}@example.com")
    store = MongoAccounts(mongo)
    await store.add(account, None, Entry(by="tester", act="test", at=1.0))
    if balance:
        await store.credit(account.id, balance, ref=secrets.token_hex(8), by="tests", at=0.0)
    return Caller(account.id, "key")


def finished(request_id: str = "r", cost: int = 0, **fields: Any) -> Record:
    given = {"account_id": "", "key_id": "key", "mode": "chat", "asked": "auto", "model": "m", "usage": Usage(3, 2)}
    return Record(id=request_id, cost=cost, **{**given, **fields})


async def document(mongo: Mongo, caller: Caller) -> Mapping[str, Any]:
    found = await mongo.database["accounts"].find_one({"_id": caller.account_id})
    assert found is not None
    return found


async def state(mongo: Mongo, caller: Caller) -> tuple[int, int, int]:
    """(balance, held, spent), after checking that nothing drifted."""
    account = await document(mongo, caller)
    held = sum(hold["a"] for hold in account["holds"].values())
    assert account["credited"] == account["balance"] + account["spent"] + held, account
    return account["balance"], held, account["spent"]


async def charged(mongo: Mongo, caller: Caller) -> list[int]:
    """What the caller's events cost, smallest first."""
    events = await mongo.database["events"].find({"a": caller.account_id}).to_list(None)
    return sorted(each["c"] for each in events)
