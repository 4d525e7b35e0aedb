"""Finished calls in MongoDB, one event each; fields are short because there are many.

events  `_id` lease and counter (docs/decisions/0008-money-is-leased.md; request id in those of the first version),
        `r` request id, `w` wallet, `b` leases of budgets, `f` factor, `d` local day, `a` account, `k` key, `t` start,
        `md` mode, `q` model asked, `m` model that answered, `sh` model shown, `up` upstream, `sse` streamed,
        `st` finish, `cd` code, `i` prompt, `o` completion, `ic` cached, `iw` cache write, `og` reasoning tokens,
        `src` their source, `c` cost (Int64), `p` price [input, output, cached, cache write, reasoning], `at` attempts
        [[upstream, model, outcome, reason, ms, began, calls, cost if any]], `dr` dropped, `be` broken
        events, `ttft` first event ms, `ms`, `pc` what the operator pays (Int64)
Fields that say nothing are left out. What a client or an upstream words is cut, so that an event always fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pymongo import ASCENDING, DESCENDING, IndexModel

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, money, plain, seconds
from tornadogw.store.ports import MAX_AMOUNT
from tornadogw.types import Attempt, Price, Record, Usage

__all__ = ["INDEXES", "TEXT", "MongoUsage", "event", "least_event", "record"]

MILLION = 1_000_000
TEXT = 200
"""Characters of a text that others word."""
ATTEMPTS = 16
DROPPED, DROPPED_TEXT = 64, 64
"""Names of dropped fields, and characters of each."""

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "events": (
        IndexModel([("a", ASCENDING), ("t", DESCENDING)]),
        IndexModel([("r", ASCENDING), ("a", ASCENDING), ("t", DESCENDING)]),
        IndexModel([("b", ASCENDING)], sparse=True),
    ),
}


def event(call: Record, event_id: str) -> dict[str, Any]:
    """The document of a finished call."""
    usage, price = call.usage, call.price
    optional = {
        "m": call.model[:TEXT],
        "sh": call.shown[:TEXT],
        "up": call.upstream[:TEXT],
        "sse": call.stream,
        "st": call.finish,
        "cd": call.code,
        "ic": usage.cached,
        "iw": usage.cache_write,
        "og": usage.reasoning,
        "at": [_attempt(each) for each in call.attempts[:ATTEMPTS]],
        "dr": [name[:DROPPED_TEXT] for name in call.dropped[:DROPPED]],
        "be": call.broken_events,
        "ms": call.ms,
        "w": call.wallet,
        "d": call.day,
    }
    document: dict[str, Any] = {
        "_id": event_id,
        "r": call.id,
        "a": call.account_id,
        "k": call.key_id,
        "t": moment(call.started),
        "md": call.mode,
        "q": call.asked[:TEXT],
        "i": usage.prompt,
        "o": usage.completion,
        "src": call.source,
        "c": money(call.cost),
        "p": [price.input, price.output, price.cached_input, price.cache_write, price.reasoning],
    }
    document |= {name: value for name, value in optional.items() if value}
    if call.first_event_ms is not None:
        document["ttft"] = call.first_event_ms
    if call.factor != MILLION:
        document["f"] = call.factor
    if call.paid is not None:
        document["pc"] = money(call.paid)
    return document


def _attempt(each: Attempt) -> list[Any]:
    told = [each.upstream[:TEXT], each.model[:TEXT], each.outcome, each.reason[:TEXT], each.ms, each.began, each.calls]
    return [*told, money(each.cost)] if each.cost else told


def least_event(call: Record, event_id: str) -> dict[str, Any]:
    """The document of a call whose whole record cannot be stored: who, when, how much; none of it worded by others."""
    usage = Usage(*(min(count, MAX_AMOUNT) for count in msgspec.structs.astuple(call.usage)))
    least = Record(
        id=call.id,
        account_id=call.account_id,
        key_id=call.key_id,
        mode=call.mode,
        asked="",
        usage=usage,
        source=call.source,
        cost=call.cost,
        started=call.started,
        wallet=call.wallet,
        factor=call.factor,
        day=call.day,
        paid=call.paid,
    )
    return event(least, event_id)


def record(document: Mapping[str, Any]) -> Record:
    """The finished call of a document."""
    get = document.get
    usage = Usage(document["i"], document["o"], get("ic", 0), get("iw", 0), get("og", 0))
    return Record(
        id=get("r") or document["_id"].partition("~")[0],
        account_id=document["a"],
        key_id=document["k"],
        mode=document["md"],
        asked=document["q"],
        model=get("m", ""),
        shown=get("sh", ""),
        upstream=get("up", ""),
        stream=get("sse", False),
        finish=get("st", ""),
        code=get("cd", 0),
        usage=usage,
        source=document["src"],
        cost=int(document["c"]),
        price=Price(*plain(document["p"])),
        attempts=tuple(Attempt(*plain(each)) for each in get("at", ())),
        dropped=tuple(get("dr", ())),
        broken_events=get("be", 0),
        started=seconds(document["t"]),
        first_event_ms=get("ttft"),
        ms=get("ms", 0),
        wallet=get("w", ""),
        factor=get("f", MILLION),
        day=get("d", ""),
        paid=None if get("pc") is None else int(document["pc"]),
    )


class MongoUsage:
    """A `UsageStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._events = mongo.database["events"]

    async def record(self, account_id: str, request_id: str) -> Record | None:
        again = {"$gte": f"{request_id}~", "$lt": f"{request_id}~~"}
        query = {"a": account_id, "$or": [{"r": request_id}, {"_id": request_id}, {"_id": again}]}
        with driver_errors():
            documents = await self._events.find(query).sort("t", DESCENDING).limit(1).to_list(1)
        return record(documents[0]) if documents else None
