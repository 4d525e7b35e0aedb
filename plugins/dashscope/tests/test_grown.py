"""Increments and whole texts are told apart, and nothing is told that is not so in both readings."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornadogw_dashscope.grown import Grown


def heard(*pieces: str) -> list[str]:
    grown = Grown()
    return [*(grown.feed(piece) for piece in pieces), grown.end()]


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        (["It", " seems", " so"], ["It", " seems", " so", ""]),
        (["It", "It seems", "It seems to be so"], ["It", "", " seems to be so", ""]),
        (["It", "It seems"], ["It", "", " seems"]),
        (["It", "It"], ["It", "", ""]),
        (["OK", "OK", "OK"], ["OK", "", "", ""]),
        (["ha", "ha", "ha", "ha", "!"], ["ha", "", "", "hahaha", "!", ""]),
        (["ha", "haha", "!"], ["ha", "ha", "ha!", ""]),
        (["1", "10", ""], ["1", "", "10", ""]),
        (["", "", "A", "B"], ["", "", "A", "B", ""]),
        (["ha", "haha", "hahaha", "!"], ["ha", "ha", "ha", "hahaha!", ""]),
        (["a" * 8, "a" * 12, "a" * 16, "x", "a" * 17], ["a" * 8, "a" * 4, "a" * 4, "", "a", ""]),
        ([], [""]),
    ],
)
def test_pieces(pieces, told):
    assert heard(*pieces) == told


@given(st.lists(st.text(min_size=1), min_size=1))
def test_whole_texts_give_the_last_one(pieces):
    assert "".join(heard(*accumulate(pieces))) == "".join(pieces)


@given(st.lists(st.text(alphabet="ab", min_size=1, max_size=3), min_size=1))
def test_short_increments_are_never_taken_for_whole_texts(pieces):
    assert "".join(heard(*pieces, "")) == "".join(pieces)
