"""Events that recordings do not hold: errors in a stream, odd reasons, nonsense."""

from __future__ import annotations

import json

import pytest
from tornadogw_cohere import Cohere

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

VENDOR = Cohere()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)
START = {"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant", "content": []}}}
TOKENS = {"tokens": {"input_tokens": 9, "output_tokens": 4}}


def stream(*events: dict, done: bool = True) -> bytes:
    sent = [f"event: {each.get('type')}\ndata: {json.dumps(each)}\n\n" for each in events]
    return "".join([*sent, "data: [DONE]\n\n"] if done else sent).encode()


def read(*events: dict, done: bool = True) -> list:
    return read_all(VENDOR, CALL, [stream(*events, done=done)])


def content(kind: str, piece: str, event: str = "content-delta", **more: object) -> dict:
    return {"type": event, "index": 0, "delta": {"message": {"content": {kind: piece}}}, **more}


def tool(event: str, index: int, **call: object) -> dict:
    return {"type": f"tool-call-{event}", "index": index, "delta": {"message": {"tool_calls": call}}}


def finish(reason: str | None = "COMPLETE", **more: object) -> dict:
    return {"type": "message-end", "delta": {"finish_reason": reason, **more}}


def whole(message: object, **more: object) -> list:
    return read_all(VENDOR, CALL, [json.dumps({"id": "a1", "message": message, **more}).encode()])


def test_a_stream_of_all_kinds():
    events = read(
        START,
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "Plan."}}},
        content("thinking", "H", "content-start"),
        content("thinking", "m."),
        {"type": "content-end", "index": 0},
        content("text", "", "content-start"),
        content("text", "A"),
        {"type": "debug", "prompt": "secret"},
        {"type": "yet-to-be-invented", "text": "C"},
        finish(usage=TOKENS),
    )
    thoughts = [Reasoning("Plan."), Reasoning("H"), Reasoning("m.")]
    assert events == [Meta("a1"), *thoughts, Text("A"), Spent(Usage(9, 4)), Stop("stop")]


def test_calls_are_counted_by_their_order_and_never_without_arguments():
    events = read(
        START,
        tool("start", 5, id="t1", function={"name": "a", "arguments": ""}),
        tool("delta", 5, function={"arguments": '{"x":1}'}),
        tool("end", 5),
        tool("start", 7, id="t2", function={"name": "b", "arguments": ""}),
        tool("end", 7),
        tool("start", 8, function={"name": "c", "arguments": {"y": "é"}}),
        tool("delta", 99, function={"arguments": "of no call"}),
        tool("start", 9, id="t4", function={"name": "d"}),
        finish("TOOL_CALL"),
    )
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert calls[:4] == [
        ToolCall(0, "t1", "a"),
        ToolCall(0, arguments='{"x":1}'),
        ToolCall(1, "t2", "b"),
        ToolCall(1, arguments="{}"),
    ]
    assert (calls[4].index, calls[4].name, calls[4].arguments) == (2, "c", '{"y": "é"}')
    assert calls[5:] == [ToolCall(3, "t4", "d"), ToolCall(3, arguments="{}")]
    assert events[-1] == Stop("tool_calls")


def test_made_up_ids_are_the_same_for_the_same_answer_and_no_other():
    def made(answer: str, index: int) -> str:
        one = [{**START, "id": answer}, *(tool("start", at, function={"name": "f"}) for at in range(index + 1))]
        return [event for event in read(*one) if isinstance(event, ToolCall) and event.name][-1].id

    assert made("a", 0) == made("a", 0)
    assert len({made("a", 0), made("a", 1), made("b", 0)}) == 3
    assert made("a", 0).startswith("call_")


@pytest.mark.parametrize(
    ("reason", "means"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("ERROR_LIMIT", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("TOOL_CALL", "stop"),  # without a call, nobody should look for one
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_reasons(reason, means):
    assert read(START, content("text", "A"), finish(reason))[-1] == Stop(means)
    assert whole({"content": [{"type": "text", "text": "A"}]}, finish_reason=reason)[-1] == Stop(means)


def test_calls_say_so_whatever_the_reason():
    call = tool("start", 0, id="t", function={"name": "f", "arguments": "{}"})
    assert read(START, call, finish("COMPLETE"))[-1] == Stop("tool_calls")
    assert read(START, call, finish("MAX_TOKENS"))[-1] == Stop("length")


def test_there_is_one_reason_though_two_are_sent():
    events = read(START, content("text", "A"), finish(), finish("MAX_TOKENS"))
    assert [event for event in events if isinstance(event, Stop)] == [Stop("stop")]


@pytest.mark.parametrize(
    ("reason", "more", "code"),
    [
        ("ERROR", {"error": "it broke"}, "error"),
        ("TIMEOUT", {}, "timeout"),
        ("COMPLETE", {"error": "it broke"}, "error"),
    ],
)
def test_reasons_that_are_failures(reason, more, code):
    failures = [event for event in read(START, finish(reason, usage=TOKENS, **more)) if isinstance(event, Failure)]
    assert (failures[0].kind, failures[0].code, failures[0].message) == ("elsewhere", code, more.get("error", ""))


@pytest.mark.parametrize("event", [{"message": "x"}, {"type": "error", "message": "x"}, {"error": "x"}])
def test_an_error_inside_a_stream(event):
    assert Failure("elsewhere", code="error", message="x") in read(START, event)


def test_an_error_instead_of_an_answer():
    body = json.dumps({"id": "1", "message": "too long", "error_type": "TOO_MANY_TOKENS"}).encode()
    (failure,) = read_all(VENDOR, CALL, [body])
    assert (failure.kind, failure.code) == ("cannot", "context_length_exceeded")


def test_counts():
    usage = {"billed_units": {"input_tokens": 1, "output_tokens": 2}, "cached_tokens": 3.0}
    full = {**usage, "tokens": {"input_tokens": 9.0, "output_tokens": 4, "reasoning_tokens": 2}}
    assert Spent(Usage(9, 4, cached=3, reasoning=2)) in read(START, finish(usage=full))
    assert Spent(Usage(1, 2, cached=3)) in read(START, finish(usage=usage))
    odd = {"tokens": {"input_tokens": "9", "output_tokens": -1, "reasoning_tokens": 0.5}, "cached_tokens": True}
    assert Spent(Usage()) in read(START, finish(usage=odd))
    assert not [event for event in read(START, finish()) if isinstance(event, Spent)]


def test_citations_survive():
    citation = {"start": 0, "end": 1, "text": "A", "sources": [{"type": "document", "id": "d"}]}
    event = {"type": "citation-start", "index": 0, "delta": {"message": {"citations": citation}}}
    assert Extra("citations", [citation]) in read(START, content("text", "A"), event, finish())
    assert Extra("citations", [citation]) in whole({"content": [], "citations": [citation]}, finish_reason="COMPLETE")


def test_logprobs_in_the_clients_form():
    piece = {"text": "é", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}
    token = {"token": "é", "logprob": -0.75, "bytes": [195, 169], "top_logprobs": []}
    told = Extra("logprobs", {"content": [token], "refusal": None}, place="choice")
    assert told in read(START, content("text", "é", logprobs=piece), finish())
    message = {"content": [{"type": "text", "text": "é"}]}
    assert told in whole(message, logprobs=[piece], finish_reason="COMPLETE")


def test_a_json_answer_may_be_plain_text_or_nothing():
    assert Text("A") in whole({"content": "A"}, finish_reason="COMPLETE")
    assert whole({"content": None}, finish_reason="COMPLETE") == [Meta("a1"), Stop("stop")]


def test_an_end_without_the_terminator_is_whole_after_a_reason_only():
    text = content("text", "A")
    assert not [event for event in read(START, text, finish(), done=False) if isinstance(event, Failure)]
    assert not [event for event in read(START, text) if isinstance(event, Failure)]
    cut = [event for event in read(START, text, done=False) if isinstance(event, Failure)]
    assert [event.code for event in cut] == ["truncated"]


def test_the_terminator_says_that_nothing_follows():
    memo = VENDOR.memo(CALL)
    assert not memo.done
    VENDOR.read(Frame(b"[DONE]"), memo)
    assert memo.done
    assert VENDOR.end(memo) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"data: nonsense\n\n",
        b"data: [1]\n\n",
        b'data: {"type":"content-delta","delta":{"message":{"content":{"text":"\\ud800"}}}}\n\n',
        b'{"text": "an answer of version 1"}',
        b'{"message": []}',
        b"{" * 3,
        b"[" * 100_000,
    ],
)
def test_garbage_is_unreadable(body):
    with pytest.raises(Unreadable):
        read_all(VENDOR, CALL, [body])
