"""Pages of what lies in MongoDB by time, newest first, each from where the one before has ended.

The cursor is a moment: what came at the same millisecond stands on one page. Filters that no index serves are asked of
so many documents and no more; a page may then be short, and the next one goes on from where it has looked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import DESCENDING

from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import maybe_seconds, moment

__all__ = ["LOOK", "cut", "scan"]

Collection = AsyncIOMotorCollection[dict[str, Any]]
LOOK = 5000
"""Documents that are looked at for one page."""
_TICK = timedelta(milliseconds=1)


async def scan(
    collection: Collection,
    indexed: Mapping[str, Any],
    rest: Mapping[str, Any],
    *,
    since: float = 0.0,
    before: float | None = None,
    limit: int,
    look: int = LOOK,
) -> tuple[Sequence[dict[str, Any]], float | None]:
    """Documents with a `t` from `since` to before `before`, and before when the next ones are.

    `indexed`: what an index has in front of `t`; `rest`: what is asked of each document. Raises StoreUnavailable.
    """
    times: dict[str, Any] = {"$gte": moment(since)} | ({} if before is None else {"$lt": moment(before)})
    floor: datetime | None = None
    with driver_errors():
        if rest:
            named = {name: 1 for name in indexed if not name.startswith("$")}
            last = collection.find({**indexed, "t": times}, {"_id": 0, "t": 1, **named})
            border = await last.sort("t", DESCENDING).skip(look - 1).limit(1).to_list(1)
            if border:
                floor = border[0]["t"]
                times["$gte"] = floor
        wanted = {**indexed, "t": times, **rest}
        found = await collection.find(wanted).sort("t", DESCENDING).limit(limit + 1).to_list(None)
    return cut(found, limit, floor)


def cut(
    found: Sequence[dict[str, Any]], limit: int, floor: datetime | None
) -> tuple[Sequence[dict[str, Any]], float | None]:
    """At most `limit` of what was found down to `floor`, by `t`; before when the next ones are."""
    if len(found) <= limit:
        return found, maybe_seconds(floor)
    border: datetime = found[limit]["t"]
    whole = [each for each in found[:limit] if each["t"] > border]
    if whole:
        return whole, maybe_seconds(border + _TICK)
    return found[:limit], maybe_seconds(border)  # more of one millisecond than a page takes
