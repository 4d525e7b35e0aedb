"""Accounts with money for tests, and the one rule that every version of every account obeys."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tornadogw.journal.replay import replay
from tornadogw.journal.slot import take_slot
from tornadogw.journal.writer import Journal
from tornadogw.ledger import Leasing, Ledger, Offer
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.mongo_figures import read_figures
from tornadogw.store.mongo_leases import MongoLeases
from tornadogw.store.mongo_values import money
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
    """(balance, held, spent) as anybody may see them, after checking that nothing drifted in the document itself."""
    account = await document(mongo, caller)
    check_wallet(account)
    [(_, figures)] = await read_figures(mongo, "accounts", {"_id": caller.account_id})
    assert figures.credited == figures.balance + figures.held + figures.spent
    return figures.balance, figures.held, figures.spent


async def hold_of_old(mongo: Mongo, caller: Caller, hold_id: str, start_id: str, amount: int) -> None:
    """A hold as the first version took it."""
    taken = {"$inc": {"balance": money(-amount)}, "$set": {f"holds.{hold_id}": {"a": money(amount), "s": start_id}}}
    await mongo.database["accounts"].update_one({"_id": caller.account_id}, taken)


def check_wallet(wallet: Mapping[str, Any]) -> None:
    """The rule that every version of every wallet obeys."""
    on_lease = sum(lease["g"] - lease["s"] for lease in wallet["leases"].values())
    on_lease += sum(hold["a"] for hold in wallet.get("holds", {}).values())
    assert wallet["credited"] == wallet["balance"] + wallet["spent"] + on_lease, wallet
    assert all(lease["g"] == lease["s"] for lease in wallet["leases"].values() if "closed" in lease), wallet


async def charged(mongo: Mongo, caller: Caller) -> list[int]:
    """What the caller's events cost, smallest first."""
    events = await mongo.database["events"].find({"a": caller.account_id}).to_list(None)
    return sorted(each["c"] for each in events)


def offers(*bounds: int, model: str = "m") -> list[Offer]:
    """What routes of a model may cost."""
    return [Offer(model, bound) for bound in bounds]


class Books:
    """One process's books: a ledger over real stores, with a journal in a folder of its own."""

    def __init__(self, mongo: Mongo, folder: Path | None, start: str = "5747000000000001", **more: Any) -> None:
        self.mongo, self.folder, self.start = mongo, folder, start
        self.leases, self.events = MongoLeases(mongo), MongoEvents(mongo)
        slot = None if folder is None else take_slot(folder)
        self.journal = None if slot is None else Journal(slot, "d" * 32, start)
        more.setdefault("leasing", Leasing(patience=20.0))  # a slow database is none that is away
        self.ledger = Ledger(self.leases, self.events, start, journal=self.journal, time_zone="Asia/Shanghai", **more)
        self.ledger.start()

    async def spend(self, caller: Caller, bound: int, cost: int, request_id: str = "r") -> None:
        """One call, and all of it in the database."""
        async with self.ledger.holding(caller, offers(bound)) as hold:
            hold.charge(cost, finished(request_id))
        assert await self.ledger.rest()

    async def die(self) -> None:
        """As after a kill: nothing is flushed or given back, the journal is nobody's."""
        ledger, journal = self.ledger, self.journal
        for task in (ledger._flusher._task, ledger._keeper._task):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        ledger._flusher._task = ledger._keeper._task = None
        if journal is not None:
            for segment in (journal._current, *journal._full.values(), *journal._spare):
                if segment is not None:
                    segment.close()
            journal._slot.release()

    async def replay(self) -> int:
        """What the next process does with what is left."""
        assert self.folder is not None
        slot = take_slot(self.folder)
        try:
            return await replay(self.folder, slot, "d" * 32, self.leases, self.events)
        finally:
            slot.release()
