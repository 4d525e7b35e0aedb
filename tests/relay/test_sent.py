from __future__ import annotations

import pytest

from tornadogw.relay.sent import LONGEST, Sent, lane_of
from tornadogw.types import Extra, Meta, Reasoning, Refusal, Stop, Text, ToolCall


def sent(*events) -> Sent:
    kept = Sent()
    for event in events:
        kept.add(event)
    return kept


def test_what_concatenates_stands_together():
    kept = sent(Reasoning("th"), Reasoning("ink"), Text("a"), Refusal("no"), Text("b"), Extra("k", 1))
    assert kept.lanes == {"reasoning": "think", "text": "ab", "refusal": "no"}
    assert (kept.last, kept.lost) == ("text", False)


def test_what_has_ended_is_not_gone_on_with():
    """Whoever went on would end it once more."""
    assert sent(Text("a"), Stop("stop")).lost


def test_each_tool_call_is_a_lane():
    kept = sent(
        ToolCall(0, "id0", "f", '{"a"'),
        ToolCall(1, "id1", "g"),
        ToolCall(0, arguments=":1}"),
        ToolCall(1, "", "", "{}"),
    )
    assert kept.lanes == {"tool 0": 'f\n{"a":1}', "tool 1": "g\n{}"}
    assert kept.last == "tool 1"


def test_raw_text_is_unescaped():
    kept = sent(Text("a"))
    for inside in (b"b", rb"\n\"", "你".encode(), rb"\u4f60"):
        kept.add_raw(inside)
    assert kept.lanes == {"text": 'ab\n"你你'}


@pytest.mark.parametrize("inside", [b"\xff", rb"\x"])
def test_raw_text_that_is_not_understood_is_lost(inside):
    kept = sent(Text("a"))
    kept.add_raw(inside)
    assert kept.lost
    kept.add(Text("b"))
    assert kept.lanes == {}


def test_no_more_is_kept_than_it_may():
    kept = sent(*[Text("x")] * LONGEST)
    assert not kept.lost
    assert kept.lanes == {"text": "x" * LONGEST}
    assert len(kept._lanes["text"]) <= 257
    kept.add(Text("y"))
    assert kept.lost
    for piece, times in ((b"x", LONGEST + 1), (b"x" * LONGEST, 2)):
        kept = Sent()
        for _ in range(times):
            kept.add_raw(piece)
        assert sum(map(len, kept._raw)) < LONGEST
        assert kept.lost


def test_what_is_no_part_of_an_answer_is_refused():
    assert lane_of(Meta()) == ""
    with pytest.raises(TypeError):
        sent(Meta())
