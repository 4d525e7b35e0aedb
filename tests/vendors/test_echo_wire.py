"""The bytes of the echo's answers."""

from __future__ import annotations

import orjson

from tornadogw.types import Call, Draft, Usage
from tornadogw.vendors.echo_plan import Choice, Directions, Invocation, Plan
from tornadogw.vendors.echo_wire import answer

PLAN = Plan((Choice(reasoning=("r",), text=("a ", "b")),), Usage(prompt=3, completion=3, reasoning=1), Directions())


def call(*, stream, mode="chat") -> Call:
    return Call(id="r1", draft=Draft(mode=mode, model="m"), model="m", base_url="", stream=stream)


def events(request) -> list:
    return [orjson.loads(block[6:]) for block in request.body.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]]


def test_a_chat_stream():
    request = answer(call(stream=True), PLAN, 12.9)
    head = {"id": "chatcmpl-r1", "object": "chat.completion.chunk", "created": 12, "model": "m"}
    deltas = [{"role": "assistant", "content": ""}, {"reasoning_content": "r"}, {"content": "a "}, {"content": "b"}]
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 3,
        "total_tokens": 6,
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    assert events(request) == [
        *({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas),
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**head, "choices": [], "usage": usage},
    ]
    assert request.headers == {"Content-Type": "text/event-stream"}


def test_a_chat_answer():
    request = answer(call(stream=False), PLAN, 12.9)
    body = orjson.loads(request.body)
    assert body["object"] == "chat.completion"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "a b", "reasoning_content": "r"},
            "finish_reason": "stop",
        }
    ]
    assert request.headers == {"Content-Type": "application/json"}


def test_tool_calls_have_their_id_and_name_once():
    tools = (Invocation("f", ('{"a":', "1}")), Invocation("g", ("{}",)))
    planned = Plan((Choice(tools=tools, finish="tool_calls"),), Usage(1, 5), Directions())
    pieces = [
        event["choices"][0]["delta"]["tool_calls"][0] for event in events(answer(call(stream=True), planned, 0))[1:6]
    ]
    assert pieces == [
        {"index": 0, "id": "call_chatcmpl-r1_0_0", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a":'}},
        {"index": 0, "function": {"arguments": "1}"}},
        {"index": 1, "id": "call_chatcmpl-r1_0_1", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    message = orjson.loads(answer(call(stream=False), planned, 0).body)["choices"][0]["message"]
    assert message["content"] is None
    assert [tool["function"] for tool in message["tool_calls"]] == [
        {"name": "f", "arguments": '{"a":1}'},
        {"name": "g", "arguments": "{}"},
    ]


def test_completions_take_turns():
    planned = Plan((Choice(text=("a ", "b")), Choice(text=("c",), finish="length")), Usage(2, 3), Directions())
    found = events(answer(call(stream=True, mode="completion"), planned, 0))
    assert {event["object"] for event in found} == {"text_completion"}
    assert {event["id"] for event in found} == {"cmpl-r1"}
    choices = [choice for event in found for choice in event["choices"]]
    assert [(choice["index"], choice["text"], choice["finish_reason"]) for choice in choices] == [
        (0, "a ", None),
        (1, "c", None),
        (0, "b", None),
        (1, "", "length"),
        (0, "", "stop"),
    ]
    body = orjson.loads(answer(call(stream=False, mode="completion"), planned, 0).body)
    assert [(choice["text"], choice["finish_reason"]) for choice in body["choices"]] == [
        ("a b", "stop"),
        ("c", "length"),
    ]


def test_a_broken_stream_is_whole_but_for_one_event():
    planned = Plan(PLAN.choices, PLAN.usage, Directions({"broken": ()}))
    blocks = answer(call(stream=True), planned, 0).body.split(b"\n\n")
    whole = answer(call(stream=True), PLAN, 0).body.split(b"\n\n")
    assert [block for block in blocks if block not in whole] == [b'data: {"id": "broken']
