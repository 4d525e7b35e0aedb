"""Which wallet pays: a table of plans, and days as long as the zone makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.errors import ModelMismatch
from tornadogw.store.ports import MAX_AMOUNT
from tornadogw.types import Caller, Terms
from tornadogw.wallets import Offer, Source, budgets, day_of, sources

NOW = 1_800_000_000.0
DAY = day_of("UTC", NOW)


def caller(**terms: Any) -> Caller:
    given = {"plan": "pro", "daily": 1000, "since": NOW - 5, "until": NOW + 5} | terms
    return Caller("acct", "key", terms=(Terms(**given),) if terms is not None else ())


def told(found: list[Source]) -> list[tuple[str, tuple[int, ...], set[str]]]:
    return [(source.wallet.kind, source.amounts, set(source.models)) for source in found]


OFFERS = [Offer("in", 100), Offer("in", 50), Offer("out", 70), Offer("in", 0)]


def test_without_a_plan_prepaid_money_pays():
    [source] = sources(Caller("acct", "key"), OFFERS, NOW, DAY)
    assert told([source]) == [("prepaid", (100, 70, 50), {"in", "out"})]
    assert (source.wallet.id, source.free, source.factor) == ("acct", True, 1_000_000)


def test_a_plan_that_has_ended_or_not_begun_does_not_count():
    for terms in ({"until": NOW}, {"since": NOW + 1}):
        assert [each.wallet.kind for each in sources(caller(**terms), OFFERS, NOW, DAY)] == ["prepaid"]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, [("day", (100, 70, 50), {"in", "out"}), ("prepaid", (100, 70, 50), {"in", "out"})]),
        ({"prepaid_after": False}, [("day", (100, 70, 50), {"in", "out"})]),
        ({"models": frozenset({"in"})}, [("day", (100, 50), {"in"}), ("prepaid", (100, 70, 50), {"in", "out"})]),
        (
            {"models": frozenset({"in"}), "prepaid_outside": False},
            [("day", (100, 50), {"in"}), ("prepaid", (100, 50), {"in"})],
        ),
        (
            {"models": frozenset({"in"}), "prepaid_after": False},
            [("day", (100, 50), {"in"}), ("prepaid", (70,), {"out"})],
        ),
        ({"models": frozenset({"in"}), "prepaid_after": False, "prepaid_outside": False}, [("day", (100, 50), {"in"})]),
        ({"models": frozenset({"no"})}, [("prepaid", (100, 70, 50), {"in", "out"})]),
    ],
)
def test_the_day_first_then_prepaid_where_the_plan_allows(terms, expected):
    assert told(sources(caller(**terms), OFFERS, NOW, DAY)) == expected


def test_a_plan_without_the_model_refuses_it_if_it_says_so():
    with pytest.raises(ModelMismatch, match="pro"):
        sources(caller(models=frozenset({"no"}), prepaid_outside=False), OFFERS, NOW, DAY)


def test_the_days_wallet_is_the_accounts_on_that_day():
    wallet = sources(caller(), OFFERS, NOW, DAY)[0].wallet
    assert (wallet.id, wallet.account_id, wallet.limit, wallet.ends) == ("acct:20270115", "acct", 1000, DAY.ends)


def test_a_plan_takes_its_part_of_the_price_rounded_up():
    day, prepaid = sources(caller(factor=333_333), OFFERS, NOW, DAY)
    assert (day.amounts, day.factor) == ((34, 24, 17), 333_333)
    assert (prepaid.amounts, prepaid.factor) == ((100, 70, 50), 1_000_000)
    assert day.covers(Offer("in", 100), 34)
    assert not day.covers(Offer("in", 100), 33)
    assert not day.covers(Offer("other", 0), 34)


def test_no_amount_is_beyond_what_the_database_holds():
    [source] = sources(Caller("acct", "key"), [Offer("m", 2**70)], NOW, DAY)
    assert source.amounts == (MAX_AMOUNT,)


def test_budgets_are_the_keys():
    assert budgets(Caller("acct", "key"), DAY) == []
    daily, total = budgets(Caller("acct", "key", budget_daily=5, budget_total=0), DAY)
    assert (daily.kind, daily.id, daily.limit, daily.ends) == ("daily", "k:key:20270115", 5, DAY.ends)
    assert (total.kind, total.id, total.limit, total.ends) == ("total", "k:key", 0, None)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("zone", "moment", "name", "hours"),
    [
        ("Asia/Shanghai", "2026-11-26T15:59:59+00:00", "20261126", 24),
        ("Asia/Shanghai", "2026-11-26T16:00:00+00:00", "20261127", 24),
        ("Europe/Berlin", "2026-03-29T12:00:00+00:00", "20260329", 23),
        ("Europe/Berlin", "2026-10-25T12:00:00+00:00", "20261025", 25),
        ("Africa/Cairo", "2026-04-24T12:00:00+00:00", "20260424", 23),  # midnight itself does not exist
        ("Pacific/Apia", "2011-12-31T12:00:00+00:00", "20120101", 24),
    ],
)
def test_a_day_is_as_long_as_the_zone_makes_it(zone, moment, name, hours):
    day = day_of(zone, at(moment))
    assert (day.name, (day.ends - day.begins) / 3600) == (name, hours)


@given(
    moment=st.floats(0, 4_000_000_000),
    zone=st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo"]),
)
def test_every_moment_is_inside_its_day(moment, zone):
    day = day_of(zone, moment)
    assert day.begins <= moment < day.ends
    assert day_of(zone, day.begins).name == day.name
    assert day_of(zone, day.ends).name != day.name
    assert datetime.fromtimestamp(day.ends, UTC)


def test_an_unknown_zone_is_an_error():
    with pytest.raises((KeyError, ValueError)):
        day_of("No/Where", NOW)
