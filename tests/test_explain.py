from __future__ import annotations

import json

from tornadogw.explain import for_operator, for_user
from tornadogw.router import NOT_ALLOWED
from tornadogw.store.ports_decisions import Decision
from tornadogw.types import Attempt, Price, Record, Usage

FAILED = Attempt("acme", "m", "cool", "vendor_word", 30, 2, 1)


def decided(*attempts: Attempt, charged: bool = True, passed: tuple[Attempt, ...] = (), **more) -> Decision:
    record = Record(id="r", account_id="ann", key_id="k", mode="chat", asked="m", attempts=attempts, **more)
    order = tuple((each, "m") for each in ("acme", "best", "cold", "dear", "east"))
    return Decision("1", record, charged, order, passed)


def reasons(whole) -> dict[str, str]:
    return {each["upstream"]: each["reason"] for each in whole["candidates"] if not each["asked"]}


def test_each_candidate_says_why_it_was_not_asked():
    skipped = [Attempt("cold", "m", "skipped", "cooling down"), Attempt("dear", "m", "skipped", "balance")]
    whole = for_operator(decided(*skipped, FAILED, Attempt("best", "m", "ok", "", 9, 33, 2)))
    assert reasons(whole) == {"cold": "cooling down", "dear": "balance", "east": "not needed"}
    assert [each["order"] for each in whole["candidates"]] == [1, 2, 3, 4, 5]
    assert [(each["upstream"], each["began"], each["ms"]) for each in whole["attempts"]] == [
        ("acme", 2, 30),
        ("best", 33, 9),
    ]
    assert whole["calls"] == 3


def test_who_was_not_reached_was_not_unneeded():
    assert set(reasons(for_operator(decided(FAILED, code=4001))).values()) == {"not reached"}
    assert set(reasons(for_operator(decided(code=2002))).values()) == {"balance"}


def test_what_is_no_candidate_stands_behind_them():
    passed = (Attempt("acme", "tiny", "skipped", "cannot: tools"),)
    skipped = (Attempt("acme", "small", "skipped", "context"), Attempt("acme", "tiny", "skipped", "context"))
    whole = for_operator(decided(*skipped, passed=passed))
    assert [(each["order"], each["model"], each["reason"]) for each in whole["candidates"][5:]] == [
        (None, "tiny", "cannot: tools"),
        (None, "small", "context"),
    ]


def test_the_charge_says_at_what_price_and_from_where():
    charge = for_operator(decided(cost=7, price=Price(1, 2), usage=Usage(3, 2), source="reported"))["charge"]
    assert (charge["cost"], charge["price"]["output"], charge["usage"]["prompt"], charge["source"]) == (
        7,
        2,
        3,
        "reported",
    )
    assert for_operator(decided(charged=False))["charge"] is None


def test_a_user_reads_nothing_of_upstreams_and_other_keys():
    passed = (Attempt("hidden", "secret-model", "skipped", NOT_ALLOWED),)
    whole = for_user(decided(FAILED, Attempt("best", "m", "ok"), passed=passed, upstream="best"), names=False)
    said = json.dumps(whole)
    for word in ("acme", "best", "cold", "hidden", "secret-model", "vendor_word", "ann"):
        assert word not in said
    assert whole["upstream"] == whole["attempts"][1]["upstream"] == "upstream-2"
    assert [each["upstream"] for each in whole["candidates"]] == [f"upstream-{n}" for n in range(1, 6)]
    assert [(each["outcome"], each["reason"]) for each in whole["attempts"]] == [("failed", "busy"), ("ok", "")]


def test_a_user_reads_names_where_the_operator_allows_it():
    whole = for_user(decided(FAILED), names=True)
    assert whole["attempts"][0]["upstream"] == "acme"
    assert whole["attempts"][0]["reason"] == "busy", "an upstream's own words are the operator's still"
