"""Events that recordings do not hold: tools in a stream, errors in the middle, odd reasons, nonsense."""

from __future__ import annotations

import json

import pytest
from tornadogw_ollama import Ollama

from tornadogw import Call, Draft, Extra, Failure, Meta, Reasoning, Spent, Stop, Text, ToolCall, Unreadable, Usage
from tornadogw.testing import read_all

VENDOR = Ollama()
DRAFT = Draft(mode="chat", model="m", prompt_bytes=400)
CALL = Call(id="r", draft=DRAFT, model="m", base_url=VENDOR.base_url)
WHOLE = Call(id="r", draft=DRAFT, model="m", base_url=VENDOR.base_url, stream=False)
META = Meta(model="m1", created=1716582406)


def line(done: bool = False, **message: object) -> dict:
    said = {"role": "assistant", "content": "", **message}
    return {"model": "m1", "created_at": "2024-05-24T20:26:46.294874123Z", "message": said, "done": done}


def last(reason: str | None = "stop", **more: object) -> dict:
    told = {} if reason is None else {"done_reason": reason}
    return {**line(done=True), **told, "prompt_eval_count": 17, "eval_count": 5, **more}


def read(*lines: dict, call: Call = CALL) -> list:
    return read_all(VENDOR, call, ["".join(json.dumps(each) + "\n" for each in lines).encode()])


def tool(name: str, arguments: object, **more: object) -> dict:
    return {"function": {"index": 0, "name": name, "arguments": arguments}, **more}


def failures(events: list) -> list[Failure]:
    return [event for event in events if isinstance(event, Failure)]


def test_a_stream_of_all_kinds():
    events = read(line(thinking="Hm."), line(content="A"), line(), line(content="B"), last())
    assert events == [META, Reasoning("Hm."), Text("A"), Text("B"), Spent(Usage(17, 5)), Stop("stop")]


def test_thoughts_by_the_chat_dialects_name():
    assert Reasoning("Hm.") in read(line(reasoning_content="Hm."), last())


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("call", [CALL, WHOLE])
def test_one_document_is_an_answer_too(indent, call):
    body = json.dumps({**last(), "message": {"role": "assistant", "content": "A"}}, indent=indent).encode()
    assert read_all(VENDOR, call, [body]) == [META, Text("A"), Spent(Usage(17, 5)), Stop("stop")]


def test_lines_are_an_answer_though_none_were_asked_for():
    lines = (line(content="A"), line(content="B"), last())
    assert read(*lines, call=WHOLE) == read(*lines)


def test_server_sent_events_are_read_as_well():
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in (line(content="A"), last())).encode()
    assert read_all(VENDOR, CALL, [body]) == read(line(content="A"), last())


def test_calls_come_whole():
    events = read(
        line(content="Well.", tool_calls=[tool("f", {"x": "é"}, id="c1"), tool("g", {})]),
        line(tool_calls=[tool("h", None), tool("i", '{"y":1}')]),
        last(),
    )
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert [(call.index, call.name, call.arguments) for call in calls] == [
        (0, "f", '{"x": "é"}'),
        (1, "g", "{}"),
        (2, "h", "{}"),
        (3, "i", '{"y":1}'),
    ]
    assert calls[0].id == "c1"
    assert len({call.id for call in calls}) == 4
    assert all(call.id.startswith("call_") for call in calls[1:])
    assert events[-1] == Stop("tool_calls")


def test_made_up_ids_are_the_same_for_the_same_request_and_no_other():
    def made(request: str) -> list[str]:
        call = Call(id=request, draft=DRAFT, model="m", base_url="http://a")
        events = read(line(tool_calls=[tool("f", {}), tool("f", {})]), last(), call=call)
        return [event.id for event in events if isinstance(event, ToolCall)]

    assert made("a") == made("a")
    assert len({*made("a"), *made("b")}) == 4


@pytest.mark.parametrize(
    ("reason", "means"), [("stop", "stop"), ("length", "length"), (None, "stop"), ("load", "stop"), ("new", "stop")]
)
def test_reasons(reason, means):
    assert read(line(content="A"), last(reason))[-1] == Stop(means)


def test_a_cut_answer_with_a_call_is_cut():
    assert read(line(tool_calls=[tool("f", {})]), last("length"))[-1] == Stop("length")


@pytest.mark.parametrize("reason", ["load", "unload"])
def test_moving_a_model_is_no_answer(reason):
    assert [failure.code for failure in failures(read(last(reason)))] == ["not_generated"]


def test_an_empty_answer_is_one():
    assert read(last()) == [META, Spent(Usage(17, 5)), Stop("stop")]


def test_counts():
    cached = last()
    del cached["prompt_eval_count"]
    assert Spent(Usage(100, 5)) in read(line(content="A"), cached)  # a quarter of 400 bytes
    bare = {**line(done=True), "done_reason": "stop"}
    assert not [event for event in read(line(content="A"), bare) if isinstance(event, Spent)]
    assert Spent(Usage(0, 0)) in read(last(prompt_eval_count="7", eval_count=-1))


@pytest.mark.parametrize("call", [CALL, WHOLE])
@pytest.mark.parametrize("before", [(), (line(content="A"),)])
def test_an_error_at_any_time(call, before):
    events = read(*before, {"error": "llama runner process has terminated"}, call=call)
    assert next((failure.kind, failure.code) for failure in failures(events)) == ("cool", "model_broken")


def test_a_body_that_ends_early_is_cut():
    assert [failure.code for failure in failures(read(line(content="A")))] == ["truncated"]
    assert [failure.code for failure in failures(read(line(content="A"), call=WHOLE))] == ["truncated"]
    assert [failure.code for failure in failures(read(line(content="A"), line(content="B"), call=WHOLE))] == [
        "truncated"
    ]
    body = json.dumps(line(content="A")).encode() + b"\n" + json.dumps(last()).encode()[:-1]
    for call in (CALL, WHOLE):
        events = read_all(VENDOR, call, [body])
        assert Text("A") in events
        assert [failure.code for failure in failures(events)] == ["truncated"]


def test_the_last_line_says_that_nothing_follows():
    memo = VENDOR.memo(CALL)
    assert [failure.code for failure in VENDOR.end(memo)] == ["truncated"]
    VENDOR.read_whole(json.dumps(last()).encode(), memo)
    assert memo.done
    assert VENDOR.end(memo) == ()


def test_logprobs_in_the_clients_form():
    token = {"token": "é", "logprob": -0.5, "bytes": [1]}
    others = [{"token": "e", "logprob": -1.5}, "?"]
    told = {
        "token": "é",
        "logprob": -0.5,
        "bytes": [195, 169],
        "top_logprobs": [{"token": "e", "logprob": -1.5, "bytes": [101]}],
    }
    events = read({**line(content="é"), "logprobs": [{**token, "top_logprobs": others}, None]}, last())
    assert Extra("logprobs", {"content": [told], "refusal": None}, place="choice") in events


@pytest.mark.parametrize("created", ["", "yesterday", "9999-99-99", "0001-01-01T00:00:00+14:00"])
def test_times_of_another_form(created):
    assert Meta(model="m1") in read({**last(), "created_at": created})


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "m"}',
        b'{"model": "m"}\n{"model": "m"}\n',
        b'{"message": {"content": "\\ud800"}}',
        b"{" * 3,
        b"[1]",
        b"[" * 100_000,
    ],
)
def test_garbage_is_unreadable(body):
    with pytest.raises(Unreadable):
        VENDOR.read_whole(body, VENDOR.memo(WHOLE))
