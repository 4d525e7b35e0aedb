"""Moments and days as people read them. Pure, but for today."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

__all__ = ["day_after", "shown_day", "shown_moment"]


def shown_moment(at: float, zone: str) -> str:
    """`2026-11-27 09:30` of Unix seconds in the time zone."""
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def shown_day(day: str) -> str:
    """`2026-11-27` of `20261127`."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def day_after(days: int, zone: str, now: float | None = None) -> str:
    """The day so many after today in the time zone, `20261127`; days before it are negative."""
    today = datetime.fromtimestamp(time.time() if now is None else now, ZoneInfo(zone)).date()
    return f"{today + timedelta(days=days):%Y%m%d}"
