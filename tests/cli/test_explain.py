from __future__ import annotations

import pytest

from tests.store.test_mongo_decisions import decision
from tornadogw.store.mongo_decisions import MongoDecisions
from tornadogw.types import Attempt

TRIED = (Attempt("cold", "m", "skipped", "disabled"), Attempt("u", "m", "elsewhere", "vendor_word", 30, 2, 1))


@pytest.fixture
def kept(inside, mongo, run):
    account = inside("account", "create", "a@example.com", "--json").json["id"]
    several = [
        decision("1", account=account, code=4001, finish="no_upstream", attempts=TRIED),
        decision("2", later=1, code=1003, finish="refused"),
    ]
    run(MongoDecisions(mongo).insert(several))
    return account


def test_everything_newest_first(inside, kept):
    newest, oldest = inside("explain", "r", "--json").json["requests"]
    assert (newest["code"], oldest["code"], oldest["account_id"]) == (1003, 4001, kept)
    assert oldest["attempts"][0]["reason"] == "vendor_word"
    assert oldest["charge"] is None
    [only] = inside("explain", "r", "--account", "a@example.com", "--json").json["requests"]
    assert only == oldest


@pytest.mark.parametrize(("language", "words"), [("en", "nothing was charged"), ("zh_CN.UTF-8", "未收费")])
def test_a_table(inside, kept, language, words):
    done = inside("explain", "r", "--account", "a@example.com", LC_ALL=language)
    assert done.code == 0
    lines = done.out.splitlines()
    assert words in lines
    assert any(line.split()[:3] == ["2", "30", "u"] and "vendor_word" in line for line in lines), lines
    assert any(line.split() == ["-", "v", "m", "mode"] for line in lines), lines


@pytest.mark.parametrize(("language", "words"), [("en", "there is no record"), ("zh_CN.UTF-8", "没有请求")])
def test_none(inside, language, words):
    done = inside("explain", "r", LC_ALL=language)
    assert (done.code, words in done.err) == (1, True), done.err


def test_no_such_account(inside):
    done = inside("explain", "r", "--account", "b@example.com")
    assert (done.code, "b@example.com" in done.err) == (1, True)
