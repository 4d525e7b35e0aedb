"""What an account used: rows out of its days, by day, model, key or hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from tornadogw.errors import UsageError
from tornadogw.store.ports_usage import Count, DayStore, UsageDay
from tornadogw.types import Value

__all__ = ["BY", "MAX_DAYS", "By", "UsageRow", "day_names", "usage"]

By = Literal["day", "model", "key", "hour"]
BY: tuple[By, ...] = ("day", "model", "key", "hour")
MAX_DAYS = 3660


class UsageRow(Value, frozen=True):
    """What some calls of one day came to."""

    day: str
    """YYYY-MM-DD, the account's local day on which the calls were held."""
    model: str = ""
    """The model that answered, if rows are by model; empty too for calls that none answered."""
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    """Micro-units."""
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    key: str = ""
    """The key's id, if rows are by key."""
    hour: str = ""
    """HH:MM and the distance from UTC of the moment at which an hour of UTC began, if rows are by hour."""


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not a name at all, or none that this machine knows
        raise UsageError(f"unknown time zone {name!r}: give an IANA name such as Asia/Shanghai") from None


def day_names(days: int, zone: str, now: float) -> tuple[str, str]:
    """The first and the last of the last `days` days in the time zone, today counted, YYYYMMDD. Raises `UsageError`."""
    if not 1 <= days <= MAX_DAYS:
        raise UsageError(f"days must be 1 to {MAX_DAYS}, not {days}")
    today = datetime.fromtimestamp(now, _zone(zone)).date()
    return f"{today - timedelta(days=days - 1):%Y%m%d}", f"{today:%Y%m%d}"


async def usage(
    store: DayStore, account_id: str, *, days: int, zone: str, now: float, by: By = "model"
) -> Sequence[UsageRow]:
    """Rows of the last `days` days, today counted, by day and what `by` says; `now` is Unix seconds.

    Raises `UsageError` for a number of days or a time zone that makes no sense.
    """
    first, last = day_names(days, zone, now)
    here = _zone(zone)
    return [row for day in await store.days(account_id, first, last) for row in _rows(day, by, here)]


def _rows(day: UsageDay, by: By, zone: ZoneInfo) -> Iterator[UsageRow]:
    name = date(int(day.day[:4]), int(day.day[4:6]), int(day.day[6:])).isoformat()
    if by == "day":
        yield _row(name, _sum(day.models))
    elif by == "model":
        yield from (_row(name, count, model=model) for model, count in sorted(day.models.items()))
    elif by == "key":
        yield from (_row(name, count, key=key) for key, count in sorted(day.keys.items()))
    else:
        yield from (_row(name, count, hour=_hour(hour, zone)) for hour, count in sorted(day.hours.items()))


def _hour(name: str, zone: ZoneInfo) -> str:
    began = datetime.strptime(name, "%Y%m%d%H").replace(tzinfo=UTC)
    return f"{began.astimezone(zone):%H:%M%z}"


def _sum(counts: Mapping[str, Count]) -> Count:
    names = Count.__struct_fields__
    return Count(*(sum(getattr(each, name) for each in counts.values()) for name in names))


def _row(day: str, count: Count, *, model: str = "", key: str = "", hour: str = "") -> UsageRow:
    return UsageRow(
        day,
        model,
        count.requests,
        count.prompt,
        count.completion,
        count.cost,
        count.cached,
        count.cache_write,
        count.reasoning,
        key,
        hour,
    )
