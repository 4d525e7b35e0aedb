"""Events that recordings do not hold: errors in a stream, odd reasons, nonsense."""

from __future__ import annotations

import json

import msgspec
import pytest
from tornadogw_anthropic import Anthropic
from tornadogw_anthropic.reading import Notes
from tornadogw_anthropic.reading import read as read_events

from tornadogw import (
    Call,
    Draft,
    Extra,
    Failure,
    Frame,
    Meta,
    Reasoning,
    Spent,
    Stop,
    Text,
    ToolCall,
    Unreadable,
    Usage,
)
from tornadogw.testing import read_all

VENDOR = Anthropic()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)
START = {"type": "message_start", "message": {"id": "msg_1", "model": "m-1", "usage": {"input_tokens": 5}}}


def stream(*events: dict) -> bytes:
    return b"".join(f"event: {each.get('type')}\ndata: {json.dumps(each)}  \n\n".encode() for each in events)


def read(*events: dict) -> list:
    return read_all(VENDOR, CALL, [stream(*events)])


def block(index: int, **block: object) -> dict:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **delta: object) -> dict:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def finish(reason: str | None, **usage: object) -> dict:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


STOP = {"type": "message_stop"}


def test_a_stream_of_all_kinds():
    events = read(
        START,
        block(0, type="thinking", thinking=""),
        delta(0, type="thinking_delta", thinking="Hm."),
        delta(0, type="signature_delta", signature="c2"),
        delta(0, type="signature_delta", signature="ln"),
        {"type": "content_block_stop", "index": 0},
        {"type": "ping"},
        block(1, type="redacted_thinking", data="opaque"),
        block(2, type="text", text="A"),
        delta(2, type="text_delta", text="B"),
        delta(2, type="text_delta", text=""),
        {"type": "yet_to_be_invented", "text": "C"},
        finish("end_turn", output_tokens=3),
        STOP,
    )
    spent = Spent(Usage(prompt=5, completion=3))
    signed = Extra("thinking_blocks", [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}])
    opaque = Extra("thinking_blocks", [{"type": "redacted_thinking", "data": "opaque"}])
    said = [Reasoning("Hm."), signed, opaque, Text("A"), Text("B")]
    assert events == [Meta("msg_1", "m-1"), *said, spent, Stop("stop")]


def test_a_thought_without_signature_or_end_is_not_given_back():
    for last in ({"type": "content_block_stop", "index": 0}, delta(0, type="signature_delta", signature="x")):
        events = read(START, block(0, type="thinking", thinking="a"), last, finish("end_turn"), STOP)
        assert not any(isinstance(event, Extra) for event in events)


def test_a_thought_without_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("tornadogw_anthropic.reading.LONGEST_THOUGHT", 10)
    notes = Notes(CALL)
    for said in (
        START,
        block(0, type="thinking", thinking=""),
        *[delta(0, type="thinking_delta", thinking="abcd")] * 9,
    ):
        assert list(read_events(said, notes)) is not None
    assert sum(map(len, notes.thoughts[0].pieces)) <= 10
    assert notes.thoughts[0].signed() == []


def test_a_signature_without_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("tornadogw_anthropic.reading.LONGEST_THOUGHT", 10)
    notes = Notes(CALL)
    for said in (
        START,
        block(0, type="thinking", thinking=""),
        *[delta(0, type="signature_delta", signature="ab")] * 9,
    ):
        read_events(said, notes)
    assert sum(map(len, notes.thoughts[0].signature)) <= 10
    assert notes.thoughts[0].signed() == []


def test_the_input_of_the_answers_tool_is_the_answer():
    params = {"response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": {}}}}
    call = msgspec.structs.replace(CALL, model="claude-3-opus", draft=Draft("chat", "m", params=params))
    notes, events = Notes(call), []
    for said in (
        START,
        block(0, type="tool_use", id="t", name="out", input={}),
        delta(0, type="input_json_delta", partial_json='{"a"'),
        delta(0, type="input_json_delta", partial_json=":1}"),
        {"type": "content_block_stop", "index": 0},
        finish("tool_use"),
    ):
        events += read_events(said, notes)
    assert [event for event in events if isinstance(event, Text | ToolCall | Stop)] == [
        Text('{"a"'),
        Text(":1}"),
        Stop("stop"),
    ]


def test_tools_are_counted_apart_and_never_without_arguments():
    events = read(
        START,
        block(0, type="text", text=""),
        block(1, type="tool_use", id="t1", name="a", input={}),
        delta(1, type="input_json_delta", partial_json=""),
        delta(1, type="input_json_delta", partial_json='{"x":1}'),
        {"type": "content_block_stop", "index": 1},
        block(3, type="tool_use", id="t2", name="b", input={}),
        {"type": "content_block_stop", "index": 3},
        finish("tool_use"),
        STOP,
    )
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert calls == [
        ToolCall(0, "t1", "a"),
        ToolCall(0, arguments='{"x":1}'),
        ToolCall(1, "t2", "b"),
        ToolCall(1, arguments="{}"),
    ]


@pytest.mark.parametrize(
    ("reason", "means"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("compaction", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_reasons(reason, means):
    assert Stop(means) in read(START, finish(reason), STOP)


def test_there_is_one_reason_though_two_are_sent():
    events = read(START, finish("end_turn", output_tokens=1), finish("max_tokens", output_tokens=9), STOP)
    assert [event for event in events if isinstance(event, Stop)] == [Stop("stop")]
    assert [event for event in events if isinstance(event, Spent)][-1].usage.completion == 9


def test_why_it_was_refused_survives():
    details = {"type": "refusal", "category": "cyber"}
    said = {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": details}, "usage": {}}
    assert Extra("stop_details", details, place="choice") in read(START, said, STOP)


def test_cached_tokens_are_part_of_the_prompt():
    counts = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 100,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    spent = [event for event in read(START, finish("end_turn", **counts), STOP) if isinstance(event, Spent)]
    assert spent == [Spent(Usage(prompt=125, completion=7, cached=100, cache_write=20, reasoning=4))]


def test_counts_of_the_end_overwrite_those_of_the_start_but_nulls_do_not():
    events = read(START, finish("end_turn", input_tokens=None, output_tokens=2), STOP)
    assert Spent(Usage(prompt=5, completion=2)) in events


@pytest.mark.parametrize("value", ["7", 1.5, True, None, [1]])
def test_counts_that_are_no_integers_count_nothing(value):
    assert Spent(Usage(prompt=5)) in read(START, finish("end_turn", output_tokens=value), STOP)


def test_an_error_inside_a_stream():
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    events = read(START, error)
    assert events[0] == Failure("cool", "upstream+model", 10.0, "overloaded_error", "Overloaded", status=529)


def test_an_error_instead_of_an_answer():
    body = json.dumps({"type": "error", "error": {"type": "api_error", "message": "Internal"}}).encode()
    (failure,) = read_all(VENDOR, CALL, [body])
    assert (failure.kind, failure.code) == ("elsewhere", "api_error")


def test_an_end_without_the_last_event_is_whole_after_a_reason_only():
    assert not [event for event in read(START, finish("end_turn")) if isinstance(event, Failure)]
    assert [
        event.code for event in read(START, delta(0, type="text_delta", text="A")) if isinstance(event, Failure)
    ] == ["truncated"]


def test_the_last_event_says_that_nothing_follows():
    memo = VENDOR.memo(CALL)
    assert not memo.done
    VENDOR.read(Frame(json.dumps(STOP).encode()), memo)
    assert memo.done
    assert VENDOR.end(memo) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"data: nonsense\n\n",
        b"data: [1]\n\n",
        b'data: {"type":"message_start"}\n\n',
        b'data: {"type":"content_block_delta","index":0}\n\n',
        b'{"content": "x"}',
        b'{"type": "completion", "content": []}',
        b"{" * 3,
        b"[" * 100_000,
    ],
)
def test_garbage_is_unreadable(body):
    with pytest.raises(Unreadable):
        read_all(VENDOR, CALL, [body])
