"""Chunks and bodies to events: every place where vendors of this format put things."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vendors.oracle import ENGINES
from tornadogw.types import Call, Draft, Extra, Failure, Meta, Reasoning, Refusal, Spent, Stop, Text, ToolCall, Usage
from tornadogw.vendors.chat_read import ChatMemo, Reading, end, read_body, read_chunk
from tornadogw.vendors.rows import Profile, load

PROFILES = {row.name: row.profile for row in load()}
HEAD = {"id": "a1", "object": "chat.completion.chunk", "created": 7, "model": "m-1"}
META = Meta("a1", "m-1", 7)


def memo(profile: Profile | str = "siliconflow") -> ChatMemo:
    profile = PROFILES[profile] if isinstance(profile, str) else profile
    return ChatMemo(Call("request-1", Draft("chat", "m"), "m", "http://a"), Reading(profile))


def delta(part: dict[str, Any], index: int | None = 0, **rest: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {**HEAD, "choices": [{**place, "delta": part, "finish_reason": None, **rest}]}


def read(*chunks: dict[str, Any], profile: Profile | str = "siliconflow", done: bool = False) -> list[Any]:
    """The events after `Meta`, with those of the end."""
    kept = memo(profile)
    events = [event for chunk in chunks for event in read_chunk(chunk, kept)]
    kept.done = done
    return [event for event in [*events, *end(kept)] if not isinstance(event, Meta)]


STOP = delta({}, finish_reason="stop")


def test_meta_comes_once_from_the_first_chunk_that_knows():
    kept = memo()
    empty = {"choices": [], "id": "", "model": "", "created": 0, "object": ""}
    assert read_chunk(empty, kept) == []
    assert read_chunk(delta({"role": "assistant", "content": ""}), kept) == [META]
    assert read_chunk({**delta({"content": "x"}), "id": "a2"}, kept) == [Text("x")]
    assert read_chunk({"id": 5, "model": [], "created": "x"}, memo()) == []
    assert read_chunk({"id": "a", "created": 1.9e9 + 0.5}, memo()) == [Meta("a", "", 1_900_000_000)]
    assert read_chunk({"id": "a", "created": 1e300}, memo()) == [Meta("a")]


def test_text_in_deltas():
    assert read(delta({"content": "He"}), delta({"content": "y", "role": None}), STOP) == [
        Text("He"),
        Text("y"),
        Stop("stop"),
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm", "content": ""},
        {"reasoning": "hm", "reasoning_content": "hm"},
        {"reasoning_content": "", "reasoning": "hm", "content": None},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]}]},
        {"content": [{"type": "thinking", "thinking": "hm"}]},
        {"content": "<think>\nhm</think>\n"},
    ],
)
def test_every_place_of_reasoning(part):
    assert read(delta(part), STOP) == [Reasoning("hm"), Stop("stop")]


def test_tags_cut_across_chunks_and_what_was_held_back():
    parts = [delta({"content": piece}) for piece in ("<th", "ink>h", "m</", "think>", "\n", "Pa", "ris")]
    assert read(*parts, STOP) == [Reasoning("h"), Reasoning("m"), Text("Pa"), Text("ris"), Stop("stop")]
    assert read(delta({"content": "<th"}), STOP) == [Text("<th"), Stop("stop")]
    assert read(delta({"content": "<think>x</"}), done=True) == [Reasoning("x"), Reasoning("</"), Stop("stop")]
    assert read(delta({"content": "<think>x"}), STOP, profile="openai") == [Text("<think>x"), Stop("stop")]


def test_details_alone_may_hold_the_reasoning():
    details = [{"type": "reasoning.text", "text": "hm"}]
    part = delta({"reasoning_details": details})
    extra = Extra("reasoning_details", details)
    assert read(part, STOP, profile="minimax") == [extra, Reasoning("hm"), Stop("stop")]
    both = delta({"reasoning": "hm", "reasoning_details": details})
    assert read(both, STOP, profile="minimax") == [Reasoning("hm"), extra, Stop("stop")]
    assert read(part, STOP, profile="openrouter") == [extra, Stop("stop")]


def test_parts_of_content():
    odd = {"type": "reference", "ids": [1]}
    parts = delta({"content": [{"type": "text", "text": "a"}, "b", odd, None]})
    assert read(parts, STOP, profile="openai") == [Text("a"), Text("b"), Extra("content_parts", [odd]), Stop("stop")]


def test_refusals_and_calls():
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert read(delta({"refusal": "no"}), delta({"refusal": ""}), STOP) == [Refusal("no"), Stop("stop")]
    finish = delta({"content": None, "tool_calls": [call]}, finish_reason="tool_calls")
    assert read(finish) == [ToolCall(0, "c", "f", "{}"), Stop("tool_calls")]
    legacy = read(delta({"function_call": {"name": "f", "arguments": "{}"}}, finish_reason="function_call"))
    assert legacy == [ToolCall(0, legacy[0].id, "f", "{}"), Stop("function_call")]
    assert legacy[0].id.startswith("call_")


def test_calls_that_end_with_stop():
    call = delta({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}, finish_reason="stop")
    assert read(call, profile="ollama-openai")[-1] == Stop("tool_calls")
    assert read(call, profile="openai")[-1] == Stop("stop")
    assert read(STOP, profile="ollama-openai")[-1] == Stop("stop")


def test_several_choices_in_any_order_and_without_index():
    events = read(delta({"content": "b"}, 1), delta({"content": "a"}, 0), delta({}, 1, finish_reason="length"), STOP)
    assert events == [Text("b", 1), Text("a", 0), Stop("length", 1), Stop("stop", 0)]
    both = {**HEAD, "choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}, "index": -1}]}
    assert read(both, done=True) == [Text("a"), Text("b", 1), Stop("stop"), Stop("stop", 1)]


@pytest.mark.parametrize("reason", [None, "null", "", 5, {}])
def test_no_finish_reason_is_none(reason):
    assert read(delta({"content": "x"}, finish_reason=reason))[-1].code == "truncated"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("eos", "stop"),
        ("STOP", "stop"),
        ("model_length", "length"),
        ("sensitive", "content_filter"),
        ("brand_new", "stop"),
    ],
)
def test_other_finish_reasons(reason, told):
    assert read(delta({}, finish_reason=reason)) == [Stop(told)]


def test_a_choice_stops_once():
    assert read(STOP, STOP, delta({"content": ""}), delta({}, finish_reason="length")) == [Stop("stop")]


def test_a_choice_without_message_is_filtered():
    assert read({**HEAD, "choices": [{"index": 0, "finish_reason": "content_filter"}]}) == [Stop("content_filter")]


@pytest.mark.parametrize(
    "chunk",
    [
        {**HEAD, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
        {**STOP, "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
        {**HEAD, "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
        delta({}, usage={"prompt_tokens": 3, "completion_tokens": 2}),
        {**HEAD, "choices": [], "usage": None, "x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}},
    ],
)
def test_every_place_of_usage(chunk):
    assert Spent(Usage(3, 2)) in read(chunk, profile="groq")


def test_a_message_instead_of_deltas():
    message = {**HEAD, "choices": [{"message": {"role": "assistant", "content": "Hey"}, "finish_reason": "stop"}]}
    assert read(message) == [Text("Hey"), Stop("stop")]
    pieces = [{**HEAD, "choices": [{"message": {"content": text}}]} for text in ("H", "ey")]
    assert read(*pieces, done=True) == [Text("H"), Text("ey"), Stop("stop")]


def test_a_message_after_deltas_repeats_them():
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    deltas = delta({"content": "He", "reasoning_content": "hm", "tool_calls": [call]})
    whole = {"content": "Hey", "reasoning_content": "hm", "tool_calls": [call]}
    events = read(deltas, {**HEAD, "choices": [{"message": whole, "finish_reason": "stop"}]})
    assert events == [Text("He"), Reasoning("hm"), ToolCall(0, "c", "f", "{}"), Text("y"), Stop("stop")]
    beside = {**HEAD, "choices": [{"delta": {"content": "y"}, "message": {"content": "Hey"}}]}
    assert read(delta({"content": "He"}), beside, done=True) == [Text("He"), Text("y"), Stop("stop")]


def test_text_completion():
    chunk = {"id": "a1", "object": "text_completion", "choices": [{"text": "Once", "index": 0, "logprobs": None}]}
    assert read(chunk, done=True) == [Text("Once"), Stop("stop")]


def test_unknown_fields_survive_where_they_were():
    chunk = {**delta({"content": "x", "audio": {"d": 1}, "index": 0}, logprobs={"content": []}), "citations": ["u"]}
    assert read(chunk, done=True) == [
        Text("x"),
        Extra("audio", {"d": 1}),
        Extra("logprobs", {"content": []}, place="choice"),
        Extra("citations", ["u"], place="answer"),
        Stop("stop"),
    ]
    fingerprint = {"system_fingerprint": "fp", "service_tier": None, "obfuscation": "xx"}
    twice = read({**delta({"content": "a"}), **fingerprint}, {**STOP, **fingerprint}, profile="openai")
    assert twice == [Text("a"), Extra("system_fingerprint", "fp", place="answer"), Stop("stop")]


# --- ends and errors -------------------------------------------------------------------------------------------------


def test_how_streams_end():
    assert read(delta({"content": "x"}), done=True) == [Text("x"), Stop("stop")]
    assert [event.code for event in read(done=True)] == ["empty"]
    assert [event.code for event in read()] == ["empty"]
    assert [event.code for event in read({**HEAD, "choices": []}, done=True)] == ["empty"]
    half = read(STOP, delta({"content": "b"}, 1))
    assert [half[-1].code, half[-1].kind] == ["truncated", "elsewhere"]


@pytest.mark.parametrize(
    ("chunk", "kind", "code", "status"),
    [
        (
            {"error": {"message": "m", "code": "tool_use_failed", "status_code": 400}},
            "elsewhere",
            "tool_use_failed",
            400,
        ),
        ({**delta({"content": ""}), "error": {"code": 502, "message": "down"}}, "elsewhere", "retry", 502),
        ({**delta({}, finish_reason="error"), "error": {"code": 429, "message": "m"}}, "cool", "rate", 429),
        (delta({}, error={"code": 502, "message": "down"}), "elsewhere", "retry", 502),
        (delta({}, finish_reason="error"), "elsewhere", "error", 0),
        (delta({}, finish_reason="abort"), "elsewhere", "abort", 0),
        ({"object": "error", "message": "m", "code": 50000}, "elsewhere", "50000", 0),
        ({"code": 2001, "message": "flat", "data": None}, "elsewhere", "2001", 0),
        ({"error": "boom"}, "elsewhere", "retry", 0),
    ],
)
def test_errors_in_a_stream(chunk, kind, code, status):
    kept = memo()
    events = [event for event in read_chunk(chunk, kept) if not isinstance(event, Meta)]
    assert isinstance(events[-1], Failure)
    assert [event for event in events if isinstance(event, Failure | Extra | Stop)] == events[-1:]
    assert (events[-1].kind, events[-1].code, events[-1].status) == (kind, code, status)
    assert kept.failed
    assert end(kept) == []


def test_whole_bodies():
    message = {"role": "assistant", "content": "Hey", "reasoning": "hm", "refusal": None, "annotations": []}
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    body = {**HEAD, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    right = [META, Text("Hey"), Reasoning("hm"), Extra("annotations", []), Stop("stop"), Spent(Usage(1, 2))]
    kept = memo()
    assert read_body(body, kept) == right
    assert end(kept) == []
    assert read_body([body], memo()) == right


def test_whole_bodies_prefer_the_message_and_need_no_finish_reason():
    call = {"id": "c", "function": {"name": "f", "arguments": {}}}
    choices = [{"message": {"content": "a"}, "delta": {"content": ""}}, {"message": {"tool_calls": [call]}}]
    assert read_body({"choices": choices}, memo()) == [
        Text("a"),
        ToolCall(0, "c", "f", "{}", choice=1),
        Stop("stop"),
        Stop("tool_calls", 1),
    ]


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ({"error": {"message": "filtered", "code": "content_filter", "status": 400}}, "client", "content_filter"),
        (
            {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}, "choices": None},
            "disable",
            "1008",
        ),
        ({"code": 20012, "message": "no model", "data": None}, "elsewhere", "20012"),
        ({"choices": []}, "elsewhere", "empty"),
        ({}, "elsewhere", "empty"),
        ([], "elsewhere", "empty"),
        ("text", "elsewhere", "empty"),
    ],
)
def test_errors_in_a_200(body, kind, code):
    kept = memo("minimax")
    failure = read_body(body, kept)[-1]
    assert (failure.kind, failure.code) == (kind, code)
    assert kept.failed


def test_every_row_can_be_read():
    assert set(PROFILES) == set(ENGINES)
