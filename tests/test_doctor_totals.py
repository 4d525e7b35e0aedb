"""Days of all accounts, as the doctor compares them with their events."""

from __future__ import annotations

import pytest

from tests.store.events import days_ago
from tests.store.healthy import OLD, healthy
from tests.test_doctor import change, examined, told
from tornadogw.store.mongo import Mongo

TOTAL_OF_OLD = f"usage_total/{OLD}"


@pytest.mark.parametrize(
    ("path", "amount", "part"),
    [
        ("p.m|%.c", 7, "m cost"),
        ("p.m|%.k", 7, "m paid"),
        ("p.other|up.y", 7, "other at up unknown"),
    ],
)
async def test_a_day_of_all_accounts_that_is_not_its_events_is_told(mongo: Mongo, path, amount, part) -> None:
    await healthy(mongo)
    await change(mongo, TOTAL_OF_OLD, **{path.replace(".", "__"): amount})
    report = await examined(mongo)
    assert told(report.findings) == [("usage_total", TOTAL_OF_OLD, part, amount)]
    assert report.findings[0].account == ""


async def test_a_day_of_all_accounts_without_its_document_is_told_unless_it_waits(mongo: Mongo) -> None:
    await healthy(mongo)
    totals = mongo.database["usage_total"]
    await totals.update_one({"_id": OLD}, {"$set": {"p": {}, "x": days_ago(5)}})
    assert (await examined(mongo)).ok, "it is counted anew"
    await totals.delete_many({})
    assert told((await examined(mongo)).findings) == [("usage_total", TOTAL_OF_OLD, "m cost", -10)]
    await mongo.database["usage_runs"].delete_many({})
    assert (await examined(mongo)).ok, "a day that is not closed is not compared"
