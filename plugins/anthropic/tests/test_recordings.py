"""The vendor's own recorded bytes, cut at every place, give the right text, reasoning, tool calls, reason and usage."""

from __future__ import annotations

import json
from functools import cache

import pytest
from tornadogw_anthropic import Anthropic

from tornadogw import Call, Draft, Failure, Meta, Reasoning, Spent, Stop, Text, ToolCall, Usage
from tornadogw.testing import Recording, needed_recordings, read_all

VENDOR = Anthropic()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)

EXPECTED = {
    # name: (beginning of the text, beginning of the reasoning, names of tools, reason, usage)
    "01-stream-reasoning": ('The task asks "What\'s 2+2?"', "", [], "stop", Usage(2411, 145, reasoning=47)),
    "02-json-tools": ("Let me search for a weather tool", "", ["get_weather"], "tool_calls", Usage(1595, 146)),
    "04-json": ("I'll search for the current stock prices", "", [], "length", Usage(22205, 1552)),
    "05-stream": ("The Ruby programming language was created", "", [], "stop", Usage(672, 39)),
    "06-stream-tools-parallel": (
        "I'll retrieve the secrets",
        "",
        ["secret_retrieval_tool", "secret_retrieval_tool"],
        "tool_calls",
        Usage(416, 113),
    ),
    "08-stream": ("Sure! I'll do both ste", "", [], "stop", Usage(7621, 384)),
    "10-json-filter": ("", "", [], "content_filter", Usage(18, 5)),
    "13-json-reasoning": ("3 + 3 = 6", "This is a straightforward", [], "stop", Usage(67, 39)),
    "14-stream-reasoning": (
        "Pydantic AI is a Python agent framework",
        "The user wants me to fetch the content",
        [],
        "stop",
        Usage(7244, 153),
    ),
    "18-json": ("The Ruby programming language was created", "", [], "stop", Usage(674, 39)),
    "19-stream": ("The printing press was invented by Johannes", "", [], "stop", Usage(412, 264)),
    "25-json-tools": ("", "", ["record_root_all_of_legacy_ref"], "tool_calls", Usage(745, 80)),
}


@cache
def recordings() -> dict[str, Recording]:
    """By name."""
    return {each.name: each for each in needed_recordings(__file__, ["anthropic"])}


def answers() -> list[Recording]:
    return [each for each in recordings().values() if each.status == 200]


def streams() -> list[Recording]:
    return [each for each in answers() if "stream" in each.tags]


def text_of(events) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


@pytest.mark.parametrize("name", EXPECTED)
def test_an_answer_is_read_as_it_was_meant(name):
    text, reasoning, tools, reason, usage = EXPECTED[name]
    events = read_all(VENDOR, CALL, [recordings()[name].body])
    thoughts = "".join(event.text for event in events if isinstance(event, Reasoning))
    assert text_of(events).startswith(text)
    assert bool(text_of(events)) == bool(text)
    assert thoughts.startswith(reasoning)
    assert bool(thoughts) == bool(reasoning)
    assert [event.name for event in events if isinstance(event, ToolCall) and event.name] == tools
    assert [event.reason for event in events if isinstance(event, Stop)] == [reason]
    spent = [event.usage for event in events if isinstance(event, Spent)][-1]
    assert spent == usage
    assert not [event for event in events if isinstance(event, Failure)]


def test_every_answer_has_an_expectation():
    """Further recordings are welcome: those without a row here are read all the same."""
    for each in answers():
        events = read_all(VENDOR, CALL, [each.body])
        assert [event for event in events if isinstance(event, Stop)], each
        assert [event for event in events if isinstance(event, Meta)], each
    assert set(EXPECTED) <= {each.name for each in answers()}


def test_arguments_of_tools_are_whole_json():
    for each in answers():
        arguments: dict[int, str] = {}
        for event in read_all(VENDOR, CALL, [each.body]):
            if isinstance(event, ToolCall):
                arguments[event.index] = arguments.get(event.index, "") + event.arguments
        for text in arguments.values():
            assert isinstance(json.loads(text), dict), each


def test_the_model_is_the_one_that_answered():
    (meta,) = [event for event in read_all(VENDOR, CALL, [recordings()["19-stream"].body]) if isinstance(event, Meta)]
    assert (meta.id, meta.model) == ("msg_01FallbackStreamAbcdefghij", "claude-opus-4-8")


def test_splits_change_nothing():
    for each in streams():
        whole = read_all(VENDOR, CALL, [each.body])
        for size in (1, 2, 3, 7, 64, 1021):
            pieces = [each.body[at : at + size] for at in range(0, len(each.body), size)]
            assert read_all(VENDOR, CALL, pieces) == whole, (each, size)
        shortest = min(streams(), key=lambda one: len(one.body))
    for at in range(len(shortest.body)):
        assert read_all(VENDOR, CALL, [shortest.body[:at], shortest.body[at:]])


def test_a_cut_stream_is_told_from_a_whole_one():
    """Cut at every byte before the end of the event with the reason: truncated. After it: whole."""
    each = min(streams(), key=lambda one: len(one.body))
    begin = each.body.index(b"event: message_delta")
    end = each.body.index(b"}\n\n", begin) + 1
    whole_from = each.body.rindex(b"}", begin, end + 1) + 1
    for at in range(1, len(each.body)):
        events = read_all(VENDOR, CALL, [each.body[:at]])
        failures = [event.code for event in events if isinstance(event, Failure)]
        if at < whole_from - 1:
            assert failures == ["truncated"], at
        elif at >= end:
            assert failures == [], at


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("03-err400-json-context", "cannot", "context_length_exceeded"),
        ("09-err401-json", "disable", "authentication_error"),
        ("11-err404-json", "cannot", "model_not_found"),
    ],
)
def test_recorded_errors(name, kind, code):
    each = recordings()[name]
    failure = VENDOR.failure(each.status, each.headers, each.body, 0.0)
    assert (failure.kind, failure.code, failure.status) == (kind, code, each.status)
    assert failure.message
