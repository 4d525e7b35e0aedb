"""What the doctor may put right, and that it touches nothing else."""

from __future__ import annotations

import pytest
from bson.int64 import Int64

from tests.store.events import day_name, days_ago, stored
from tests.store.healthy import CLOSED, OLD, OPEN, healthy, lease
from tests.test_doctor import ANN, DAY, change, doctor, told
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_rebuild import MongoDayJobs


async def test_late_events_are_settled(mongo: Mongo) -> None:
    await healthy(mongo)
    await mongo.database["events"].insert_one(stored(days_ago(0), 7, lease=CLOSED))
    report = await doctor(mongo).fix()
    assert told(report.fixed) == [("lease_settled_below", ANN, f"leases.{CLOSED}", -7)]
    assert report.ok
    ann = await mongo.database["accounts"].find_one({"_id": "ann"})
    assert (ann["balance"], ann["spent"], ann["leases"][CLOSED]["s"], ann["leases"][CLOSED]["g"]) == (818, 112, 47, 47)
    assert isinstance(ann["balance"], Int64)
    assert (await doctor(mongo).fix()).fixed == ()


async def test_a_lease_that_is_left_is_closed(mongo: Mongo) -> None:
    await healthy(mongo)
    left = {**lease(100, 30, over=600), "p": "ffff"}
    await mongo.database["accounts"].update_one({"_id": "ann"}, {"$set": {f"leases.{OPEN}": left}})
    report = await doctor(mongo).fix()
    assert (told(report.fixed), report.ok) == ([("lease_left", ANN, f"leases.{OPEN}", 65)], True)
    ann = await mongo.database["accounts"].find_one({"_id": "ann"})
    assert (ann["balance"], ann["spent"], "closed" in ann["leases"][OPEN]) == (890, 110, True)


async def test_a_day_is_counted_anew(mongo: Mongo) -> None:
    await healthy(mongo)
    await change(mongo, f"usage_day/ann:{OLD}", m__m__c=7)
    report = await doctor(mongo).fix()
    assert (told(report.fixed), report.ok) == ([("usage_day", f"usage_day/ann:{OLD}", "models cost", 7)], True)


async def test_money_is_neither_made_nor_taken(mongo: Mongo) -> None:
    await healthy(mongo)
    await change(mongo, ANN, balance=7)
    await change(mongo, DAY, spent=7, balance=-7)
    report = await doctor(mongo).fix()
    assert report.fixed == ()
    assert {each.code for each in report.findings} == {"wallet_sum", "spent"}
    ann = await mongo.database["accounts"].find_one({"_id": "ann"})
    assert ann["balance"] == 832


async def test_a_day_without_any_event_is_emptied(mongo: Mongo) -> None:
    await healthy(mongo)
    day = {"_id": f"bob:{OLD}", "a": "bob", "d": days_ago(5).replace(hour=0), "m": {"m": {"n": 1, "c": Int64(7)}}}
    await mongo.database["usage_day"].insert_one(day)
    report = await doctor(mongo).fix()
    assert (told(report.fixed), report.ok) == ([("usage_day", f"usage_day/bob:{OLD}", "models cost", 7)], True)


@pytest.mark.parametrize("damage", [{"$inc": {"p.m|%.c": Int64(7)}}, {"$set": {"p": {}}}, None])
async def test_a_day_of_all_accounts_is_counted_anew(mongo: Mongo, damage) -> None:
    await healthy(mongo)
    totals = mongo.database["usage_total"]
    before = await totals.find_one({"_id": OLD})
    assert before is not None
    if damage is None:
        await totals.delete_one({"_id": OLD})
    else:
        await totals.update_one({"_id": OLD}, damage)
    report = await doctor(mongo).fix()
    assert ([(each.code, each.document) for each in report.fixed], report.ok) == (
        [("usage_total", f"usage_total/{OLD}")],
        True,
    )
    after = await totals.find_one({"_id": OLD})
    assert after is not None
    assert after["p"] == before["p"]


async def test_a_day_of_all_accounts_without_any_event_is_emptied(mongo: Mongo) -> None:
    await healthy(mongo)
    await MongoDayJobs(mongo, "UTC").done(day_name(4))
    day = {"_id": day_name(4), "d": days_ago(4).replace(hour=0), "p": {"m|up": {"n": 1, "c": Int64(7)}}}
    await mongo.database["usage_total"].insert_one(day)
    report = await doctor(mongo).fix()
    assert (told(report.fixed), report.ok) == (
        [("usage_total", f"usage_total/{day_name(4)}", "m at up cost", 7)],
        True,
    )
