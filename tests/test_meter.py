from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.meter import Meter, Metered, estimate_tokens
from tornadogw.types import Usage

BOUND = st.integers(0, 1000)
NONSENSE = st.one_of(
    st.integers(-5, 1200),
    st.sampled_from([10**30, -(10**30), True, False]),
    st.floats(),
    st.none(),
    st.text(max_size=3),
)
REPORTS = st.lists(st.builds(Usage, NONSENSE, NONSENSE, NONSENSE, NONSENSE, NONSENSE), max_size=4)
TEXTS = st.lists(st.text(max_size=40), max_size=20)


def meter(prompt=1000, completion=1000, estimate=10):
    return Meter(prompt, completion, estimate)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("你好", 2), ("你好 world", 4), ("é\U0001f600", 2)],
)
def test_estimate_tokens(text, tokens):
    assert estimate_tokens(text) == tokens


def test_a_possible_report_is_believed():
    usage = Usage(prompt=100, completion=20, cached=60, cache_write=40, reasoning=20)
    m = meter()
    m.relayed("x" * 400)
    m.reported(usage)
    assert m.result() == Metered(usage, "reported")


def test_the_last_report_wins():
    m = meter()
    m.reported(Usage(50, 40))
    m.reported(Usage(60, 30))
    assert m.result() == Metered(Usage(60, 30), "reported")


def test_a_report_of_nothing_but_zeros_is_none():
    m = meter()
    m.relayed("hello")
    m.reported(Usage(7, 2))
    m.reported(Usage())
    assert m.result() == Metered(Usage(7, 2), "reported")
    fresh = meter()
    fresh.relayed("hello")
    fresh.reported(Usage())
    assert fresh.result() == Metered(Usage(10, 2), "estimated")


def test_without_a_report_it_is_estimated():
    m = meter(estimate=12)
    m.relayed("hello wo")
    m.relayed("你好")
    assert m.result() == Metered(Usage(12, 4), "estimated")


def test_at_least_one_token_per_content_event():
    m = meter()
    for letter in "abcdefgh":
        m.relayed(letter)
    m.relayed("")
    assert m.result().usage.completion == 8


def test_an_estimate_stays_within_the_bounds():
    m = meter(prompt=5, completion=3, estimate=12)
    m.relayed("x" * 400)
    assert m.result() == Metered(Usage(5, 3), "estimated")


@pytest.mark.parametrize(
    ("usage", "charged"),
    [
        (Usage(1001, 20, cached=5), Usage(1000, 20)),
        (Usage(-1, 20), Usage(1000, 20)),
        (Usage(10, 501, reasoning=3), Usage(10, 500)),
        (Usage(10, -1), Usage(10, 500)),
        (Usage(10, 20, cached=11), Usage(10, 20)),
        (Usage(10, 20, cached=6, cache_write=5), Usage(10, 20)),
        (Usage(10, 20, cached=-1), Usage(10, 20)),
        (Usage(10, 20, cached=5, reasoning=21), Usage(10, 20, cached=5)),
        (Usage(10.0, 20), Usage(1000, 20)),
        (Usage(True, 20), Usage(1000, 20)),
        (Usage("10", 20), Usage(1000, 20)),
        (Usage(None, 20), Usage(1000, 20)),
        (Usage(float("nan"), 20), Usage(1000, 20)),
    ],
)
def test_an_impossible_count_is_charged_by_its_bound(usage, charged):
    m = meter(1000, 500)
    m.reported(usage)
    metered = m.result()
    assert metered == Metered(charged, "disputed")
    assert all(type(count) is int for count in counts(metered.usage))


def test_what_came_after_the_last_report_counts_when_the_answer_was_cut():
    m = meter()
    m.reported(Usage(100, 1))
    m.relayed("x" * 40)
    assert m.result() == Metered(Usage(100, 1), "reported")
    assert m.result(whole=False) == Metered(Usage(100, 11), "estimated")
    m.reported(Usage(100, 9))
    assert m.result(whole=False) == Metered(Usage(100, 9), "reported")


def test_what_somebody_else_adds_to_a_cut_answer_counts_as_it_was_relayed():
    """His prompt, and what he says again, are no part of the bill."""
    m = meter()
    m.reported(Usage(100, 1))
    m.relayed("x" * 40)
    m.cut()
    m.reported(Usage(500, 400))
    m.relayed("y" * 40)
    assert m.result() == Metered(Usage(100, 21), "estimated")


def test_what_is_added_to_a_report_stays_within_the_bound():
    m = meter(completion=8)
    m.reported(Usage(100, 1))
    m.relayed("x" * 400)
    assert m.result(whole=False) == Metered(Usage(100, 8), "estimated")


@given(BOUND, BOUND, BOUND, REPORTS, TEXTS, st.booleans())
def test_nonsense_is_never_believed(prompt, completion, estimate, reports, texts, whole):
    m = Meter(prompt, completion, estimate)
    for text in texts:
        m.relayed(text)
    for usage in reports:
        m.reported(usage)
    metered = m.result(whole=whole)
    usage = metered.usage
    assert all(type(count) is int and count >= 0 for count in counts(usage))
    assert usage.prompt <= prompt
    assert usage.completion <= completion
    assert usage.cached + usage.cache_write <= usage.prompt
    assert usage.reasoning <= usage.completion
    if metered.source == "reported":
        assert usage in reports
        assert all(type(count) is int for count in counts(reports[[*reports].index(usage)]))
    if metered.source == "estimated" and not reports:
        assert usage.completion >= min(completion, sum(map(bool, texts)))


@given(st.text(max_size=60), st.booleans())
def test_raw_and_parsed_text_count_the_same(text, ascii_only):
    inside = json.dumps(text, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")[1:-1]
    raw, parsed = meter(10**6, 10**6), meter(10**6, 10**6)
    raw.relayed_raw(inside)
    parsed.relayed(text)
    assert raw.result() == parsed.result()


@given(st.binary(max_size=60))
def test_any_bytes_count_as_no_more_than_their_number(data):
    m = meter(10**6, 10**6)
    m.relayed_raw(data)
    assert min(1, len(data)) <= m.result().usage.completion + (not data) <= max(1, len(data))


def counts(usage):
    return (usage.prompt, usage.completion, usage.cached, usage.cache_write, usage.reasoning)
