"""`tornadogw doctor`: exit status and document say what is off, and by how much."""

from __future__ import annotations

import pytest
from bson.int64 import Int64

from tests.store.events import days_ago, stored
from tests.store.healthy import CLOSED, healthy


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("tornadogw.doctor.Doctor.PAUSE", 0.0)


def test_nothing_is_off(inside):
    inside("account", "create", "a@example.com")
    inside("account", "credit", "a@example.com", "5")
    done = inside("doctor", "--json")
    assert done.json == {"ok": True, "accounts": 1, "findings": [], "notes": [], "fixed": []}
    assert (done.code, inside("doctor").out) == (0, "1 accounts, everything adds up.\n")


def test_what_is_off_is_told_and_is_the_exit_status(inside, mongo, run):
    run(healthy(mongo))
    run(mongo.database["accounts"].update_one({"_id": "ann"}, {"$inc": {"balance": Int64(-7)}}))
    done = inside("doctor", "--json")
    assert done.code == 1
    assert done.json["ok"] is False
    assert done.json["findings"] == [
        {
            "code": "wallet_sum",
            "account": "ann",
            "document": "accounts/ann",
            "part": "credited",
            "expected": 993,
            "found": 1000,
            "difference": 7,
            "meaning": "credited is not balance + spent + what leases and holds have set aside",
        }
    ]
    plain = inside("doctor")
    assert plain.code == 1
    assert "off: wallet_sum  accounts/ann  credited  +7 = 1000 - 993" in plain.out
    assert inside("doctor", "--fix").code == 1


def test_what_is_safe_is_put_right(inside, mongo, run):
    run(healthy(mongo))
    run(mongo.database["events"].insert_one(stored(days_ago(0), 7, lease=CLOSED)))
    assert inside("doctor").code == 1
    done = inside("doctor", "--fix", "--json")
    assert (done.code, done.json["ok"], done.json["findings"]) == (0, True, [])
    assert [(each["code"], each["difference"]) for each in done.json["fixed"]] == [("lease_settled_below", -7)]
    assert inside("doctor").code == 0
