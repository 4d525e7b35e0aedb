"""What anybody reads of a wallet is right up to the last stored event, whatever its leases lag."""

from __future__ import annotations

from tests.store.money import finished, new_caller
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.mongo_figures import Figures, read_figures
from tornadogw.store.mongo_leases import MongoLeases
from tornadogw.store.ports_money import Entry, Part, Wallet, Wish

L1 = "5747000000000001" + "000001"


async def read(mongo: Mongo, account_id: str) -> Figures:
    [(_, figures)] = await read_figures(mongo, "accounts", {"_id": account_id})
    return figures


async def test_events_count_before_they_are_settled(mongo: Mongo) -> None:
    caller = await new_caller(mongo, 100)
    wallet = Wallet("prepaid", caller.account_id, caller.account_id)
    assert await read(mongo, caller.account_id) == Figures(100, 100, 0, 0)
    await MongoLeases(mongo).lease(wallet, "5747", Wish(L1, needs=(60,), opening=True))
    assert await read(mongo, caller.account_id) == Figures(100, 40, 60, 0)
    part = (Part("prepaid", caller.account_id, L1),)
    events, leases = MongoEvents(mongo), MongoLeases(mongo)
    await events.insert([Entry(f"{L1}00000001", finished("r", 25, account_id=caller.account_id), part)])
    assert await read(mongo, caller.account_id) == Figures(100, 40, 35, 25)
    await leases.lease(wallet, "5747", Wish(L1, settled=25))
    assert await read(mongo, caller.account_id) == Figures(100, 40, 35, 25)
    await events.insert([Entry(f"{L1}00000002", finished("r", 50, account_id=caller.account_id), part)])
    assert await read(mongo, caller.account_id) == Figures(100, 25, 0, 75)
    await leases.lease(wallet, "5747", Wish(L1, settled=75, keep=0, ending=True))
    assert await read(mongo, caller.account_id) == Figures(100, 25, 0, 75)


async def test_nobody_has_no_figures(mongo: Mongo) -> None:
    assert await read_figures(mongo, "accounts", {"_id": "nobody"}) == []


async def test_holds_of_the_first_version_are_held(mongo: Mongo) -> None:
    caller = await new_caller(mongo, 100)
    old = {"$set": {"holds": {"h": {"a": 30, "s": "x"}}, "balance": 70}, "$unset": {"leases": ""}}
    await mongo.database["accounts"].update_one({"_id": caller.account_id}, old)
    assert await read(mongo, caller.account_id) == Figures(100, 70, 30, 0)
