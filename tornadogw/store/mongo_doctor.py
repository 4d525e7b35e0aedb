"""Everything that an account's figures rest on, read from MongoDB in one snapshot, and leases put right.

The documents: `mongo_accounts`, `mongo_leases`, `mongo_usage`, `mongo_days`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import pymongo
from pymongo.errors import OperationFailure

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_days import EARLIEST, began, counted, day_expression, name_of, usage_day
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_leases import MongoLeases
from tornadogw.store.mongo_retention import complete_from, days_from
from tornadogw.store.mongo_totals import total, totalled
from tornadogw.store.mongo_values import money, seconds
from tornadogw.store.ports import PAYMENT_REF
from tornadogw.store.ports_doctor import (
    AccountFacts,
    Budgeted,
    LeaseFacts,
    Stray,
    TotalFacts,
    Trade,
    Twice,
    WalletFacts,
)
from tornadogw.store.ports_money import Overdue, Part, Wallet
from tornadogw.store.ports_usage import Total

__all__ = ["MongoDoctor"]

T = TypeVar("T")
Documents = Sequence[Mapping[str, Any]]

SECONDS = 600.0
"""How long one account may take."""
_SNAPSHOT_FAILED = {239, 246}
"""SnapshotTooOld, SnapshotUnavailable: an index was just made, or reading took minutes."""
_TRIES = 5
SILENCE = timedelta(minutes=5)
"""After so long without a heartbeat a start is gone."""
_BEFORE = timedelta(hours=1)
"""What a call may have begun before the lease that pays for it."""
_LID = 22
"""Characters of a lease's id, at the beginning of its events' ids."""
_NOTHING = money(0)
_LEASED = ("prepaid", "day")
"""Kinds of wallets whose leases name events; those of budgets are named by events."""


class MongoDoctor:
    """A `DoctorStore`."""

    def __init__(self, mongo: Mongo, zone: str) -> None:
        """`zone`: the IANA name for events that do not say their day."""
        self._mongo, self._database, self._zone = mongo, mongo.database, zone

    async def accounts(self) -> Sequence[str]:
        with driver_errors():
            return [each["_id"] for each in await self._database["accounts"].find({}, {"_id": 1}).to_list(None)]

    async def account(self, account_id: str) -> AccountFacts | None:
        return await self._in_snapshot(lambda session: self._facts(account_id, session))

    async def _in_snapshot(self, work: Callable[[Session], Awaitable[T]]) -> T:
        await self._mongo.ping()  # what may take minutes would wait as long for a database that is away
        for tries_left in reversed(range(_TRIES)):
            with driver_errors(), pymongo.timeout(SECONDS):
                session = await self._mongo.client.start_session(snapshot=True)
                try:
                    return await work(session)
                except OperationFailure as error:
                    if error.code not in _SNAPSHOT_FAILED or not tries_left:
                        raise
                finally:
                    await session.end_session()
            await asyncio.sleep(0.2)
        raise AssertionError

    # --- one account -----------------------------------------------------------------------------------------------

    async def _facts(self, account_id: str, session: Session) -> AccountFacts | None:
        now: datetime = (await self._mongo.client.admin.command("hello"))["localTime"].replace(tzinfo=UTC)
        events_from, kept_from = await complete_from(self._mongo, now), await days_from(self._mongo, now)
        account = await self._database["accounts"].find_one({"_id": account_id}, session=session)
        if account is None:
            return None
        theirs = {"a": account_id}
        wallets = [account, *await self._database["wallets"].find(theirs, session=session).to_list(None)]
        paid = await self._read("payments", [{"$match": theirs}, _sum("amount")], session)
        counts = await self._read("events", counted(theirs, None, self._zone), session)
        stored = await self._database["usage_day"].find(theirs, session=session).to_list(None)
        closed = await self._database["usage_runs"].find({"done": {"$exists": True}}, session=session).to_list(None)
        sums, starts = await self._sums(wallets, session), await self._starts(session, now)
        return AccountFacts(
            id=account_id,
            wallets=tuple(_wallet(each, sums, starts, _Times(now, events_from, account["t"])) for each in wallets),
            paid=int(paid[0]["s"]) if paid else 0,
            born=name_of(account["t"] - timedelta(hours=12)),
            counted=_days(counts),
            stored=_days(stored),
            unsure=frozenset(name_of(each["d"]) for each in stored if "x" in each),
            closed=frozenset(each["_id"] for each in closed),
            events_from=_first_whole(events_from - EARLIEST),
            days_from=_first_whole(kept_from),
            twice=await self._twice(theirs, session),
            budgeted=await self._budgeted(theirs, session),
        )

    async def _read(self, collection: str, stages: Sequence[Mapping[str, Any]], session: Session) -> Documents:
        found = self._database[collection].aggregate(stages, session=session, allowDiskUse=True)
        documents: Documents = await found.to_list(None)
        return documents

    async def _starts(self, session: Session, now: datetime) -> frozenset[str]:
        """Those that have said lately that they live."""
        living = {"beat": {"$gte": now - SILENCE}}
        return frozenset(each["_id"] for each in await self._find("starts", living, session))

    async def _sums(self, wallets: Documents, session: Session) -> Mapping[str, int]:
        """What the events of each lease cost."""
        named: list[str] = []
        naming: list[str] = []
        for wallet in wallets:
            (named if _kind(wallet) in _LEASED else naming).extend(wallet.get("leases", {}))
        ranges = [{"_id": {"$gte": lease, "$lt": f"{lease}g"}} for lease in named]
        found: list[Mapping[str, Any]] = []
        if ranges:
            lease = {"$substrBytes": ["$_id", 0, _LID]}
            found += await self._read("events", [{"$match": {"$or": ranges}}, _sum("c", lease)], session)
        if naming:
            counting = {"b": {"$in": naming}}
            found += await self._read(
                "events", [{"$match": counting}, {"$unwind": "$b"}, {"$match": counting}, _sum("c", "$b")], session
            )
        return {each["_id"]: int(each["s"]) for each in found}

    async def _twice(self, theirs: Mapping[str, Any], session: Session) -> tuple[Twice, ...]:
        """A request's id may be the client's own, so two calls may share it; but not the moment and what they used."""
        call = {name: f"${name}" for name in ("r", "k", "t", "m", "i", "o", "ms")}
        stages = [
            {"$match": {**theirs, "r": {"$exists": True}}},
            {"$group": {"_id": call, "ids": {"$push": "$_id"}, "least": {"$min": "$c"}, "s": {"$sum": "$c"}}},
            {"$match": {"ids.1": {"$exists": True}}},
        ]
        found = await self._read("events", stages, session)
        return tuple(Twice(tuple(sorted(each["ids"])), int(each["least"]), int(each["s"])) for each in found)

    async def _budgeted(self, theirs: Mapping[str, Any], session: Session) -> tuple[Budgeted, ...]:
        both = {"$cond": [{"$gt": [{"$size": "$b"}, 1]}, "$c", _NOTHING]}
        of_a_day = {"k": "$k", "d": day_expression(self._zone)}
        stages = [
            {"$match": {**theirs, "b": {"$exists": True}}},
            {"$group": {"_id": of_a_day, "any": {"$sum": "$c"}, "both": {"$sum": both}}},
        ]
        found = await self._read("events", stages, session)
        return tuple(
            Budgeted(each["_id"]["k"], each["_id"]["d"], int(each["any"]), int(each["both"])) for each in found
        )

    # --- nobody's --------------------------------------------------------------------------------------------------

    async def strays(self) -> Sequence[Stray]:
        """What is read before the accounts are belongs to one of them, or to none."""
        await self._mongo.ping()
        owners = {name: await self._owners(name) for name in ("events", "wallets", "payments", "keys")}
        known = set(await self.accounts())
        found = []
        for name, field in (("events", "c"), ("wallets", "spent"), ("payments", "amount"), ("keys", "none")):
            for account_id in sorted(owners[name] - known):
                stages = [{"$match": {"a": account_id}}, {**_sum(field)}]
                stages[1]["$group"]["n"] = {"$sum": 1}
                with driver_errors(), pymongo.timeout(SECONDS):
                    sums = await self._database[name].aggregate(stages).to_list(1)
                found += [Stray(name, account_id, int(each["n"]), int(each["s"])) for each in sums]
        return found

    async def _owners(self, collection: str) -> set[str]:
        """One index entry each."""
        stages: list[Mapping[str, Any]] = [{"$sort": {"a": 1}}, {"$group": {"_id": "$a"}}]
        with driver_errors(), pymongo.timeout(SECONDS):
            found = await self._database[collection].aggregate(stages, allowDiskUse=True).to_list(None)
        return {each["_id"] for each in found}

    async def trades(self) -> Sequence[Trade]:
        return await self._in_snapshot(self._trades)

    async def _trades(self, session: Session) -> list[Trade]:
        batches = {each["_id"]: each for each in await self._find("batches", {}, session)}
        refs = {"_id": {"$regex": "^(code|order)-"}}
        paid = {each["_id"]: each for each in await self._find("payments", refs, session)}
        due: dict[str, tuple[str, str, int]] = {}
        for code in await self._find("codes", {"a": {"$exists": True}}, session):
            if amount := batches.get(code["b"], {}).get("amount"):
                digest = code["_id"].hex()
                due[f"code-{digest}"] = f"codes/{digest}", code["a"], int(amount)
        for order in await self._find("orders", {}, session):
            ref, state = f"order-{order['_id']}", order["state"]
            amount = int(order["amount"]) if state == "credited" or (state == "refunded" and ref in paid) else 0
            due[ref] = f"orders/{order['_id']}", order["a"], amount
            if state == "refunded":
                due[f"{ref}-refund"] = f"orders/{order['_id']}", order["a"], -amount
        found = [_trade(*each, paid.get(ref, {})) for ref, each in due.items()]
        unclaimed = [each for ref, each in paid.items() if ref not in due and PAYMENT_REF.fullmatch(ref)]
        found += [Trade(f"payments/{each['_id']}", each["a"], 0, int(each["amount"])) for each in unclaimed]
        return [each for each in found if each.due != each.paid]

    async def totals(self) -> Sequence[TotalFacts]:
        return await self._in_snapshot(self._totals)

    async def _totals(self, session: Session) -> list[TotalFacts]:
        now: datetime = (await self._mongo.client.admin.command("hello"))["localTime"].replace(tzinfo=UTC)
        events_from, kept_from = await complete_from(self._mongo, now), await days_from(self._mongo, now)
        first = max(_first_whole(events_from - EARLIEST), _first_whole(kept_from))
        done = await self._find("usage_runs", {"_id": {"$gte": first, "$lt": "a"}, "done": {"$exists": True}}, session)
        stored = {each["_id"]: each for each in await self._find("usage_total", {"_id": {"$gte": first}}, session)}
        days = sorted(each["_id"] for each in done if "x" not in stored.get(each["_id"], {}))
        if not days:
            return []
        counts = await self._read("events", totalled({"t": began(days)}, days, self._zone), session)
        counted = {each["_id"]: total(each) for each in counts}
        known = {day: total(each) for day, each in stored.items()}
        return [TotalFacts(counted.get(day, Total(day)), known.get(day, Total(day))) for day in days]

    async def _find(self, collection: str, query: Mapping[str, Any], session: Session) -> Documents:
        documents: Documents = await self._database[collection].find(query, session=session).to_list(None)
        return documents

    # --- put right -------------------------------------------------------------------------------------------------

    async def settle(self, wallet: WalletFacts, lease: LeaseFacts) -> bool:
        leases, owner = MongoLeases(self._mongo), Wallet(wallet.kind, wallet.id, "")
        if lease.closed:
            return await leases.close(Part(wallet.kind, wallet.id, lease.id), lease.summed)
        if lease.over <= 0:
            return False
        return await leases.reclaim(Overdue(owner, lease.id, lease.end), lease.summed)


def _trade(document: str, account_id: str, due: int, payment: Mapping[str, Any]) -> Trade:
    """Somebody else's payment pays nothing."""
    theirs = payment.get("a") == account_id
    return Trade(document, account_id, due, int(payment["amount"]) if theirs else 0)


def _sum(field: str, by: Any = None) -> dict[str, Any]:
    return {"$group": {"_id": by, "s": {"$sum": f"${field}"}}}


def _days(documents: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    days = (usage_day(each) for each in documents)
    return {each.day: each for each in days}


def _first_whole(moment: datetime) -> str:
    """The first day that begins at this moment or later."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return name_of(day if day == moment else day + timedelta(days=1))


def _kind(wallet: Mapping[str, Any]) -> Any:
    return wallet.get("kind", "prepaid")


class _Times(NamedTuple):
    now: datetime
    events_from: datetime
    born: datetime
    """When the account was made: its leases are younger."""


def _wallet(
    document: Mapping[str, Any],
    sums: Mapping[str, int],
    starts: frozenset[str],
    times: _Times,
) -> WalletFacts:
    leases = document.get("leases", {})
    return WalletFacts(
        kind=_kind(document),
        id=document["_id"],
        credited=int(document["credited"]),
        balance=int(document["balance"]),
        spent=int(document["spent"]),
        held=sum(int(hold["a"]) for hold in document.get("holds", {}).values()),
        leases=tuple(
            LeaseFacts(
                id=lid,
                granted=int(lease["g"]),
                settled=int(lease["s"]),
                summed=sums.get(lid, 0),
                closed="closed" in lease,
                whole=lease.get("t", times.born) - _BEFORE >= times.events_from,
                end=seconds(lease["exp"]),
                over=(times.now - lease["exp"]).total_seconds(),
                owned=lease["p"] in starts,
            )
            for lid, lease in leases.items()
        ),
    )
