"""A small database in which everything adds up, as the ledger leaves it in the middle of its work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bson.int64 import Int64

from tests.store.events import day_name, days_ago, stored
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_rebuild import MongoDayJobs

START = "0011223344556677"
OPEN, CLOSED, OF_DAY, TOTAL, DAILY, FORGOTTEN = (f"{START}{number:06x}" for number in range(6))
TODAY, OLD = day_name(0), day_name(5)


def lease(
    granted: int, settled: int, *, closed: bool = False, over: float = -30.0, start: str = START
) -> dict[str, Any]:
    now = datetime.now(UTC)
    document: dict[str, Any] = {
        "g": Int64(granted),
        "s": Int64(settled),
        "exp": now - timedelta(seconds=over),
        "p": start,
    }
    return {**document, "closed": now} if closed else document


def wallet(place: str, kind: str, credited: int, balance: int, spent: int, **leases: Any) -> dict[str, Any]:
    amounts = {"credited": Int64(credited), "balance": Int64(balance), "spent": Int64(spent)}
    return {"_id": place, "kind": kind, "a": "ann", **amounts, "leases": leases}


def account(place: str, credited: int, balance: int, spent: int, **leases: Any) -> dict[str, Any]:
    document = wallet(place, "", credited, balance, spent, **leases)
    del document["kind"], document["a"]
    about = {"email": f"{place}@example.com", "pw": None, "status": "active", "role": "user", "lang": None}
    return {**document, **about, "t": days_ago(20), "holds": {}}


async def healthy(mongo: Mongo) -> None:
    """Account `ann` with money, a plan, a key with budgets, and a closed day; account `bob` with nothing."""
    database = mongo.database
    await database["starts"].insert_one({"_id": START, "host": "h", "pid": 1, "began": "1", "beat": datetime.now(UTC)})
    now = days_ago(0)
    await database["events"].insert_many(
        [
            stored(now, 30, lease=OPEN),
            stored(now, 5, lease=OPEN),  # not settled yet
            stored(now, 40, lease=CLOSED),
            stored(now, 25, lease=FORGOTTEN),
            stored(days_ago(5), 10, lease=FORGOTTEN),
            stored(now, 20, lease=OF_DAY, w="day", b=[TOTAL, DAILY]),
            stored(now, 0, lease=f"{START}ffffff", w=None),
        ]
    )
    await database["accounts"].insert_many(
        [
            account("ann", 1000, 825, 105, **{OPEN: lease(100, 30), CLOSED: lease(40, 40, closed=True)}),
            account("bob", 0, 0, 0),
        ]
    )
    await database["wallets"].insert_many(
        [
            wallet(f"ann:{TODAY}", "day", 500, 450, 20, **{OF_DAY: lease(50, 20)}),
            wallet("k:key", "total", 900, 880, 20, **{TOTAL: lease(20, 20, closed=True)}),
            wallet(f"k:key:{TODAY}", "daily", 90, 60, 15, **{DAILY: lease(30, 15)}),
        ]
    )
    await database["payments"].insert_many(
        [{"_id": f"p{amount}", "a": "ann", "amount": Int64(amount), "t": now, "by": "t"} for amount in (600, 400)]
    )
    jobs = MongoDayJobs(mongo, "UTC")
    await jobs.rebuild(OLD, OLD)
    await jobs.done(OLD)
