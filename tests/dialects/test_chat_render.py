from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.dialects.chat_render import DONE, Identity, StreamRenderer, error_event, usage_object
from tornadogw.errors import NoUpstream
from tornadogw.types import Extra, Reasoning, Refusal, Stop, Text, ToolCall, Usage

IDENTITY = Identity("chatcmpl-1", 1714166400, "m")


def render(*events, mode="chat"):
    return parsed(StreamRenderer(mode, IDENTITY).chunks(events))


def parsed(data: bytes):
    events = data.split(b"\n\n")
    assert events.pop() == b""
    return [orjson.loads(event.removeprefix(b"data: ")) for event in events]


def test_every_chunk_has_what_clients_need():
    chunks = render(Text("a"), Text("b"), Stop("stop"))
    for chunk in chunks:
        assert list(chunk)[:4] == ["id", "object", "created", "model"]
        assert (chunk["object"], chunk["choices"][0]["index"]) == ("chat.completion.chunk", 0)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, "stop"]
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": "a"},
        {"content": "b"},
        {},
    ]


def test_each_choice_has_its_role_once():
    chunks = render(Text("a"), Text("b", 1), Text("c", 1))
    assert ["role" in chunk["choices"][0]["delta"] for chunk in chunks] == [True, True, False]


def test_reasoning_comes_in_both_fields():
    [chunk] = render(Reasoning("why"))
    delta = chunk["choices"][0]["delta"]
    assert delta["reasoning"] == delta["reasoning_content"] == "why"


def test_refusals_keep_their_field():
    assert render(Refusal("no"))[0]["choices"][0]["delta"]["refusal"] == "no"


def test_a_tool_call_names_itself_once():
    first, second, other = render(
        ToolCall(0, "call_1", "f", '{"a"'), ToolCall(0, arguments=":1}"), ToolCall(1, "c2", "g")
    )
    assert first["choices"][0]["delta"]["tool_calls"] == [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a"'}}
    ]
    assert second["choices"][0]["delta"]["tool_calls"] == [{"index": 0, "function": {"arguments": ":1}"}}]
    assert other["choices"][0]["delta"]["tool_calls"][0]["id"] == "c2"


def test_what_must_come_back_with_a_call_stands_beside_its_id():
    first, second = render(
        ToolCall(0, "c", "f", "{", extras={"extra_content": 1, "id": "no"}), ToolCall(0, arguments="}")
    )
    assert first["choices"][0]["delta"]["tool_calls"] == [
        {"extra_content": 1, "index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}
    ]
    assert "extra_content" not in second["choices"][0]["delta"]["tool_calls"][0]


def test_a_client_that_asked_with_functions_reads_function_call():
    renderer = StreamRenderer("chat", IDENTITY, functions=True)
    first, second, last = parsed(
        renderer.chunks([ToolCall(0, "x", "f", '{"a"'), ToolCall(0, arguments=":1}"), Stop("function_call")])
    )
    assert first["choices"][0]["delta"]["function_call"] == {"name": "f", "arguments": '{"a"'}
    assert second["choices"][0]["delta"]["function_call"] == {"arguments": ":1}"}
    assert last["choices"][0]["finish_reason"] == "function_call"


def test_extras_stand_where_they_came_from():
    chunks = render(
        Extra("system_fingerprint", "fp", place="answer"),
        Extra("content_filter_results", {"hate": 0}, place="choice"),
        Extra("annotations", [1]),
        Text("x"),
    )
    assert chunks[0]["system_fingerprint"] == "fp"
    assert chunks[0]["choices"][0]["content_filter_results"] == {"hate": 0}
    assert chunks[0]["choices"][0]["delta"]["annotations"] == [1]
    assert "system_fingerprint" not in chunks[1]


def test_completion_chunks_carry_text():
    chunks = render(Text("a"), Reasoning("r"), Stop("tool_calls"), mode="completion")
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert [chunk["choices"][0]["text"] for chunk in chunks] == ["a", "", ""]
    assert chunks[1]["choices"][0]["reasoning"] == "r"
    assert chunks[2]["choices"][0]["finish_reason"] == "stop"


def test_usage_comes_only_when_asked_for():
    renderer = StreamRenderer("chat", IDENTITY)
    assert renderer.close(None) == DONE
    usage, done = renderer.close(Usage(3, 2)).split(b"\n\n")[:2]
    chunk = orjson.loads(usage.removeprefix(b"data: "))
    assert (chunk["choices"], chunk["usage"]["total_tokens"]) == ([], 5)
    assert done + b"\n\n" == DONE


def test_usage_tells_its_parts():
    assert usage_object(Usage(10, 5, cached=4, reasoning=2)) == {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_an_error_in_the_stream_is_recognised_by_every_client():
    assert error_event(NoUpstream(), "en").startswith(b'data: {"error":{"message":')
    assert orjson.loads(error_event(NoUpstream(), "zh")[6:])["code"] == 4001


@given(st.lists(st.text(), min_size=1))
def test_texts_come_through_whatever_they_hold(texts):
    said = [chunk["choices"][0]["delta"]["content"] for chunk in render(*map(Text, texts))]
    assert said == texts


def test_each_extra_rides_on_the_chunk_of_its_own_event():
    chunks = render(
        Text("a"),
        Extra("logprobs", {"content": ["a"]}, place="choice"),
        Text("b"),
        Extra("logprobs", {"content": ["b"]}, place="choice"),
        Stop("stop"),
        Extra("citations", ["x"], place="answer"),
    )
    assert [chunk["choices"][0].get("logprobs", {}).get("content") for chunk in chunks] == [["a"], ["b"], None]
    assert [chunk.get("citations") for chunk in chunks] == [None, None, ["x"]]


def test_completion_chunks_have_logprobs_once():
    data = StreamRenderer("completion", IDENTITY).chunks([Text("a"), Extra("logprobs", {"t": 1}, place="choice")])
    assert data.count(b'"logprobs"') == 1
    assert parsed(data)[0]["choices"][0]["logprobs"] == {"t": 1}
