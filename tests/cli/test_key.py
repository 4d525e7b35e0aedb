"""`tornadogw key ...` as a subprocess on a real MongoDB."""

from __future__ import annotations

import re
import time

import pytest

FIELDS = {"id", "account_id", "label", "disabled", "rpm", "models", "ips", "expires", "stream_default", "created"}
FIELDS |= {"budget_daily", "budget_total", "tokens_per_minute", "concurrent"}


@pytest.fixture
def ann(inside):
    inside("account", "create", "ann@example.com")
    return "ann@example.com"


def test_the_life_of_a_key(cli, ann):
    words = [
        "--label",
        "ci",
        "--rpm",
        "7",
        "--models",
        "a,b",
        "--ips",
        "10.0.0.0/8,::1",
        "--expires",
        "30d",
        "--no-stream",
    ]
    made = cli("key", "create", ann, *words, "--json").json
    assert set(made) == FIELDS | {"key"}
    assert re.fullmatch(r"sk-[0-9A-Za-z]{46}", made["key"])
    assert (made["label"], made["rpm"], made["models"]) == ("ci", 7, ["a", "b"])
    assert (made["ips"], made["stream_default"]) == (["10.0.0.0/8", "::1/128"], False)
    assert abs(made["expires"] - time.time() - 30 * 86_400) < 60

    (listed,) = cli("key", "list", ann, "--json").json["keys"]
    assert set(listed) == FIELDS
    assert cli("key", "disable", ann, made["id"], "--json").json["disabled"] is True
    assert cli("key", "enable", ann, made["id"], "--json").json["disabled"] is False
    rotated = cli("--json", "key", "rotate", ann, made["id"]).json
    assert rotated["id"] == made["id"]
    assert rotated["key"] != made["key"]


def test_for_people(inside, ann):
    key, rest = inside("key", "create", ann, "--label", "demo").out.splitlines()
    assert key.startswith("sk-")
    assert "not shown again" in rest
    listed = inside("key", "list", ann).out
    assert "demo" in listed
    assert key not in listed
    assert "有效" in inside("key", "list", ann, LANG="zh_CN.UTF-8").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["create", "bob@example.com"], "there is no account bob@example.com"),
        (["create", "ann@example.com", "--expires", "soon"], "'soon' is not a duration"),
        (["create", "ann@example.com", "--ips", "here"], "'here' is neither an address nor a network"),
        (["create", "ann@example.com", "--rpm", "0"], "requests per minute are 1 to"),
        (["create", "ann@example.com", "--models", ""], "the list of models has an empty"),
        (["disable", "ann@example.com", "beef"], "ann@example.com has no key beef"),
        (["rotate", "ann@example.com", "beef"], "ann@example.com has no key beef"),
    ],
)
def test_what_cannot_be_done(words, sentence, inside, ann):
    done = inside("key", *words)
    assert (done.code, done.out) == (1, "")
    assert sentence in done.err


def test_budgets(inside, ann):
    words = ["--daily-budget", "1.5", "--budget", "20", "--tpm", "1000", "--concurrent", "2"]
    made = inside("key", "create", ann, *words, "--json").json
    assert (made["budget_daily"], made["budget_total"]) == (1_500_000, 20_000_000)
    assert (made["tokens_per_minute"], made["concurrent"]) == (1000, 2)
    changed = inside("key", "budget", ann, made["id"], "--daily", "none", "--json").json
    assert (changed["budget_daily"], changed["budget_total"]) == (None, 20_000_000)
    assert "20.00" in inside("key", "list", ann).out
    assert "nothing to change" in inside("key", "budget", ann, made["id"]).err
    assert "has no key" in inside("key", "budget", ann, "beef", "--total", "1").err
