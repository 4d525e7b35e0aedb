"""A second answer after a first one that broke off: never a word twice, never a word that does not follow."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.relay.conftest import call_of, draft_of, event, meter
from tests.relay.test_sent import sent
from tornadogw.relay.resumed import Compared, Different, Prefilled, ResumedReader, prefill_of
from tornadogw.types import Extra, Reasoning, Refusal, Stop, Text, ToolCall


def rest(following, *events):
    """What passes, with neighbouring texts joined."""
    passed = []
    for each in events:
        for item in following.rest(each):
            joins = isinstance(item, Text) and passed and isinstance(passed[-1], Text)
            passed.append(Text(passed.pop().text + item.text) if joins else item)
    return passed


def pieces(text: str, cuts) -> list[Text]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [Text(text[start:end]) for start, end in itertools.pairwise(places)]


STOP = Stop("stop")
CUTS = st.lists(st.integers(0, 99), max_size=6)
SAID = st.text("ab \n你", max_size=9)


# --- a second answer that begins anew ---------------------------------------------------------------------------------


@given(SAID, SAID, CUTS)
def test_an_answer_that_begins_the_same_goes_on_after_it(begun, more, cuts):
    following = Compared(sent(Text(begun)))
    passed = rest(following, *pieces(begun + more, cuts), STOP)
    assert passed == [*([Text(more)] if more else []), STOP]


@given(SAID.filter(bool), SAID, CUTS)
def test_another_answer_is_seen_at_the_first_difference(begun, other, cuts):
    following, passed = Compared(sent(Text(begun))), []
    if (begun + "!").startswith(other):
        other += "!"
    if other.startswith(begun):
        return
    with pytest.raises(Different):
        for each in [*pieces(other, cuts), STOP]:
            passed += following.rest(each)
    assert passed == []


def test_an_answer_that_ends_before_is_another_one():
    with pytest.raises(Different):
        rest(Compared(sent(Text("abc"))), Text("ab"), STOP)


def test_one_that_ends_where_the_first_was_cut_is_whole():
    assert rest(Compared(sent(Text("abc"))), Text("abc"), STOP) == [STOP]


def test_new_thoughts_are_left_out_once_the_answer_was_read():
    following = Compared(sent(Reasoning("hm"), Text("ab")))
    assert rest(following, Reasoning("other thoughts"), Text("abc"), STOP) == [Text("c"), STOP]
    following = Compared(sent(Text("ab")))
    assert rest(following, Reasoning("thoughts"), Text("abc")) == [Text("c")]


def test_thoughts_alone_must_come_again():
    first = sent(Reasoning("hm"))
    assert rest(Compared(first), Reasoning("h"), Reasoning("mm"), Text("a")) == [Reasoning("m"), Text("a")]
    with pytest.raises(Different):
        rest(Compared(first), Reasoning("ah"))
    with pytest.raises(Different):
        rest(Compared(first), Text("a"))


def test_a_tool_call_goes_on_in_the_middle_of_its_arguments():
    first = sent(Text("so"), ToolCall(0, "id", "f", '{"a":'))
    again = [Text("so"), ToolCall(0, "other", "f"), ToolCall(0, arguments='{"a": 1'), ToolCall(0, arguments="}"), STOP]
    with pytest.raises(Different):
        rest(Compared(sent(Text("so"), ToolCall(0, "id", "g"))), *again)
    again[2] = ToolCall(0, arguments='{"a":1')
    assert rest(Compared(first), *again) == [ToolCall(0, arguments="1"), ToolCall(0, arguments="}"), STOP]
    next_one = ToolCall(1, "id1", "g", "{}")
    assert rest(Compared(first), *again[:2], ToolCall(0, arguments='{"a":'), next_one) == [next_one]


def test_what_was_whole_may_not_grow():
    first = sent(ToolCall(0, "id", "f", "{}"), ToolCall(1, "id", "g", "{"))
    with pytest.raises(Different):
        rest(Compared(first), ToolCall(0, "id", "f", "{} "))
    with pytest.raises(Different):
        rest(Compared(first), ToolCall(0, "id", "f", "{}"), Text("now"))


def test_opaque_things_pass_only_after_it():
    extra = Extra("k", 1)
    assert rest(Compared(sent(Text("ab"))), extra, Text("abc"), extra) == [Text("c"), extra]


# --- a second answer that goes on -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "begun"),
    [
        ([Text("Once upon \n")], "Once upon"),
        ([Text(" \n")], ""),
        ([Reasoning("hm"), Text("a")], ""),
        ([Text("a"), ToolCall(0, "", "f")], ""),
        ([Refusal("no")], ""),
    ],
)
def test_text_alone_can_be_gone_on_with(events, begun):
    assert prefill_of(sent(*events)) == begun


@pytest.mark.parametrize(
    ("begun", "second", "passed"),
    [
        ("Once upon", " a time", " a time"),
        ("Once upon ", " a time", "a time"),
        ("Once upon ", "a time", "a time"),
        ("Once\n\n", "\n\nupon", "upon"),
        ("Once\n\n", "\n upon", " upon"),
        ("Once upon", "Once upon a time", " a time"),
        ("Once upon ", "Once upon a time", "a time"),
        ("Once upon", "Once more", "Once more"),
        ("p", "pong", "ong"),
        ("Once upon", "Once", "Once"),
    ],
)
@given(CUTS)
def test_blanks_and_repeated_beginnings_are_left_out(begun, second, passed, cuts):
    assert rest(Prefilled(sent(Text(begun))), *pieces(second, cuts), STOP) == [Text(passed), STOP]


def test_opaque_things_do_not_hide_a_repeated_beginning():
    extra = Extra("k", 1)
    assert rest(Prefilled(sent(Text("Once"))), extra, Text("On"), extra, Text("ce upon")) == [
        extra,
        extra,
        Text(" upon"),
    ]


def test_thoughts_come_too_late():
    assert rest(Prefilled(sent(Text("Once"))), Reasoning("hm"), Text(" upon")) == [Text(" upon")]


# --- the reader -------------------------------------------------------------------------------------------------------


def read(rows, first, following, body):
    reader = ResumedReader(rows["vllm"], call_of(draft_of()), meter(), following)
    return reader, [*reader.feed(body), *reader.end()]


def test_what_is_read_is_what_is_new(rows):
    first = sent(Text("Hel"))
    body = event({"role": "assistant", "content": "He"}) + event({"content": "llo"}) + event({}, "stop")
    reader, items = read(rows, first, Compared(first), body)
    assert items == [Text("lo"), STOP]
    assert (reader.failure, reader.complete) == (None, True)
    assert first.lanes == {"text": "Hello"}
    assert reader._meter._ascii == 2


def test_it_is_heard_while_it_repeats(rows):
    first = sent(Text("Hel"))
    reader = ResumedReader(rows["vllm"], call_of(draft_of()), meter(), Compared(first))
    assert list(reader.feed(event({"role": "assistant"}))) == []
    assert not reader.useful
    assert list(reader.feed(event({"content": "H"}))) == []
    assert reader.useful


def test_another_answer_is_a_failure_that_blames_nobody(rows):
    first = sent(Text("Hel"))
    reader, items = read(rows, first, Compared(first), event({"content": "Hi"}))
    assert items == []
    assert reader.failure is not None
    assert (reader.failure.kind, reader.failure.code) == ("cannot", "different")


def test_other_choices_are_none_of_it(rows):
    first = sent(Text("Hel"))
    other = event({"content": "X"}).replace(b'"index":0', b'"index":1')
    _, items = read(rows, first, Compared(first), other + event({"content": "Hello"}, "stop"))
    assert items == [Text("lo"), STOP]
