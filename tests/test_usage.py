from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.store.events import days_ago, stored
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.ports_usage import Count, UsageDay
from tornadogw.usage import UsageRow, day_names, usage

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("days", "zone", "now", "first", "last"),
    [
        (1, "UTC", "2026-03-10T12:00Z", "20260310", "20260310"),
        (30, "UTC", "2026-03-10T12:00Z", "20260209", "20260310"),
        (1, "Asia/Shanghai", "2026-03-10T15:59Z", "20260310", "20260310"),
        (1, "Asia/Shanghai", "2026-03-10T16:00Z", "20260311", "20260311"),
        (2, "America/New_York", "2026-03-09T12:00Z", "20260308", "20260309"),  # the day that has 23 hours
    ],
)
def test_the_last_days_are_those_of_the_zone(days: int, zone: str, now: str, first: str, last: str) -> None:
    assert day_names(days, zone, at(now).timestamp()) == (first, last)


@pytest.mark.parametrize("days", [0, -1, 3661])
def test_other_numbers_of_days_are_refused(days: int) -> None:
    with pytest.raises(UsageError, match="1 to 3660"):
        day_names(days, "UTC", NOW)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "a\0b"])
def test_other_time_zones_are_refused(zone: str) -> None:
    with pytest.raises(UsageError, match="time zone"):
        day_names(1, zone, NOW)


async def test_rows_add_up_by_day_and_model(mongo: Mongo) -> None:
    """Events of the first version say no day: theirs is that of the zone."""
    calls = [
        ("2026-03-08T15:59:59Z", "b", 5),  # the 8th in Shanghai: too old
        ("2026-03-08T16:00:00Z", "b", 7),
        ("2026-03-09T15:59:59Z", "b", 11),
        ("2026-03-09T16:00:00Z", "b", 13),
        ("2026-03-09T16:00:00Z", "a", 17),
        ("2026-03-10T10:00:00Z", None, 0),
    ]
    events = [stored(at(when), cost, m=model, i=cost * 2, o=cost, d=None) for when, model, cost in calls]
    await mongo.database["events"].insert_many([*events, stored(at("2026-03-10T10:00:00Z"), 99, a="bob")])
    assert await usage(MongoDays(mongo, "Asia/Shanghai"), "ann", days=2, zone="Asia/Shanghai", now=NOW) == [
        UsageRow("2026-03-09", "b", 2, 36, 18, 18),
        UsageRow("2026-03-10", "", 1, 0, 0, 0),
        UsageRow("2026-03-10", "a", 1, 34, 17, 17),
        UsageRow("2026-03-10", "b", 1, 26, 13, 13),
    ]


class Days:
    """A `DayStore` of one day."""

    def __init__(self, day: UsageDay) -> None:
        self.day = day

    async def days(self, account_id: str, first: str, last: str) -> list[UsageDay]:
        return [self.day]

    page = days


SOME, MORE = Count(1, 5, 9, 8, 3, 2, 4), Count(2, 7, 1, 1)
DAY = UsageDay(
    "20261025",
    hours={"2026102500": SOME, "2026102501": MORE},
    models={"a": SOME, "b": MORE},
    keys={"k": Count(3, 12, 10, 9, 3, 2, 4)},
)


async def test_a_day_can_be_parted_in_four_ways() -> None:
    async def rows(by):
        return await usage(Days(DAY), "ann", days=1, zone="Europe/Berlin", now=NOW, by=by)

    both = (3, 10, 9, 12, 3, 2, 4)
    assert await rows("day") == [UsageRow("2026-10-25", "", *both)]
    assert await rows("key") == [UsageRow("2026-10-25", "", *both, key="k")]
    assert await rows("model") == [
        UsageRow("2026-10-25", "a", 1, 9, 8, 5, 3, 2, 4),
        UsageRow("2026-10-25", "b", 2, 1, 1, 7),
    ]
    # The night on which two o'clock strikes twice.
    assert [(row.hour, row.requests) for row in await rows("hour")] == [("02:00+0200", 1), ("02:00+0100", 2)]


async def test_nothing_used_has_no_rows(mongo: Mongo) -> None:
    assert await usage(MongoDays(mongo, "UTC"), "ann", days=30, zone="UTC", now=NOW) == []


async def test_a_call_is_seen_as_soon_as_it_is_stored(mongo: Mongo) -> None:
    """Whether it was added to its day or not."""
    store = MongoDays(mongo, "UTC")
    for number in (1, 2):
        await mongo.database["events"].insert_one(stored(days_ago(0), 5))
        now = (days_ago(0) + timedelta(hours=1)).timestamp()
        assert [row.requests for row in await usage(store, "ann", days=30, zone="UTC", now=now)] == [number]
