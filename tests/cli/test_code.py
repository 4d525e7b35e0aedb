"""`tornadogw code ...` on a real MongoDB."""

from __future__ import annotations

import re

import pytest

FORM = r"([0-9A-Z]{4}-){4}[0-9A-Z]{4}"


@pytest.fixture
def ann(inside):
    inside("account", "create", "ann@example.com")
    return "ann@example.com"


def test_the_life_of_a_batch(cli, ann):
    made = cli("code", "create", "--amount", "5", "--count", "2", "--expires", "90d", "--label", "x", "--json").json
    assert all(re.fullmatch(FORM, code) for code in made["codes"])
    assert (made["amount"], made["count"], made["used"], made["unused"]) == (5_000_000, 2, 0, 2)
    done = cli("code", "redeem", ann, made["codes"][0].lower(), "--json").json
    assert (done["amount"], done["balance"], done["repeated"]) == (5_000_000, 5_000_000, False)
    [listed] = cli("code", "list", "--json").json["batches"]
    assert (listed["id"], listed["used"], listed["unused"]) == (made["id"], 1, 1)
    assert cli("code", "void", made["id"], "--json").json["voided"] is not None
    refused = cli("code", "redeem", ann, made["codes"][1])
    assert (refused.code, "void" in refused.err) == (1, True)


def test_for_people(inside, ann):
    made = inside("code", "create", "--amount", "5", "--count", "2")
    codes = made.out.split()
    assert len(codes) == 2  # nothing else on stdout: it goes into files
    assert "not shown again" in made.err
    assert "Redeemed 5.00" in inside("code", "redeem", ann, codes[0]).out
    assert "Was redeemed before" in inside("code", "redeem", ann, codes[0]).out
    shown = inside("code", "list").out
    assert codes[1] not in shown
    inside("plan", "create", "pro", "--daily", "1", "--days", "3")
    [code] = inside("code", "create", "--plan", "pro", "--count", "1").out.split()
    assert "pro 3 天" in inside("code", "redeem", ann, code, LANG="zh_CN.UTF-8").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["create", "--count", "1"], "either an amount or a plan"),
        (["create", "--amount", "1"], "--count"),
        (["redeem", "ann@example.com", "what"], "this is not a code"),
        (["void", "gone"], "there is no batch gone"),
    ],
)
def test_what_cannot_be_done_is_said(inside, ann, words, sentence):
    done = inside("code", *words)
    assert done.code == 1
    assert sentence in done.err
