"""How the core's plain values look in BSON: money as Int64, moments as dates, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson.int64 import Int64

__all__ = ["maybe_moment", "maybe_seconds", "moment", "money", "plain", "seconds"]


def money(amount: int) -> Int64:
    """Micro-units, always 64 bits wide: the database adds in the width it is given."""
    return Int64(amount)


def plain(value: Any) -> Any:
    """What the database gives, without its own kind of integer: an encoder of JSON does not know that."""
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def moment(when: float) -> datetime:
    """Unix seconds to a date; the database keeps milliseconds."""
    return datetime.fromtimestamp(when, UTC)


def seconds(when: datetime) -> float:
    """A date of the database to Unix seconds, whether the client makes dates aware or not."""
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def maybe_moment(when: float | None) -> datetime | None:
    return None if when is None else moment(when)


def maybe_seconds(when: Any) -> float | None:
    return None if when is None else seconds(when)
