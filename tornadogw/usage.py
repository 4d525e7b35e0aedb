"""What an account used: sums by day and model, computed from the finished calls themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tornadogw.errors import UsageError
from tornadogw.store.ports import UsageRow, UsageStore

__all__ = ["MAX_DAYS", "first_moment", "usage"]

MAX_DAYS = 3660


def first_moment(days: int, zone: str, now: float) -> datetime:
    """When the first of the last `days` days began in the time zone, today counted. Raises `UsageError`."""
    if not 1 <= days <= MAX_DAYS:
        raise UsageError(f"days must be 1 to {MAX_DAYS}, not {days}")
    try:
        here = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # not a name at all, or none that this machine knows
        raise UsageError(f"unknown time zone {zone!r}: give an IANA name such as Asia/Shanghai") from None
    first = datetime.fromtimestamp(now, here).date() - timedelta(days=days - 1)
    return datetime(first.year, first.month, first.day, tzinfo=here).astimezone(UTC)


async def usage(store: UsageStore, account_id: str, *, days: int, zone: str, now: float) -> Sequence[UsageRow]:
    """Rows by day and model of the last `days` days, today counted; `now` is Unix seconds.

    Raises `UsageError` for a number of days or a time zone that makes no sense.
    """
    return await store.rows(account_id, first_moment(days, zone, now), zone)
