"""Tool calls as vendors cut them: one id and name a call, an index always, arguments that concatenate."""

from __future__ import annotations

import pytest

from tornadogw.types import ToolCall
from tornadogw.vendors.chat_tools import ToolCalls


def piece(index=None, id=None, name=None, arguments=None):  # noqa: A002  # the dialect's word
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    told = {"index": index, "id": id, "function": function}
    return {key: value for key, value in told.items() if value is not None}


def read(*deltas, seed="r"):
    calls = ToolCalls(0)
    return [event for delta in deltas for event in calls.read(delta, seed)] + calls.end(seed)


def test_the_usual_way():
    events = read([piece(0, "c1", "f", "")], [piece(0, arguments='{"a"')], [piece(0, arguments=":1}")])
    assert events == [ToolCall(0, "c1", "f"), ToolCall(0, arguments='{"a"'), ToolCall(0, arguments=":1}")]


def test_empty_and_repeated_ids_and_names_never_overwrite():
    events = read(
        [piece(0, "c1", "f", "")],
        [piece(0, "c1", "", "")],
        [piece(0, "", arguments="{")],
        [piece(0, "c1", "f", "}")],
        [piece(0, "", arguments=None)],
    )
    assert events == [ToolCall(0, "c1", "f"), ToolCall(0, arguments="{"), ToolCall(0, arguments="}")]


def test_calls_without_index():
    whole = read([piece(None, "c1", "f", "{}"), piece(None, "c2", "g", "{}")])
    assert whole == [ToolCall(0, "c1", "f", "{}"), ToolCall(1, "c2", "g", "{}")]
    cut = read([piece(None, "c1", "f", "{")], [piece(arguments="}")], [piece(None, "c1", arguments=" ")])
    assert cut == [ToolCall(0, "c1", "f", "{"), ToolCall(0, arguments="}"), ToolCall(0, arguments=" ")]


def test_another_call_on_a_worn_out_index():
    events = read([piece(0, "c1", "f", "{}")], [piece(0, "c2", "g", "{}")], [piece(0, arguments=" ")])
    assert events == [ToolCall(0, "c1", "f", "{}"), ToolCall(1, "c2", "g", "{}"), ToolCall(1, arguments=" ")]


def test_an_id_that_changes_alone_is_the_vendors_noise():
    events = read([piece(0, "c1", "f", "{")], [piece(0, "c9", arguments="}")])
    assert events == [ToolCall(0, "c1", "f", "{"), ToolCall(0, arguments="}")]


def test_indexes_begin_at_zero_and_are_in_order():
    assert [event.index for event in read([piece(1, "a", "f", ""), piece(2, "b", "g", "")])] == [0, 1]


def test_the_first_piece_waits_for_the_name():
    assert read([piece(0, "c1", arguments="{")], [piece(0, name="f", arguments="}")]) == [ToolCall(0, "c1", "f", "{}")]
    assert read([piece(0, "c1", arguments="{}")]) == [ToolCall(0, "c1", "", "{}")]


@pytest.mark.parametrize(
    ("arguments", "text"), [({"city": "巴黎"}, '{"city":"巴黎"}'), ([1], "[1]"), (None, ""), (7, "7")]
)
def test_arguments_that_are_no_string_are_written_out(arguments, text):
    told = {"index": 0, "id": "c", "function": {"name": "f", "arguments": arguments}}
    assert read([told]) == [ToolCall(0, "c", "f", text)]


def test_made_up_ids_derive_from_the_answer():
    one, two = read([piece(0, name="f"), piece(1, "", "g")])
    assert one.id != two.id
    assert one.id.startswith("call_")
    assert read([piece(0, name="f"), piece(1, "", "g")]) == [one, two]
    assert read([piece(0, name="f")], seed="other")[0].id != one.id


def test_the_legacy_form_is_one_call():
    calls = ToolCalls(2)
    first = calls.read_legacy({"name": "f", "arguments": ""}, "r")
    assert [(event.name, event.choice, event.index) for event in first] == [("f", 2, 0)]
    assert calls.read_legacy({"arguments": "{}"}, "r") == [ToolCall(0, arguments="{}", choice=2)]
    assert calls


@pytest.mark.parametrize("nonsense", [None, {}, "x", [1, None, "x"], [{}], [{"index": {}, "id": 4, "function": "f"}]])
def test_nonsense_is_no_exception(nonsense):
    events = read(nonsense)
    assert all(event.name == "" and event.arguments == "" for event in events)
