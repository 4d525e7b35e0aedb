"""What the operators' pages cost among many accounts and calls: the same checks for a small size and for a full one.

The database's profiler says what each command has examined; no page may read more because there is more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from bson.int64 import Int64
from pymongo import WriteConcern

from tests.million.usage_load import percentile
from tests.portal.browser import PASSWORD, Visitor
from tests.running import Running
from tests.store.events import days_ago
from tornadogw.rebuild import Rebuild
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_pages import LOOK
from tornadogw.store.mongo_rebuild import MongoDayJobs

BATCH = 2000
DAYS = 30
MODELS, UPSTREAMS = 12, 5
FEW = 250
"""Documents and keys of a page that an index serves."""
MANY = 4 * LOOK
"""Of one whose filter none serves."""
_BOOKS = ("accounts", "audit", "batches", "codes", "decisions", "events", "keys", "links", "logins", "payments")
_COLLECTIONS = (*_BOOKS, "key_uses", "plans", "usage_day", "usage_runs", "usage_total", "wallets")


class Cost(NamedTuple):
    """What a page has cost."""

    documents: int
    keys: int
    ms: float


async def fill(gateway: Running, accounts: int, calls: int) -> None:
    """Accounts with a key and a line in the audit log each, and calls of thirty days, a few of them failed."""
    draw, mongo = random.Random(6), gateway.mongo
    pattern = await mongo.database["accounts"].find_one({"email": "user@example.com"}) or {}
    key = await mongo.database["keys"].find_one({}) or {}
    names = [f"{number:016x}" for number in range(accounts)]
    made = days_ago(DAYS)
    await _insert(
        mongo,
        "accounts",
        [
            {
                **pattern,
                "_id": name,
                "email": f"u{number:06}@example.com",
                "role": "reader" if number % 500 == 0 else "user",
                "status": "disabled" if number % 100 == 1 else "active",
            }
            for number, name in enumerate(names)
        ],
    )
    await _insert(
        mongo,
        "keys",
        [
            {**key, "_id": f"{number:012x}", "a": name, "h": f"{number:032x}".encode(), "name": f"label {number}"}
            for number, name in enumerate(names)
        ],
    )
    await _insert(
        mongo,
        "audit",
        [
            {
                "t": made + timedelta(minutes=number),
                "by": "registration",
                "act": "account.create",
                "a": name,
                "s": "",
                "b": {},
                "c": {},
            }
            for number, name in enumerate(names)
        ],
    )
    weights = [1 / (number + 6) for number in range(accounts)]
    owners = draw.choices(names, weights, k=calls)
    step = timedelta(days=DAYS - 1) / calls
    batch: list[dict[str, Any]] = []
    for number, owner in enumerate(owners):
        batch.append(_call(draw, number, owner, made + step * number))
        if len(batch) == BATCH:
            await _insert(mongo, "events", batch)
            batch = []
    await _insert(mongo, "events", batch)
    refused = [
        {**_call(draw, number, names[number % accounts], made + step * number), "cd": 4001, "st": "no_upstream"}
        for number in range(0, calls, 100)
    ]
    await _insert(mongo, "decisions", [{**each, "_id": f"d{each['_id']}"} for each in refused])
    await Rebuild(MongoDayJobs(mongo, "UTC"), "filled", every=0.0).once()


def _call(draw: random.Random, number: int, owner: str, when: Any) -> dict[str, Any]:
    return {
        "_id": f"filled{number:08x}",
        "r": f"{number:024x}",
        "a": owner,
        "k": f"key{owner[-3:]}",
        "t": when,
        "md": "chat",
        "q": "auto",
        "m": f"model-{draw.randrange(MODELS)}",
        "up": f"upstream-{draw.randrange(UPSTREAMS)}",
        "st": "whole" if number % 50 else "cut",
        "i": draw.randrange(5000),
        "o": draw.randrange(1000),
        "src": "reported",
        "c": Int64(draw.randrange(100_000)),
        "pc": Int64(draw.randrange(80_000)),
        "p": [270_000, 1_100_000, 70_000, None, None],
        "w": "prepaid",
        "d": f"{when:%Y%m%d}",
        "ms": 3000,
    }


async def _insert(mongo: Mongo, collection: str, documents: Sequence[dict[str, Any]]) -> None:
    fast = mongo.database[collection].with_options(write_concern=WriteConcern(w=1, j=False))
    if documents:
        await fast.insert_many(documents, ordered=False)


async def check_pages(gateway: Running, visitor: Visitor, repeats: int = 1) -> dict[str, Cost]:
    """Each page of the operators' console with its cost; the dearest of `repeats`, of times the median."""
    busiest, rare = f"{0:016x}", "model-that-nobody-asked"
    month_ago = int((time.time() - 15 * 86_400) * 1000)
    pages = {
        "/admin": 1000 + FEW,  # up to a thousand failures of a day are counted
        "/admin/users": FEW,
        "/admin/users?q=u0000": FEW,
        "/admin/users?after=u000100@example.com": FEW,
        "/admin/users?role=reader": FEW,
        "/admin/users?status=disabled": FEW,
        f"/admin/users/{busiest}": FEW,
        "/admin/plans": FEW,
        "/admin/codes": FEW,
        "/admin/invitations": FEW,
        "/admin/upstreams": FEW,
        "/admin/calls": FEW,
        f"/admin/calls?before={month_ago}": FEW,
        f"/admin/calls?account={busiest}": FEW,
        "/admin/calls?failed=1": MANY,
        f"/admin/calls?model={rare}": MANY,
        f"/admin/calls?account={busiest}&upstream=none": MANY,
        f"/admin/calls/{0:024x}": FEW,
        "/admin/usage": FEW,
        "/admin/usage?csv=model": FEW,
        "/admin/audit": FEW,
        f"/admin/audit?account={busiest}": FEW,
        "/admin/audit?act=account.&by=registration": MANY,
        "/admin/audit?by=nobody": MANY,
        "/console": FEW,
    }
    costs: dict[str, Cost] = {}
    await gateway.mongo.database.command({"profile": 2})
    try:
        for path, most in pages.items():
            seen = [await _cost(gateway, visitor, path) for _ in range(repeats)]
            documents, keys = max(each.documents for each in seen), max(each.keys for each in seen)
            costs[path] = Cost(documents, keys, percentile([each.ms for each in seen], 0.5))
            assert documents <= most, (path, costs[path])
            assert keys <= most, (path, costs[path])
        before = await _now(gateway)
        await visitor.send("/admin/keys", "find", sought_key="label 12")
        assert visitor.status == 200
        found = await _examined(gateway, before)
        costs["/admin/keys"] = Cost(*found, 0.0)
        assert max(found) <= FEW, found
    finally:
        await gateway.mongo.database.command({"profile": 0})
        await gateway.mongo.database.drop_collection("system.profile")
    return costs


async def _cost(gateway: Running, visitor: Visitor, path: str) -> Cost:
    before = await _now(gateway)
    begin = time.perf_counter()
    await visitor.get(path)
    took = (time.perf_counter() - begin) * 1000
    assert visitor.status == 200, (path, visitor.status)
    return Cost(*await _examined(gateway, before), took)


async def _now(gateway: Running) -> Any:
    hello = await gateway.mongo.client.admin.command("hello")
    return hello["localTime"]


async def _examined(gateway: Running, since: Any) -> tuple[int, int]:
    """Documents and keys that commands on the gateway's books have examined since then."""
    database = gateway.mongo.database
    names = [f"{database.name}.{each}" for each in _COLLECTIONS]
    lines = await database["system.profile"].find({"ts": {"$gte": since}, "ns": {"$in": names}}).to_list(None)
    return sum(each.get("docsExamined", 0) for each in lines), sum(each.get("keysExamined", 0) for each in lines)


async def reader(gateway: Running, visitor: Visitor) -> None:
    """The visitor sees the operators' console."""
    office = gateway.gateway.parts.office
    for name, role in (("user", "user"), ("boss", "operator")):
        await office.accounts.create(f"{name}@example.com", password=PASSWORD, role=role)
    await office.keys.create("user@example.com", label="first")
    await visitor.log_in("boss@example.com")
    assert visitor.path == "/console"
