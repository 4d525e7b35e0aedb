from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.store.money import finished
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.mongo_usage import MongoUsage
from tornadogw.store.ports import UsageRow
from tornadogw.store.ports_money import Entry
from tornadogw.types import Usage
from tornadogw.usage import first_moment, usage

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("days", "zone", "now", "first"),
    [
        (1, "UTC", "2026-03-10T12:00Z", "2026-03-10T00:00Z"),
        (30, "UTC", "2026-03-10T12:00Z", "2026-02-09T00:00Z"),
        (1, "Asia/Shanghai", "2026-03-10T15:59Z", "2026-03-09T16:00Z"),
        (1, "Asia/Shanghai", "2026-03-10T16:00Z", "2026-03-10T16:00Z"),
        (2, "America/New_York", "2026-03-09T12:00Z", "2026-03-08T05:00Z"),  # the day that has 23 hours
    ],
)
def test_the_first_day_begins_at_midnight_there(days: int, zone: str, now: str, first: str) -> None:
    assert first_moment(days, zone, at(now)) == datetime.fromisoformat(first)


@pytest.mark.parametrize("days", [0, -1, 3661])
def test_other_numbers_of_days_are_refused(days: int) -> None:
    with pytest.raises(UsageError, match="1 to 3660"):
        first_moment(days, "UTC", NOW)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "a\0b"])
def test_other_time_zones_are_refused(zone: str) -> None:
    with pytest.raises(UsageError, match="time zone"):
        first_moment(1, zone, NOW)


async def test_rows_add_up_by_day_and_model(mongo: Mongo) -> None:
    events = MongoEvents(mongo)
    calls = [
        ("2026-03-08T15:59:59Z", "b", 5),  # the 8th in Shanghai: too old
        ("2026-03-08T16:00:00Z", "b", 7),
        ("2026-03-09T15:59:59Z", "b", 11),
        ("2026-03-09T16:00:00Z", "b", 13),
        ("2026-03-09T16:00:00Z", "a", 17),
        ("2026-03-10T10:00:00Z", "", 0),
    ]
    for number, (when, model, cost) in enumerate(calls):
        call = finished(
            f"r{number}", cost, account_id="ann", model=model, started=at(when), usage=Usage(cost * 2, cost)
        )
        await events.insert([Entry(f"h{number}", call)])
    await events.insert([Entry("other", finished("other", 99, account_id="bob", started=NOW))])
    assert await usage(MongoUsage(mongo), "ann", days=2, zone="Asia/Shanghai", now=NOW) == [
        UsageRow("2026-03-09", "b", 2, 36, 18, 18),
        UsageRow("2026-03-10", "", 1, 0, 0, 0),
        UsageRow("2026-03-10", "a", 1, 34, 17, 17),
        UsageRow("2026-03-10", "b", 1, 26, 13, 13),
    ]


async def test_sums_outgrow_32_bits(mongo: Mongo) -> None:
    events, many = MongoEvents(mongo), 2**31 - 1
    for number in range(3):
        call = finished(f"r{number}", 2**40, account_id="ann", started=NOW, usage=Usage(many, many))
        await events.insert([Entry(f"h{number}", call)])
    rows = await usage(MongoUsage(mongo), "ann", days=1, zone="UTC", now=NOW)
    assert rows == [UsageRow("2026-03-10", "m", 3, 3 * many, 3 * many, 3 * 2**40)]


async def test_nothing_used_has_no_rows(mongo: Mongo) -> None:
    assert await usage(MongoUsage(mongo), "ann", days=30, zone="UTC", now=NOW) == []
