"""Events that recordings do not hold: thinking, choices, cumulative texts, errors in the middle, nonsense."""

from __future__ import annotations

import json

import msgspec
import pytest
from tornadogw_dashscope import DashScope

from tornadogw import Call, Draft, Extra, Failure, Meta, Reasoning, Spent, Stop, Text, ToolCall, Unreadable, Usage
from tornadogw.testing import read_all

VENDOR = DashScope()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)
WHOLE = msgspec.structs.replace(CALL, stream=False)
USAGE = {"input_tokens": 17, "output_tokens": 5, "total_tokens": 22}
META = Meta("q1")


def choice(content: object = "", reason: object = "null", index: int | None = None, **message: object) -> dict:
    said = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": reason}
    return said if index is None else {**said, "index": index}


def event(*choices: dict, **more: object) -> dict:
    return {"output": {"choices": list(choices)}, "usage": USAGE, "request_id": "q1", **more}


def sse(*events: dict, kind: str = "result") -> bytes:
    told = (f"id:{at}\nevent:{kind}\n:HTTP_STATUS/200\ndata:{json.dumps(each)}\n\n" for at, each in enumerate(events))
    return "".join(told).encode()


def stream(*events: dict) -> list:
    return read_all(VENDOR, CALL, [sse(*events)])


def whole(said: object) -> list:
    return read_all(VENDOR, WHOLE, [json.dumps(said).encode()])


def texts(events: list, kind: type = Text, of: int = 0) -> str:
    return "".join(each.text for each in events if isinstance(each, kind) and each.choice == of)


def failures(events: list) -> list[Failure]:
    return [each for each in events if isinstance(each, Failure)]


def piece(arguments: object = None, **more: object) -> dict:
    return {"type": "function", "function": {"arguments": arguments}, **more}


def named(name: str, arguments: object, **more: object) -> dict:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def calls(events: list) -> dict[int, tuple[str, str, str]]:
    found: dict[int, tuple[str, str, str]] = {}
    for each in events:
        if isinstance(each, ToolCall):
            known = found.get(each.index, ("", "", ""))
            found[each.index] = (known[0] + each.id, known[1] + each.name, known[2] + each.arguments)
    return found


def test_thinking_then_text():
    spent = Spent(Usage(17, 5))
    assert stream(
        event(choice("", reasoning_content="Hm")),
        event(choice("", reasoning_content=".")),
        event(choice("A", reasoning_content="")),
        event(choice("", "stop", reasoning_content="")),
    ) == [META, Reasoning("Hm"), spent, Reasoning("."), spent, Text("A"), spent, spent, Stop("stop")]


def test_cumulative_thinking_text_and_arguments():
    events = stream(
        event(choice("", reasoning_content="Hm")),
        event(choice("", reasoning_content="Hm, so")),
        event(choice("A", reasoning_content="Hm, so")),
        event(choice("A B", tool_calls=[named("f", '{"x":', index=0, id="c1")])),
        event(choice("A B", "tool_calls", tool_calls=[named("f", '{"x": 1}', index=0, id="c1")])),
    )
    assert (texts(events, Reasoning), texts(events)) == ("Hm, so", "A B")
    assert calls(events) == {0: ("c1", "f", '{"x": 1}')}
    assert events[-1] == Stop("tool_calls")


def test_choices_end_each_by_itself():
    events = stream(
        event(choice("A", index=0), choice("X", index=1)),
        event(choice("Y", "length", index=1)),
        event(choice("B", "stop", index=0)),
    )
    assert (texts(events), texts(events, of=1)) == ("AB", "XY")
    assert [each for each in events if isinstance(each, Stop)] == [Stop("length", 1), Stop("stop", 0)]
    cut = stream(event(choice("A", index=0), choice("X", "stop", index=1)))
    assert [each.code for each in failures(cut)] == ["truncated"]


def test_several_choices_in_json():
    events = whole(event(choice("A", "stop", 0), choice("B", "length", 1)))
    assert events == [META, Text("A"), Text("B", 1), Spent(Usage(17, 5)), Stop("stop"), Stop("length", 1)]


def test_parallel_calls_in_pieces():
    events = stream(
        event(choice(tool_calls=[named("f", '{"a"', index=0, id="c1")])),
        event(choice(tool_calls=[piece(":1}", index=0, id="")])),
        event(choice(tool_calls=[named("g", '{"b"', index=1, id="c2")])),
        event(choice(tool_calls=[piece(":2}", index=1, id="c2"), piece(None, index=0, id="")])),
        event(choice("", "tool_calls", tool_calls=[{"function": {}, "index": 1}])),
    )
    assert calls(events) == {0: ("c1", "f", '{"a":1}'), 1: ("c2", "g", '{"b":2}')}


@pytest.mark.parametrize(
    ("pieces", "heard"),
    [
        ([named("f", {"x": "é"}, id="c")], [("c", "f", '{"x": "é"}')]),
        ([named("f", "{}", id="c"), named("g", "{}", id="d")], [("c", "f", "{}"), ("d", "g", "{}")]),
        ([named("f", "{}", id="c", index=0), named("g", "{}", id="d", index=0)], [("c", "f", "{}"), ("d", "g", "{}")]),
        ([piece('{"a"', index=0), named("f", ":1}", index=0, id="c")], [("c", "f", '{"a":1}')]),
        ([named("f", '{"a"', id="c"), piece(":1}")], [("c", "f", '{"a":1}')]),
        (["?", None, {"function": "f"}, 3], None),
    ],
)
def test_calls_of_other_forms(pieces, heard):
    found = calls(stream(event(choice(tool_calls=pieces)), event(choice("", "tool_calls"))))
    assert heard is None or list(found.values()) == heard


def test_made_up_ids_are_the_same_for_the_same_answer():
    def made(request: str) -> list[str]:
        said = event(choice("", "stop", tool_calls=[named("f", "{}"), named("f", "{}")]), request_id=request)
        return [identifier for identifier, _, _ in calls(whole(said)).values()]

    assert made("a") == made("a")
    assert len({*made("a"), *made("b")}) == 4


@pytest.mark.parametrize(
    ("reason", "means"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("sensitive", "content_filter"),
        ("x", "stop"),
    ],
)
def test_reasons(reason, means):
    assert stream(event(choice("A", reason)))[-1] == Stop(means)


@pytest.mark.parametrize("reason", ["null", "", None, 3])
def test_no_reason_is_an_open_end_of_a_stream_only(reason):
    assert [each.code for each in failures(stream(event(choice("A", reason))))] == ["truncated"]
    assert whole(event(choice("A", reason)))[-1] == Stop("stop")


def test_the_form_without_choices():
    events = [{"output": {"text": text, "finish_reason": reason}} for text, reason in (("A", "null"), ("B", "stop"))]
    assert stream(*events) == [Meta(), Text("A"), Text("B"), Stop("stop")]
    assert whole({"output": {"text": None, "finish_reason": None, "choices": [choice("A", "stop")]}})[1] == Text("A")


def test_parts_of_other_kinds_are_passed_on():
    events = whole(event(choice([{"text": "A"}, "B", {"audio": {"data": "x"}}, {}, None, 3], "stop")))
    assert texts(events) == "AB"
    assert Extra("content_parts", [{"audio": {"data": "x"}}]) in events


def test_logprobs_and_searches():
    tokens = {"content": [{"token": "A", "logprob": -0.1, "bytes": [65], "top_logprobs": []}]}
    said = event({**choice("A", "stop"), "logprobs": tokens})
    said["output"]["search_info"] = {"search_results": [{"url": "https://x.example"}]}
    events = whole(said)
    assert Extra("logprobs", tokens, place="choice") in events
    assert Extra("search_info", said["output"]["search_info"], place="answer") in events


def test_counts():
    usage = {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_creation_input_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    events = whole(event(choice("A", "stop"), usage=usage))
    assert Spent(Usage(17, 5, cached=3, cache_write=4, reasoning=2)) in events
    absurd = {"input_tokens": 1, "output_tokens": -1, "prompt_tokens_details": {"cached_tokens": 9}}
    assert Spent(Usage(1, 0, cached=1)) in whole(event(choice("A", "stop"), usage=absurd))


@pytest.mark.parametrize("before", [(), (event(choice("A")),)])
def test_an_error_at_any_time(before):
    said = {"code": "Throttling.RateQuota", "message": "Slow down", "request_id": "q1"}
    body = sse(*before) + sse(said, kind="error")
    (failure,) = failures(read_all(VENDOR, CALL, [body, sse(event(choice("B", "stop")))]))
    assert (failure.kind, failure.scope, failure.message) == ("cool", "key+model", "Slow down")


def test_an_error_as_the_whole_body():
    for call in (CALL, WHOLE):
        body = json.dumps({"code": "DataInspectionFailed", "message": "No."}).encode()
        (failure,) = failures(read_all(VENDOR, call, [body]))
        assert (failure.kind, failure.code) == ("client", "content_filter")


def test_an_error_event_without_a_code():
    assert [each.kind for each in failures(read_all(VENDOR, CALL, [sse({"message": "?"}, kind="error")]))] == [
        "elsewhere"
    ]


def test_an_answer_without_a_choice_is_none():
    assert [each.code for each in failures(whole({"output": {}}))] == ["empty"]
    assert [each.code for each in failures(stream({"output": {"choices": []}}))] == ["empty"]


def test_the_end_is_told_once():
    memo = VENDOR.memo(WHOLE)
    VENDOR.read_whole(json.dumps(event(choice("A"))).encode(), memo)
    assert memo.done
    assert VENDOR.end(memo) == ()


@pytest.mark.parametrize(
    "body", [b'{"request_id": "q"}', b'{"output": "A"}', b"{" * 3, b'{"output": {"text": "\\ud800"}}', b"[" * 100_000]
)
def test_garbage_is_unreadable(body):
    with pytest.raises(Unreadable):
        VENDOR.read_whole(body, VENDOR.memo(WHOLE))
