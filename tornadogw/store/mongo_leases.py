"""Leases in MongoDB: `leases.<lid>` inside accounts and wallets, changed by one update each.

wallets  `_id`, `kind` (`day`, `daily`, `total`), `a` account, `credited`, `balance`, `spent`, `leases`, `e` (date: TTL)
leases   `g` granted, `s` settled (only ever raised), `n` number of its owner's last operation, `t` (date on which it
         began), `exp` (date), `p` start id, `closed` (date; then `g` is `s`)
`le` is the earliest end of an open lease, `lc` the earliest date of a closed one; absent: there is none. They are what
makes overdue leases findable. `credited == balance + spent + sum(g - s)` holds in every version of every document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, money, seconds
from tornadogw.store.ports_money import Late, Overdue, Part, Standing, Wallet, WalletKind, Wish

__all__ = ["ACCOUNT_INDEXES", "INDEXES", "KEPT_DAYS", "MongoLeases", "collection_of", "lease_sum"]

KEPT_DAYS = 40
"""Days for which a day's wallet is kept after its day."""
_DAY = 86400.0
_COLLECTIONS: Mapping[WalletKind, str] = {
    "prepaid": "accounts",
    "day": "wallets",
    "daily": "wallets",
    "total": "wallets",
}
_LEASED = (IndexModel([("le", ASCENDING)], sparse=True), IndexModel([("lc", ASCENDING)], sparse=True))
INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "wallets": (*_LEASED, IndexModel([("a", ASCENDING)]), IndexModel([("e", ASCENDING)], expireAfterSeconds=0)),
}
ACCOUNT_INDEXES = _LEASED
"""Those of the same fields in `accounts`."""
_KEPT = 30_000
"""Milliseconds that a lease lasts from when its events begin to be stored by somebody else."""
_NOTHING = money(0)
Expression = Mapping[str, Any] | str | int
Stage = dict[str, Any]


def collection_of(kind: WalletKind) -> str:
    """The collection that keeps wallets of this kind."""
    return _COLLECTIONS[kind]


def lease_sum(part: Part) -> Sequence[Mapping[str, Any]]:
    """Stages over `events` that sum the costs of one lease as `c`."""
    if part.kind in ("prepaid", "day"):
        theirs: Mapping[str, Any] = {"_id": {"$gte": part.lease, "$lt": f"{part.lease}g"}}
    else:
        theirs = {"b": part.lease}
    return [{"$match": theirs}, {"$group": {"_id": None, "c": {"$sum": "$c"}}}]


class MongoLeases:
    """A `LeaseStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._database = mongo.database

    async def lease(self, wallet: Wallet, start_id: str, wish: Wish) -> Standing:
        stages = [
            *_filled(wallet),
            *_settled(wish.lease, wish.settled, opening=wish.opening),
            _in_order(wish.number),
            *_granted(wish),
            *_written(wish.lease, _after(wish, start_id)),
        ]
        shown = {f"leases.{wish.lease}": 1, "balance": 1, "status": 1}
        document = await self._update(wallet, stages, shown, upsert=wallet.limit is not None and wish.opening)
        if document is None:
            return Standing(None, active=wallet.kind != "prepaid")
        found = document.get("leases", {}).get(wish.lease)
        granted = None if found is None or "closed" in found else int(found["g"])
        return Standing(granted, int(document["balance"]), document.get("status", "active") == "active")

    async def _update(
        self, wallet: Wallet, stages: list[Stage], shown: Mapping[str, int], *, upsert: bool
    ) -> Mapping[str, Any] | None:
        collection = self._database[_COLLECTIONS[wallet.kind]]
        options: dict[str, Any] = {"projection": shown, "upsert": upsert, "return_document": ReturnDocument.AFTER}
        with driver_errors():
            try:
                return await collection.find_one_and_update({"_id": wallet.id}, stages, **options)
            except DuplicateKeyError:  # another process made it at this moment
                return await collection.find_one_and_update({"_id": wallet.id}, stages, **options)

    async def overdue(self, grace: float) -> Sequence[Overdue]:
        border = {"$subtract": ["$$NOW", round(grace * 1000)]}
        is_over = {"$and": [{"$eq": [{"$type": "$$this.v.closed"}, "missing"]}, {"$lt": ["$$this.v.exp", border]}]}
        over = {"$filter": {"input": {"$objectToArray": "$leases"}, "cond": is_over}}
        found = []
        for kind, name in (("prepaid", "accounts"), (None, "wallets")):
            stages: list[Mapping[str, Any]] = [
                {"$match": {"le": {"$exists": True}, "$expr": {"$lt": ["$le", border]}}},
                {"$project": {"kind": {"$ifNull": ["$kind", kind]}, "a": {"$ifNull": ["$a", "$_id"]}, "over": over}},
            ]
            with driver_errors():
                documents = await self._database[name].aggregate(stages).to_list(None)
            found += [
                Overdue(_wallet(each), lease["k"], seconds(lease["v"]["exp"]))
                for each in documents
                for lease in each["over"]
            ]
        return found

    async def charged(self, part: Part) -> int:
        with driver_errors():
            sums = await self._database["events"].aggregate(list(lease_sum(part))).to_list(1)
        return int(sums[0]["c"]) if sums else 0

    async def reclaim(self, found: Overdue, settled: int) -> bool:
        place = f"leases.{found.lease}"
        still = {"_id": found.wallet.id, f"{place}.exp": moment(found.end), f"{place}.closed": {"$exists": False}}
        return await self._close(found.wallet.kind, still, found.lease, settled)

    async def keep(self, part: Part) -> bool:
        place = f"leases.{part.lease}"
        closed = {"$cond": [{"$eq": [{"$type": f"${place}.closed"}, "missing"]}, "$$REMOVE", "$$NOW"]}
        kept = {"$mergeObjects": [f"${place}", {"exp": {"$add": ["$$NOW", _KEPT]}, "closed": closed}]}
        which = {"_id": part.wallet_id, place: {"$exists": True}}
        with driver_errors():
            done = await self._database[_COLLECTIONS[part.kind]].update_one(which, _written(part.lease, kept))
        return bool(done.matched_count)

    async def close(self, part: Part, settled: int) -> bool:
        there = {"_id": part.wallet_id, f"leases.{part.lease}": {"$exists": True}}
        return await self._close(part.kind, there, part.lease, settled)

    async def _close(self, kind: WalletKind, which: Mapping[str, Any], lease: str, settled: int) -> bool:
        rest = {"$subtract": ["$_x.g", "$_x.s"]}
        back: Stage = {"$set": {"balance": {"$add": ["$balance", rest]}}}
        stages = [*_settled(lease, settled, opening=False), back, *_written(lease, _CLOSED)]
        with driver_errors():
            done = await self._database[_COLLECTIONS[kind]].update_one(which, stages)
        return bool(done.matched_count)

    async def late(self, kept: float) -> Sequence[Late]:
        border = {"$subtract": ["$$NOW", round(kept * 1000)]}
        over = {"$filter": {"input": {"$objectToArray": "$leases"}, "cond": {"$gt": ["$$this.v.closed", None]}}}
        aged = {"$map": {"input": over, "in": {"k": "$$this.k", "s": "$$this.v.s", "o": {"$lt": [_CLOSED_AT, border]}}}}
        found = []
        for kind, name in (("prepaid", "accounts"), (None, "wallets")):
            stages: list[Mapping[str, Any]] = [
                {"$match": {"lc": {"$exists": True}}},
                {"$project": {"kind": {"$ifNull": ["$kind", kind]}, "a": {"$ifNull": ["$a", "$_id"]}, "late": aged}},
            ]
            with driver_errors():
                documents = await self._database[name].aggregate(stages).to_list(None)
            found += [
                Late(_wallet(each), lease["k"], int(lease["s"]), lease["o"])
                for each in documents
                for lease in each["late"]
            ]
        return found

    async def forget(self, late: Late) -> None:
        place = f"leases.{late.lease}"
        which = {"_id": late.wallet.id, f"{place}.closed": {"$exists": True}, f"{place}.s": money(late.settled)}
        with driver_errors():
            await self._database[_COLLECTIONS[late.wallet.kind]].update_one(which, _written(late.lease, "$$REMOVE"))


_CLOSED_AT = "$$this.v.closed"
_CLOSED: Expression = {
    "$mergeObjects": [
        "$_x.lease",
        {"g": "$_x.s", "s": "$_x.s", "closed": {"$ifNull": ["$_x.lease.closed", "$$NOW"]}},
    ]
}
"""The lease as it stays when it is over: nothing is granted beyond what is settled."""


def _wallet(document: Mapping[str, Any]) -> Wallet:
    return Wallet(document["kind"], document["_id"], document["a"])


def _filled(wallet: Wallet) -> list[Stage]:
    """A wallet with a limit is made full, and follows its limit."""
    if wallet.limit is None:
        return [{"$set": {"leases": {"$ifNull": ["$leases", {}]}}}]
    limit = money(wallet.limit)
    more = {"$subtract": [limit, {"$ifNull": ["$credited", _NOTHING]}]}
    fields: Stage = {
        "kind": wallet.kind,
        "a": wallet.account_id,
        "balance": {"$add": [{"$ifNull": ["$balance", _NOTHING]}, more]},
        "spent": {"$ifNull": ["$spent", _NOTHING]},
        "leases": {"$ifNull": ["$leases", {}]},
    }
    if wallet.ends is not None:
        fields["e"] = moment(wallet.ends + KEPT_DAYS * _DAY)
    return [{"$set": fields}, {"$set": {"credited": limit}}]


def _settled(lease: str, settled: int, *, opening: bool) -> list[Stage]:
    """Raise what is settled, and take what was granted too little for it from the balance.

    Afterwards `_x` has the lease as it was, whether it is there (or may be opened) and open, `g` and `s`.
    """
    there: Expression = {"$ne": [{"$type": f"$leases.{lease}"}, "missing"]}
    s: Expression = {"$max": [{"$ifNull": ["$_x.lease.s", _NOTHING]}, money(settled)]}
    g: Expression = {"$max": [{"$ifNull": ["$_x.lease.g", _NOTHING]}, "$_x.s"]}
    was = {"g": {"$ifNull": ["$_x.lease.g", _NOTHING]}, "s": {"$ifNull": ["$_x.lease.s", _NOTHING]}}
    return [
        {
            "$set": {
                "_x": {
                    "lease": {"$ifNull": [f"$leases.{lease}", {}]},
                    "there": True if opening else there,
                }
            }
        },
        {"$set": {"_x.open": {"$eq": [{"$type": "$_x.lease.closed"}, "missing"]}, "_x.s": _if_there(s, was["s"])}},
        {"$set": {"_x.g": _if_there(g, was["g"])}},
        {
            "$set": {
                "spent": {"$add": ["$spent", {"$subtract": ["$_x.s", was["s"]]}]},
                "balance": {"$subtract": ["$balance", {"$subtract": ["$_x.g", was["g"]]}]},
            }
        },
    ]


def _in_order(number: int) -> Stage:
    """`_x.now` is whether no later operation of the owner was done before: a frozen server does what nobody awaits."""
    return {"$set": {"_x.now": {"$lte": [{"$ifNull": ["$_x.lease.n", 0]}, number]}}}


def _granted(wish: Wish) -> list[Stage]:
    """Grant and give back; `_x.g` and the balance follow. A closed lease gets nothing."""
    usable = {"$and": ["$_x.there", "$_x.open", "$_x.now", {"$in": [{"$ifNull": ["$status", "active"]}, ["active"]]}]}
    more: Expression = {"$min": [money(wish.want), {"$floor": {"$divide": ["$balance", wish.share]}}]}
    more = {"$toLong": {"$max": [more, _NOTHING]}}
    if wish.needs:
        covered = [{"case": {"$gte": ["$balance", money(each)]}, "then": money(each)} for each in wish.needs]
        needed: Expression = {"$switch": {"branches": covered, "default": _NOTHING}}
        amount: Expression = {"$cond": [{"$gt": ["$_x.needed", _NOTHING]}, {"$max": ["$_x.needed", more]}, _NOTHING]}
    else:
        needed, amount = _NOTHING, more
    stages: list[Stage] = [
        {"$set": {"_x.needed": needed}},
        {"$set": {"_x.t": {"$cond": [usable, amount, _NOTHING]}}},
    ]
    back: Expression = _NOTHING
    if wish.keep is not None:
        beyond = {"$subtract": [{"$add": ["$_x.g", "$_x.t"]}, {"$add": ["$_x.s", money(wish.keep)]}]}
        back = {"$cond": [{"$and": ["$_x.open", "$_x.now"]}, {"$max": [beyond, _NOTHING]}, _NOTHING]}
    stages += [
        {"$set": {"_x.t": {"$subtract": ["$_x.t", back]}}},
        {"$set": {"_x.g": {"$add": ["$_x.g", "$_x.t"]}, "balance": {"$subtract": ["$balance", "$_x.t"]}}},
    ]
    return stages


def _after(wish: Wish, start_id: str) -> Expression:
    """What becomes of the lease: nothing that was never granted is written."""
    end = {"$add": ["$$NOW", round(wish.seconds * 1000)]}
    begun = {"$ifNull": ["$_x.lease.t", "$$NOW"]}
    lease = {"g": "$_x.g", "s": "$_x.s", "n": wish.number, "exp": end, "p": start_id, "t": begun}
    if wish.ending:
        alive: Expression = "$$REMOVE"
    else:
        worth = {"$or": [{"$gt": ["$_x.g", _NOTHING]}, {"$ne": ["$_x.lease", {}]}]}
        alive = {"$cond": [worth, lease, "$$REMOVE"]}
    closed = {"$mergeObjects": ["$_x.lease", {"g": "$_x.s", "s": "$_x.s"}]}
    late = {"$mergeObjects": ["$_x.lease", {"g": "$_x.g", "s": "$_x.s"}]}
    branches = [
        {"case": {"$not": ["$_x.there"]}, "then": "$$REMOVE"},
        {"case": {"$not": ["$_x.open"]}, "then": closed},
        {"case": {"$not": ["$_x.now"]}, "then": late},
    ]
    return {"$switch": {"branches": branches, "default": alive}}


def _written(lease: str, value: Expression) -> list[Stage]:
    """The lease, and what is known of all of them."""
    every = {"$objectToArray": "$leases"}
    is_open = {"$eq": [{"$type": "$$this.v.closed"}, "missing"]}
    ends = {"$map": {"input": every, "in": {"$cond": [is_open, "$$this.v.exp", None]}}}
    closed = {"$map": {"input": every, "in": _CLOSED_AT}}
    return [
        {"$set": {f"leases.{lease}": value}},
        {
            "$set": {
                "le": {"$ifNull": [{"$min": ends}, "$$REMOVE"]},
                "lc": {"$ifNull": [{"$min": closed}, "$$REMOVE"]},
            }
        },
        {"$unset": "_x"},
    ]


def _if_there(then: Expression, otherwise: Expression) -> Expression:
    return {"$cond": ["$_x.there", then, otherwise]}
