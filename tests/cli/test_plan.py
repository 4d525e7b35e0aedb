"""`tornadogw plan ...` and `tornadogw account plan|zone` on a real MongoDB."""

from __future__ import annotations

import time

import pytest

FIELDS = {"name", "daily", "models", "rpm", "factor", "days", "prepaid_after", "prepaid_outside", "active", "created"}


def test_the_life_of_a_plan(cli):
    words = ["--models", "a,b", "--rpm", "9", "--factor", "0.8", "--days", "7"]
    made = cli("plan", "create", "pro", "--daily", "5", *words, "--no-prepaid-after", "--no-prepaid-outside", "--json")
    assert set(made.json) == FIELDS
    assert (made.json["daily"], made.json["factor"], made.json["days"]) == (5_000_000, 800_000, 7)
    assert (made.json["models"], made.json["prepaid_after"], made.json["prepaid_outside"]) == (["a", "b"], False, False)
    changed = cli("plan", "change", "pro", "--daily", "6", "--all-models", "--prepaid-after", "--json").json
    assert (changed["daily"], changed["models"], changed["prepaid_after"]) == (6_000_000, None, True)
    assert (changed["rpm"], changed["prepaid_outside"]) == (9, False)
    assert cli("plan", "archive", "pro", "--json").json["active"] is False
    assert cli("plan", "list", "--json").json == {"plans": [changed | {"active": False}]}
    assert cli("plan", "offer", "pro", "--json").json == changed
    assert cli("plan", "change", "pro", "--no-rpm", "--json").json == changed | {"rpm": None}


def test_plans_for_people(inside):
    inside("plan", "create", "pro", "--daily", "5", "--factor", "0.8")
    shown = inside("plan", "list").out
    assert "0.8" in shown
    assert "after, outside" in shown
    assert "有效" in inside("plan", "list", LANG="zh_CN.UTF-8").out


def test_an_account_has_a_plan_and_a_zone(inside):
    inside("account", "create", "ann@example.com")
    inside("plan", "create", "pro", "--daily", "5", "--days", "7")
    bare = inside("account", "show", "ann@example.com", "--json").json
    assert (bare["plan"], bare["time_zone"], bare["subscriptions"]) == (None, None, [])
    assert {"email", "balance", "held", "spent", "credited", "status"} <= set(bare)

    given = inside("account", "plan", "ann@example.com", "pro", "--ref", "order-1", "--json").json
    assert inside("account", "plan", "ann@example.com", "pro", "--ref", "order-1", "--json").json == given
    assert given["plan"] == "pro"
    [sub] = given["subscriptions"]
    assert abs(sub["until"] - time.time() - 7 * 86_400) < 60
    inside("account", "zone", "ann@example.com", "Europe/Berlin")
    shown = inside("account", "show", "ann@example.com", "--json").json
    assert (shown["plan"], shown["time_zone"]) == ("pro", "Europe/Berlin")
    people = inside("account", "show", "ann@example.com").out
    assert "Europe/Berlin" in people
    assert "pro" in people

    assert len(inside("account", "plan", "ann@example.com", "pro", "--days", "1", "--json").json["subscriptions"]) == 2
    ended = inside("account", "plan", "ann@example.com", "--end", "--json").json
    assert (ended["plan"], ended["subscriptions"]) == (None, [])
    assert inside("account", "zone", "ann@example.com", "default", "--json").json["time_zone"] is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["account", "plan", "ann@example.com"], "Give either a plan"),
        (["account", "plan", "ann@example.com", "pro", "--end"], "Give either a plan"),
        (["account", "plan", "ann@example.com", "--end", "--days", "3"], "Give either a plan"),
        (["account", "plan", "ann@example.com", "gone"], "there is no plan gone"),
        (["account", "zone", "ann@example.com", "Mars/Olympus"], "there is no time zone"),
        (["plan", "create", "pro"], "--daily"),
        (["plan", "create", "pro", "--daily", "5", "--factor", "0"], "not a price factor"),
        (["plan", "archive", "gone"], "there is no plan gone"),
    ],
)
def test_what_cannot_be_done_is_said(inside, words, sentence):
    inside("account", "create", "ann@example.com")
    done = inside(*words)
    assert done.code == 1
    assert sentence in done.err
