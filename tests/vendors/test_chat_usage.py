"""Usage from wherever it stands, and never believed beyond reason."""

from __future__ import annotations

import pytest

from tornadogw.types import Usage
from tornadogw.vendors.chat_usage import UsageReader, at, split
from tornadogw.vendors.rows import load

PROFILES = {row.name: row.profile for row in load()}


def read(raw, vendor="openai"):
    return UsageReader(PROFILES[vendor]).read(raw)


def test_the_usual_object():
    raw = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    assert read(raw) == Usage(100, 50, 80, 5, 30)


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}, Usage(9, 1, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": 3}, Usage(9, 1, 3)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": None}, Usage(9, 1)),
        ({"input_tokens": 9, "output_tokens": 1}, Usage(9, 1)),
        ({"prompt_tokens": 9}, Usage(9)),
        ({"prompt_tokens": 9.0, "completion_tokens": 1}, Usage(9, 1)),
        ({"prompt_tokens": 3, "completion_tokens": 1, "cached_tokens": 400}, Usage(3, 1, 3)),
        ({"prompt_tokens": 3, "completion_tokens": 1, "cached_tokens": -4}, Usage(3, 1)),
        ({"prompt_tokens": 3, "completion_tokens": 1, "reasoning_tokens": 40}, Usage(3, 1, reasoning=1)),
    ],
)
def test_counts_under_other_names_and_parts_beyond_their_whole(raw, usage):
    assert read(raw) == usage


@pytest.mark.parametrize("count", ["12", -7, 1.5, True, [], float("inf")])
def test_what_is_no_count_is_left_for_the_meter_to_dispute(count):
    usage = read({"prompt_tokens": count, "completion_tokens": 1})
    assert usage is not None
    assert usage.prompt < 0


@pytest.mark.parametrize("raw", [None, {}, [], "usage", 5, {"total_tokens": 3}, {"prompt_tokens": None}])
def test_what_counts_nothing_is_no_usage(raw):
    assert read(raw) is None


def test_reasoning_that_was_counted_apart_is_added_if_the_total_says_so():
    raw = {
        "prompt_tokens": 12,
        "completion_tokens": 1,
        "total_tokens": 303,
        "completion_tokens_details": {"reasoning_tokens": 290},
    }
    assert read(raw, "xai") == Usage(12, 291, reasoning=290)
    assert read(raw, "openai") == Usage(12, 1, reasoning=1)
    within = {**raw, "completion_tokens": 291}
    assert read(within, "xai") == Usage(12, 291, reasoning=290)


def test_the_last_place_that_has_usage_counts():
    reader = UsageReader(PROFILES["groq"])
    one, two = {"prompt_tokens": 1, "completion_tokens": 1}, {"prompt_tokens": 2, "completion_tokens": 2}
    assert reader.find({"usage": one}) == Usage(1, 1)
    assert reader.find({"usage": None, "x_groq": {"usage": two}}) == Usage(2, 2)
    assert reader.find({"usage": one, "x_groq": {"usage": {}}}) == Usage(1, 1)
    assert reader.find({"usage": None, "x_groq": "odd"}) is None


def test_a_path_breaks_off_quietly():
    assert at({"a": {"b": 1}}, split(["a.b"])[0]) == 1
    assert at({"a": [1]}, split(["a.b"])[0]) is None
