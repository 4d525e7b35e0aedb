from __future__ import annotations

import orjson
import pytest

from tornadogw.dialects.chat_fold import Fold, in_form, merge
from tornadogw.dialects.chat_render import Identity
from tornadogw.types import Extra, Reasoning, Refusal, Stop, Text, ToolCall, Usage

IDENTITY = Identity("chatcmpl-1", 1714166400, "m")


def fold(*events, mode="chat"):
    folded = Fold(mode)
    for event in events:  # one by one and all at once must be the same
        folded.take([event])
    return orjson.loads(folded.body(IDENTITY, Usage(1, 2)))


def message(*events):
    return fold(*events)["choices"][0]["message"]


def test_text_and_usage():
    answer = fold(Text("Hel"), Text("lo"), Stop("stop"))
    assert answer == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1714166400,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }


def test_reasoning_comes_in_both_fields():
    said = message(Reasoning("be"), Reasoning("cause"), Text("42"), Stop("stop"))
    assert (said["reasoning"], said["reasoning_content"], said["content"]) == ("because", "because", "42")


def test_tool_calls_are_put_in_one_piece_each_and_silence_is_null():
    said = message(
        ToolCall(1, "b", "g", "{}"), ToolCall(0, "a", "f", '{"x"'), ToolCall(0, arguments=":1}"), Stop("tool_calls")
    )
    assert said["content"] is None
    assert [(call["id"], call["function"]["arguments"]) for call in said["tool_calls"]] == [
        ("a", '{"x":1}'),
        ("b", "{}"),
    ]


def test_what_must_come_back_with_a_call_stands_beside_its_id():
    said = message(
        ToolCall(0, "c", "f", "{", extras={"extra_content": 1}), ToolCall(0, arguments="}"), Stop("tool_calls")
    )
    assert said["tool_calls"] == [
        {"extra_content": 1, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


def test_a_client_that_asked_with_functions_reads_function_call():
    folded = Fold("chat", functions=True)
    folded.take([ToolCall(0, "x", "f", '{"a"'), ToolCall(0, arguments=":1}"), Stop("function_call")])
    choice = orjson.loads(folded.body(IDENTITY, Usage(1, 2)))["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"a":1}'}
    assert "tool_calls" not in choice["message"]


def test_an_empty_answer_has_empty_content():
    assert message(Stop("length"))["content"] == ""
    assert message(Refusal("no"), Stop("stop")) == {"role": "assistant", "content": None, "refusal": "no"}


def test_choices_are_in_order():
    answer = fold(Text("b", 1), Text("a", 0), Stop("stop", 1), Stop("length", 0))
    assert [(choice["index"], choice["finish_reason"]) for choice in answer["choices"]] == [(0, "length"), (1, "stop")]


def test_completion_shape():
    answer = fold(Text("once"), Stop("stop"), mode="completion")
    assert answer["object"] == "text_completion"
    assert answer["choices"] == [{"index": 0, "text": "once", "logprobs": None, "finish_reason": "stop"}]


def test_unknown_fields_are_kept_and_never_replace_ours():
    answer = fold(
        Extra("citations", ["a"], place="answer"),
        Extra("model", "intruder", place="answer"),
        Extra("logprobs", {"content": [1]}, place="choice"),
        Extra("logprobs", {"content": [2]}, place="choice"),
        Extra("annotations", [1]),
        Extra("content", "intruder"),
        Text("x"),
        Stop("stop"),
    )
    choice = answer["choices"][0]
    assert (answer["citations"], answer["model"]) == (["a"], "m")
    assert choice["logprobs"] == {"content": [1, 2]}
    assert (choice["message"]["annotations"], choice["message"]["content"]) == ([1], "x")


def test_merging_extends_what_grows_and_replaces_what_repeats():
    into: dict = {}
    for value in ([1], [1, 2], [1, 2], [3]):
        merge(into, "list", value)
    assert into["list"] == [1, 2, 3]
    merge(into, "text", "a")
    merge(into, "text", None)
    assert into["text"] == "a"


def test_nesting_of_an_upstream_is_not_ours():
    deep: dict = {}
    for _ in range(2000):
        deep = {"a": deep}
    into: dict = {"x": {"a": {}}}
    merge(into, "x", deep)
    assert into["x"]["a"] is not None


FORM = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1714166400,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x", "odd": 1}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "odd": {}},
    "odd": [1],
}
CHOICE = FORM["choices"][0]


def test_a_body_in_contract_form_may_pass():
    assert in_form(orjson.dumps(FORM), "chat", IDENTITY, Usage(1, 2))


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "other"},
        {"model": "org/other"},
        {"created": 1.5},
        {"object": "chat.completion.chunk"},
        {"error": {"message": "x"}},
        {"usage": None},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        {"choices": []},
        {"choices": [CHOICE | {"finish_reason": None}]},
        {"choices": [CHOICE | {"index": None}]},
        {"choices": [CHOICE | {"message": {"content": "x"}}]},
        {"choices": [CHOICE | {"message": {"role": "assistant", "content": None}}]},
    ],
)
def test_any_other_body_is_written_anew(changed):
    assert not in_form(orjson.dumps(FORM | changed), "chat", IDENTITY, Usage(1, 2))
