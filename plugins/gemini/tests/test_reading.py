"""What the vendor says, as the gateway's events."""

from __future__ import annotations

import json

import pytest
from tornadogw_gemini import Gemini

from tornadogw import Call, Draft, Extra, Failure, Meta, Reasoning, Spent, Stop, Text, ToolCall, Unreadable, Usage
from tornadogw.testing import read_all

VENDOR = Gemini()
META = {"responseId": "r1", "modelVersion": "gemini-3-flash"}


def call(choices=1):
    draft = Draft(mode="chat", model="m", choices=choices)
    return Call(id="q", draft=draft, model="m", base_url="https://api.example")


def candidate(*parts, index=None, **more):
    said = {"content": {"role": "model", "parts": list(parts)}, **more}
    return said if index is None else {**said, "index": index}


def stream(*responses):
    return "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in responses).encode()


def read(*responses, choices=1):
    return read_all(VENDOR, call(choices), [stream(*responses)])


def response(*candidates, **more):
    return {"candidates": list(candidates), **more}


def whole(said, choices=1):
    return read_all(VENDOR, call(choices), [json.dumps(said).encode()])


def test_text_and_thoughts():
    events = read(
        {**META, **response(candidate({"text": "Hm.", "thought": True}, {"text": ""}))},
        {**META, **response(candidate({"text": "Hi"}, {"text": "!"}))},
        response(candidate(finishReason="STOP")),
    )
    assert events == [Meta("r1", "gemini-3-flash"), Reasoning("Hm."), Text("Hi"), Text("!"), Stop("stop")]


def test_usage_is_told_at_the_end_and_never_falls():
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
    events = read(
        response(candidate({"text": "a"}), usageMetadata=counts),
        response(candidate({"text": "b"}), usageMetadata={"promptTokenCount": 5, "totalTokenCount": 5}),
        response(
            candidate({"text": "c"}, finishReason="MAX_TOKENS"),
            usageMetadata={
                "promptTokenCount": 6,
                "toolUsePromptTokenCount": 4,
                "candidatesTokenCount": 8,
                "thoughtsTokenCount": 9,
                "cachedContentTokenCount": 3,
                "totalTokenCount": 27,
            },
        ),
    )
    assert events[-2:] == [Stop("length"), Spent(Usage(10, 17, cached=3, reasoning=9))]
    assert len([event for event in events if isinstance(event, Spent)]) == 1


def test_counts_that_are_none():
    strange = {"promptTokenCount": -1, "candidatesTokenCount": "9", "thoughtsTokenCount": True, "x": 1}
    events = read(response(candidate({"text": "a"}, finishReason="STOP"), usageMetadata=strange))
    assert events == [Text("a"), Stop("stop")]


def test_several_choices():
    events = read(
        response(candidate({"text": "a"}, index=0), candidate({"text": "b"}, index=1)),
        response(candidate(index=1, finishReason="STOP")),
        response(candidate({"text": "c"}, index=0, finishReason="MAX_TOKENS")),
        choices=2,
    )
    assert events == [Text("a"), Text("b", 1), Stop("stop", 1), Text("c"), Stop("length")]


def test_a_choice_that_never_ends_is_truncated():
    events = read(response(candidate({"text": "a"}, index=0), candidate(index=1, finishReason="STOP")), choices=2)
    assert [event.code for event in events if isinstance(event, Failure)] == ["truncated"]


def test_what_follows_the_end_of_a_choice_is_left_out():
    events = read(
        response(candidate({"text": "a"}, finishReason="STOP")),
        response(candidate({"text": "b"}, finishReason="STOP")),
    )
    assert events == [Text("a"), Stop("stop")]


def test_the_core_is_told_when_nothing_follows():
    memo = VENDOR.memo(call())
    frame = response(candidate({"text": "a"}, finishReason="STOP"), usageMetadata={"totalTokenCount": 2})
    VENDOR.read_whole(json.dumps(frame).encode(), memo)
    assert memo.done
    memo = VENDOR.memo(call(2))
    VENDOR.read_whole(json.dumps(frame).encode(), memo)
    assert not memo.done


# --- tools -------------------------------------------------------------------------------------------------------


def test_calls_stop_for_tool_calls_with_ids_that_are_always_the_same():
    parts = [{"functionCall": {"name": "f", "args": {"a": "\u6771"}}}, {"functionCall": {"name": "g", "id": "own"}}]
    said = {**META, **response(candidate(*parts, finishReason="STOP"))}
    events = read(said)
    assert events == read(said) == whole(said)
    _, first, second, stop = events
    assert (first.index, first.name, first.arguments) == (0, "f", '{"a":"東"}')
    assert first.id.startswith("call_")
    assert second == ToolCall(1, "own", "g", "{}")
    assert stop == Stop("tool_calls")
    assert first.id not in {event.id for event in read({**said, "responseId": "r2"}) if isinstance(event, ToolCall)}


def test_a_call_that_is_cut_by_the_limit_stops_for_length():
    events = read(response(candidate({"functionCall": {"name": "f"}}, finishReason="MAX_TOKENS")))
    assert events[-1] == Stop("length")


def piece(name="", more=False, **more_fields):
    said = {**({"name": name} if name else {}), **({"willContinue": True} if more else {}), **more_fields}
    return response(candidate({"functionCall": said}))


def part(path, more=False, **value):
    return {"jsonPath": path, **value, **({"willContinue": True} if more else {})}


def arguments(*responses):
    events = read(*responses, response(candidate(finishReason="STOP")))
    calls = [event for event in events if isinstance(event, ToolCall)]
    return [
        json.loads("".join(each.arguments for each in calls if each.index == index))
        for index in {each.index for each in calls}
    ]


def test_arguments_in_pieces():
    assert arguments(
        piece("f", more=True),
        piece(more=True, partialArgs=[part("$.a[0].b", True, stringValue="x")]),
        piece(more=True, partialArgs=[part("$.a[0].b", True, stringValue="y"), part("$.a[0].b", stringValue="")]),
        piece(more=True, partialArgs=[part("$.a[1].b", numberValue=1.0), part("$.a[1].c", numberValue=0.5)]),
        piece(partialArgs=[part("$['odd key'].d", boolValue=False), part('$["e"]', nullValue="NULL_VALUE")]),
    ) == [{"a": [{"b": "xy"}, {"b": 1, "c": 0.5}], "odd key": {"d": False}, "e": None}]


def test_calls_in_pieces_may_follow_each_other_or_never_end():
    assert arguments(
        piece("f", more=True, partialArgs=[part("$.a", numberValue=1)]),
        piece("g", more=True, partialArgs=[part("$.b", numberValue=2)]),
    ) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "$",
        "$[0]",
        "$.a[5]",
        "$.a..b",
        "$.a[x]",
        "$.a[-1]",
        "$" + ".a" * 65,
        "$.s.t",
        None,
        5,
        "$.a" + "x" * 5000,
    ],
)
def test_a_strange_path_is_unreadable(path):
    with pytest.raises(Unreadable):
        read(piece("f", more=True, partialArgs=[part("$.s", stringValue="x"), part(path, stringValue="x")]))


def test_partial_arguments_are_bounded(monkeypatch):
    monkeypatch.setattr("tornadogw_gemini.partial.MOST_TEXT", 10)
    with pytest.raises(Unreadable):
        read(piece("f", more=True, partialArgs=[part("$.s", True, stringValue="x" * 6)] * 2))
    monkeypatch.setattr("tornadogw_gemini.partial.MOST_PIECES", 1)
    with pytest.raises(Unreadable):
        read(piece("f", more=True, partialArgs=[part("$.s", numberValue=1)] * 2))


# --- reasons -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        *((reason, "content_filter") for reason in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")),
        *((reason, "content_filter") for reason in ("LANGUAGE", "IMAGE_SAFETY", "MODEL_ARMOR", "OTHER")),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_reasons(reason, expected):
    """Content may be missing entirely."""
    events = read({"candidates": [{"finishReason": reason, "finishMessage": "why"}]})
    assert events[-1] == Stop(expected)
    told = [event.value for event in events if isinstance(event, Extra)]
    assert told == ([{"reason": reason, "message": "why"}] if expected == "content_filter" else [])


@pytest.mark.parametrize(
    "reason",
    [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
    ],
)
def test_reasons_that_are_failures(reason):
    (failure,) = whole(response(candidate({"text": "x"}, finishReason=reason)))
    assert (failure.kind, failure.code) == ("elsewhere", reason.lower())


def test_an_account_that_was_limited():
    (failure,) = whole(response(candidate(finishReason="PUP_LIMITED_DISABLED")))
    assert (failure.kind, failure.scope) == ("disable", "key")


def test_a_blocked_prompt_is_an_answer_without_a_word():
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}
    details = Extra("stop_details", {"reason": "PROHIBITED_CONTENT", "message": ""}, 0, "choice")
    assert read(blocked) == whole(blocked) == [details, Stop("content_filter"), Spent(Usage(4))]


# --- other forms -------------------------------------------------------------------------------------------------


def test_an_array_of_responses_is_a_stream():
    said = [response(candidate({"text": "a"})), response(candidate({"text": "b"}, finishReason="STOP"))]
    assert whole(said) == [Text("a"), Text("b"), Stop("stop")]
    assert [event.code for event in whole(said[:1]) if isinstance(event, Failure)] == ["truncated"]


def test_a_whole_answer_without_a_reason_is_whole():
    assert whole(response(candidate({"text": "a"}))) == [Text("a"), Stop("stop")]
    assert whole(response(candidate({"functionCall": {"name": "f"}})))[-1] == Stop("tool_calls")
    assert whole({}) == whole(response()) == []


def test_an_error_inside_a_200():
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    for events in (read(response(candidate({"text": "a"})), error), whole(error), whole([error])):
        failure = next(event for event in events if isinstance(event, Failure))
        assert (failure.kind, failure.scope, failure.code) == ("cool", "upstream+model", "overloaded")


def test_images_and_code():
    events = read(
        response(
            candidate(
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"inlineData": {"mimeType": "image/png", "data": "BBBB"}, "thought": True},
                {"executableCode": {"code": "1"}, "thoughtSignature": "AAAA"},
                {"codeExecutionResult": {"output": "1"}},
                finishReason="STOP",
            )
        )
    )
    assert events == [
        Extra("images", [{"type": "image_url", "index": 0, "image_url": {"url": "data:image/png;base64,AAAA"}}]),
        Extra("extra_content", {"google": {"code_execution": [{"index": 0, "executableCode": {"code": "1"}}]}}),
        Extra("extra_content", {"google": {"code_execution": [{"index": 1, "codeExecutionResult": {"output": "1"}}]}}),
        Stop("stop"),
    ]


def test_the_last_signature_of_a_text_is_told_once():
    """Clients join the texts of a stream's fields: two signatures would become one that is none."""
    events = read(
        response(candidate({"text": "a", "thoughtSignature": "AAAA"})),
        response(candidate({"text": "", "thoughtSignature": "BBBB"}, finishReason="STOP")),
    )
    signed = Extra("extra_content", {"google": {"thought_signature": "BBBB"}})
    assert events == [Text("a"), signed, Stop("stop")]


def test_log_probabilities_in_the_clients_form():
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5, "tokenId": 1}, {"token": "x"}],
        "topCandidates": [
            {"candidates": [{"token": "é", "logProbability": -0.5}, {"token": "e", "logProbability": -2}]}
        ],
    }
    events = whole(response(candidate({"text": "éx"}, finishReason="STOP", logprobsResult=result)))
    (extra,) = [event for event in events if isinstance(event, Extra)]
    assert (extra.key, extra.place) == ("logprobs", "choice")
    first, second = extra.value["content"]
    assert first["token"] == "é"
    assert (first["logprob"], first["bytes"]) == (-0.5, [0xC3, 0xA9])
    assert [each["token"] for each in first["top_logprobs"]] == ["é", "e"]
    assert (second["logprob"], second["top_logprobs"]) == (-9999.0, [])


@pytest.mark.parametrize(
    "said",
    [
        "5",
        "[5]",
        "nope",
        '{"candidates": [5]}',
        '{"candidates": [{"index": -1}]}',
        '{"candidates": [{"index": "0"}]}',
        '{"candidates": [{"content": {"parts": [5]}}]}',
        '{"candidates": [{"logprobsResult": {"chosenCandidates": [5]}}]}',
        '{"candidates": [{"index": 0}, {"index": 1}, {"index": 2}]}',
    ],
)
def test_garbage_is_unreadable(said):
    with pytest.raises(Unreadable):
        VENDOR.read_whole(said.encode(), VENDOR.memo(call()))
