"""Calls of all accounts in MongoDB, newest first: what was charged is in `events`, what was not in `decisions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_decisions import WHOLE
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_pages import cut, scan
from tornadogw.store.mongo_totals import FINE
from tornadogw.store.mongo_usage import record
from tornadogw.store.mongo_values import moment
from tornadogw.store.ports_decisions import Calls
from tornadogw.types import Record

__all__ = ["MongoCalls"]


class MongoCalls:
    """A `CallStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._events, self._decisions = mongo.database["events"], mongo.database["decisions"]

    async def calls(self, wanted: Calls, limit: int) -> tuple[Sequence[Record], float | None]:
        theirs = {"a": wanted.account_id} if wanted.account_id else {}
        rest = _rest(wanted)
        ask = partial(scan, rest=rest, since=wanted.since, before=wanted.until, limit=limit)
        charged, next_charged = await ask(self._events, theirs)
        others, next_other = await ask(self._decisions, {**theirs, **WHOLE})
        floors = [moment(each) for each in (next_charged, next_other) if each is not None]
        floor = max(floors, default=None)
        both = sorted((*charged, *others), key=lambda each: each["t"], reverse=True)
        found, following = cut([each for each in both if floor is None or each["t"] >= floor], limit, floor)
        return [record(each) for each in found], following

    async def failures(self, since: float, most: int) -> int:
        with driver_errors():
            return await self._decisions.count_documents({"t": {"$gte": moment(since)}, **WHOLE}, limit=most)


def _rest(wanted: Calls) -> Mapping[str, Any]:
    """What no index knows."""
    named = {"k": wanted.key_id, "m": wanted.model, "up": wanted.upstream}
    rest: dict[str, Any] = {name: value for name, value in named.items() if value}
    if wanted.failed:
        rest["st"] = {"$not": {"$in": list(FINE)}}
    return rest
