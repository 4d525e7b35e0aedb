"""How long events and days are kept in MongoDB, and from when on all events are there.

meta  `retention`: `events`, `days` seconds for which both are kept, `from` the moment before which events may be gone
A setting that is raised brings nothing back: what was removed under the old one stays unknown, and `from` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import driver_errors

__all__ = ["complete_from", "complete_since", "days_from", "keep"]

_DAY = 86400
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NOTE = "retention"


def _expiring(field: str, days: int) -> Sequence[IndexModel]:
    return (IndexModel([(field, ASCENDING)], expireAfterSeconds=days * _DAY),)


async def keep(mongo: Mongo, *, events: int, days: int) -> None:
    """Keep events and usage days for so many days from now on. Raises StoreUnavailable.

    Notes first how far back events reach, so that whoever counts knows it, whatever becomes of the setting.
    """
    floor: Mapping[str, Any] = {"$max": [{"$ifNull": ["$from", _LONG_AGO]}, _border("$events")]}
    with driver_errors():
        await mongo.database["meta"].update_one(
            {"_id": _NOTE},
            [{"$set": {"from": floor}}, {"$set": {"events": events * _DAY, "days": days * _DAY}}],
            upsert=True,
        )
    await mongo.ensure_indexes(
        {
            "events": _expiring("t", events),
            **{each: _expiring("d", days) for each in ("usage_day", "usage_runs", "usage_total")},
        }
    )


def _border(seconds: Any) -> Mapping[str, Any]:
    """The moment so many seconds ago; long ago if nothing was ever removed."""
    ago = {"$subtract": ["$$NOW", {"$multiply": [seconds, 1000]}]}
    return {"$cond": [{"$gt": [seconds, 0]}, ago, _LONG_AGO]}


def complete_since(note: Mapping[str, Any] | None, now: datetime) -> datetime:
    """From when on all events are there, as the note in `meta` has it."""
    if note is None:
        return _LONG_AGO
    floor: datetime = note["from"]
    return max(floor, now - timedelta(seconds=note["events"]))


async def complete_from(mongo: Mongo, now: datetime) -> datetime:
    """From when on all events are there. Raises StoreUnavailable."""
    with driver_errors():
        return complete_since(await mongo.database["meta"].find_one({"_id": _NOTE}), now)


async def days_from(mongo: Mongo, now: datetime) -> datetime:
    """From when on days are kept. Raises StoreUnavailable."""
    with driver_errors():
        note = await mongo.database["meta"].find_one({"_id": _NOTE})
    return _LONG_AGO if note is None else now - timedelta(seconds=note["days"])
