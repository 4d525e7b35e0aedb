from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_retention import complete_from, days_from, keep
from tornadogw.store.ports import StoreUnavailable

DAY = timedelta(days=1)


async def expiries(mongo: Mongo) -> dict[str, int]:
    found = {}
    for name in ("events", "usage_day", "usage_runs", "usage_total"):
        for index in await mongo.database[name].list_indexes().to_list(None):
            if "expireAfterSeconds" in index:
                found[name] = index["expireAfterSeconds"] // 86400
    return found


def age(moment: datetime) -> float:
    return (datetime.now(UTC) - moment) / DAY


async def test_nothing_was_ever_removed(mongo: Mongo) -> None:
    assert age(await complete_from(mongo, datetime.now(UTC))) > 10_000
    assert age(await days_from(mongo, datetime.now(UTC))) > 10_000


async def test_the_settings_become_expiries(mongo: Mongo) -> None:
    await keep(mongo, events=90, days=400)
    assert await expiries(mongo) == {"events": 90, "usage_day": 400, "usage_runs": 400, "usage_total": 400}
    assert age(await complete_from(mongo, datetime.now(UTC))) == pytest.approx(90, abs=0.01)
    assert age(await days_from(mongo, datetime.now(UTC))) == pytest.approx(400, abs=0.01)


async def test_a_changed_setting_changes_the_expiry(mongo: Mongo) -> None:
    await keep(mongo, events=90, days=400)
    await keep(mongo, events=7, days=30)
    assert await expiries(mongo) == {"events": 7, "usage_day": 30, "usage_runs": 30, "usage_total": 30}
    assert age(await complete_from(mongo, datetime.now(UTC))) == pytest.approx(7, abs=0.01)


async def test_a_raised_setting_brings_nothing_back(mongo: Mongo) -> None:
    """What was removed stays unknown, until it would have been removed under the new setting too."""
    await keep(mongo, events=7, days=400)
    await keep(mongo, events=90, days=400)
    await keep(mongo, events=90, days=400)
    now = datetime.now(UTC)
    assert age(await complete_from(mongo, now)) == pytest.approx(7, abs=0.01)
    assert (now + 200 * DAY - await complete_from(mongo, now + 200 * DAY)) / DAY == pytest.approx(90, abs=0.01)


async def test_without_the_database_there_is_no_telling(away: Mongo) -> None:
    with pytest.raises(StoreUnavailable):
        await keep(away, events=1, days=1)
    with pytest.raises(StoreUnavailable):
        await complete_from(away, datetime.now(UTC))
