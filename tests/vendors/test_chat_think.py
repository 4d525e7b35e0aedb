"""Reasoning in tags: found however it is cut, and only at the beginning of the text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.vendors.chat_think import ThinkSplitter


def split(pieces: list[str]) -> tuple[str, str]:
    """Reasoning and text."""
    splitter = ThinkSplitter()
    parts = [part for piece in pieces for part in splitter.feed(piece)] + splitter.end()
    assert all(text for _, text in parts)
    return "".join(text for thought, text in parts if thought), "".join(text for thought, text in parts if not thought)


CASES = [
    ("<think>\nhm\n</think>\n\nParis", ("hm\n", "Paris")),
    ("\n <think>hm</think>Paris", ("hm", "Paris")),
    ("<think>\n\n</think>\n\nParis", ("", "Paris")),
    ("<think></think>Paris", ("", "Paris")),
    ("<think>a < b </thin> </think>c", ("a < b </thin> ", "c")),
    ("<think>never ends </thi", ("never ends </thi", "")),
    ("<think>only", ("only", "")),
    ("<think>x</think>", ("x", "")),
    ("Paris <think>no</think>", ("", "Paris <think>no</think>")),
    ("<thinker> is a word", ("", "<thinker> is a word")),
    ("<thi", ("", "<thi")),
    ("  \n", ("", "  \n")),
    ("", ("", "")),
    ("  indented", ("", "  indented")),
    (" " * 100 + "<think>late", ("", " " * 100 + "<think>late")),
    ("a</think>b", ("", "a</think>b")),
]


@pytest.mark.parametrize(("text", "right"), CASES)
def test_text_is_taken_apart(text, right):
    assert split([text]) == right
    assert split(list(text)) == right


@given(st.sampled_from(CASES), st.lists(st.integers(0, 120), max_size=6))
def test_any_cut_gives_the_same(case, places):
    text, right = case
    borders = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    assert split([text[a:b] for a, b in pairwise(borders)]) == right


def test_ordinary_text_is_not_held_back():
    splitter = ThinkSplitter()
    assert splitter.feed("<") == []
    assert splitter.feed("b>") == [(False, "<b>")]
    assert splitter.plain
    assert splitter.feed("more") == [(False, "more")]
    assert splitter.end() == []
