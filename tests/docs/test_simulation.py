"""The simulation behind the table in docs/routing.md: the same every time, and each feature is of use in it."""

from __future__ import annotations

import pytest

from bench.simulate import ROWS, Result, simulate

HERE = {"seconds": 300.0, "rate": 4.0}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {row.name: simulate(row, **HERE) for row in ROWS}


def test_the_same_hour_comes_to_the_same(results):
    assert simulate(ROWS[0], **HERE) == results[ROWS[0].name]


def test_all_requests_are_answered_whatever_one_vendor_does(results):
    assert results["all on"].availability == 1.0
    assert results["one try"].availability < 0.99


def test_breakers_spare_most_requests_the_silence(results):
    assert results["all on"].in_vain * 2 < results["no breakers, by rank alone"].in_vain
    assert results["one try"].availability > results["one try, no breakers, by rank alone"].availability


def test_a_second_call_spares_people_those_that_take_long():
    rows = {row.name: row for row in ROWS}
    plain, hedged = (
        simulate(rows[name], seconds=600.0, rate=10.0)
        for name in ("`auto` by latency first", "`auto` by latency first, hedged")
    )
    assert hedged.percentile(0.99) < 0.6 * plain.percentile(0.99)
    assert hedged.calls < 1.1 * plain.calls


def test_latency_can_be_given_its_weight(results):
    assert results["`auto` by latency first"].percentile(0.99) < results["all on"].percentile(0.99)
