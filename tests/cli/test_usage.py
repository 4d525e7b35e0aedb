"""`tornadogw usage` as a subprocess: what was called is what it says, and the account's sums agree."""

from __future__ import annotations

import csv
import json
import time
import urllib.request

import pytest

from tests.store.events import days_ago, stored

PRICED = """
[[upstreams]]
name = "e"
vendor = "echo"

[[models]]
name = "m"
price = { input = "1000", output = "2000" }
routes = [{ upstream = "e", model = "echo" }]
"""


def ask(url, key):
    body = json.dumps({"model": "m", "stream": False, "messages": [{"role": "user", "content": "Hello there"}]})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_what_was_called_is_charged_and_shown(alone, start, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.toml").write_text(PRICED)
    gateway = start("--json")
    served = json.loads(gateway.read_until("}"))
    owner, key = served["welcome"]["email"], served["welcome"]["key"]
    alone("account", "credit", owner, "100")
    usage = [ask(served["url"], key)["usage"] for _ in range(2)]

    prompt, completion = (sum(each[name] for each in usage) for name in ("prompt_tokens", "completion_tokens"))
    deadline = time.monotonic() + 30
    while (account := alone("account", "show", owner, "--json").json)["spent"] < 1000 * prompt + 2000 * completion:
        assert time.monotonic() < deadline, account
    (row,) = alone("usage", owner, "--json").json["rows"]
    assert (row["model"], row["requests"]) == ("m", 2)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (prompt, completion)
    assert row["cost"] == account["spent"] == 1000 * prompt + 2000 * completion
    assert account["balance"] + account["held"] + account["spent"] == account["credited"] == 100_000_000

    (only,) = csv.DictReader(alone("usage", owner, "--csv").out.splitlines())
    assert only == {name: str(value) for name, value in row.items()}
    assert alone("usage", owner).out.splitlines()[-1].split()[:2] == ["total", "2"]
    assert gateway.stop() == 0


def test_nothing_was_called(inside):
    inside("account", "create", "a@example.com")
    assert inside("usage", "a@example.com", "--json").json == {"rows": []}
    heads = inside("usage", "a@example.com", "--csv").out
    assert heads.startswith("day,model,requests,prompt_tokens,completion_tokens,cost,cached_tokens,cache_write_tokens,")
    assert heads.endswith("reasoning_tokens,key,hour\n")


def test_days_and_hours_are_the_accounts_own(inside, mongo, run):
    account = inside("account", "create", "a@example.com", "--json").json["id"]
    assert inside("account", "zone", "a@example.com", "Pacific/Kiritimati").code == 0
    noon = days_ago(1)
    run(mongo.database["events"].insert_one(stored(noon, 5, a=account, d=f"{days_ago(0):%Y%m%d}")))
    [row] = inside("usage", "a@example.com", "--by", "hour", "--json").json["rows"]
    assert (row["day"], row["hour"]) == (f"{days_ago(0):%Y-%m-%d}", "02:00+1400")


def test_each_way_to_part_a_day(inside, mongo, run):
    account = inside("account", "create", "a@example.com", "--json").json["id"]
    events = [stored(days_ago(0), 5, a=account, m=model, d=None, ic=1) for model in ("=evil()", "m")]
    run(mongo.database["events"].insert_many(events))
    by = {
        by: inside("usage", "a@example.com", "--by", by, "--json").json["rows"]
        for by in ("day", "model", "key", "hour")
    }
    assert [len(by[each]) for each in by] == [1, 2, 1, 1]
    assert {(rows[0]["cost"], rows[0]["cached_tokens"]) for each, rows in by.items() if each != "model"} == {(10, 2)}
    assert (by["key"][0]["key"], by["hour"][0]["hour"]) == ("key", "20:00+0800")
    rows = list(csv.DictReader(inside("usage", "a@example.com", "--csv").out.splitlines()))
    assert [(row["model"], row["cost"]) for row in rows] == [("'=evil()", "5"), ("m", "5")]
    for each, head in (("model", "MODEL"), ("key", "KEY"), ("hour", "HOUR")):
        assert inside("usage", "a@example.com", "--by", each).out.splitlines()[0].split()[1] == head
    table = inside("usage", "a@example.com", "--by", "day").out.splitlines()
    assert table[0].split()[:3] == ["DAY", "REQUESTS", "PROMPT"]
    assert table[-1].split() == ["total", "2", "6", "2", "0", "4", "0", "0.00001"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["a@example.com", "--days", "0"], "days must be 1 to"), (["b@example.com"], "there is no account b@example.com")],
)
def test_what_cannot_be_done(words, sentence, inside):
    inside("account", "create", "a@example.com")
    done = inside("usage", *words)
    assert done.code == 1
    assert sentence in done.err
