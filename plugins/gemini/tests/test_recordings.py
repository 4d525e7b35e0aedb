"""The vendor's own recorded bytes, cut at every place, give the right text, thoughts, tool calls, reason and usage."""

from __future__ import annotations

import json
from functools import cache

import pytest
from tornadogw_gemini import Gemini, Vertex

from tornadogw import Call, Draft, Failure, Meta, Reasoning, Spent, Stop, Text, ToolCall, Usage
from tornadogw.testing import Recording, needed_recordings, read_all

VENDORS = {"gemini": Gemini(), "vertex": Vertex()}
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url="https://api.example")

EXPECTED = {
    # name: (beginning of the text, beginning of the reasoning, names of tools, reason, usage)
    "gemini/03-stream-reasoning": ("The result of $65465", "", [], "stop", Usage(507, 276, reasoning=168)),
    "gemini/08-json-tools-reasoning-schema": (
        "",
        "",
        ["generate_report"],
        "tool_calls",
        Usage(557, 143, cached=330, reasoning=70),
    ),
    "gemini/09-json-reasoning": ("Okay", "", [], "length", Usage(1, 96, reasoning=95)),
    "gemini/12-stream-tools-reasoning": ("", "", ["writeItems"], "tool_calls", Usage(54, 195, reasoning=121)),
    "gemini/13-stream-reasoning-schema-jsonarray": (
        '{"name":"Bob"',
        "**Initiating the JSON",
        [],
        "stop",
        Usage(11, 395, reasoning=381),
    ),
    "gemini/14-json-filter": ("", "", [], "content_filter", Usage(14, 0)),
    "gemini/15-json-reasoning": ("OK", "", [], "stop", Usage(206, 29, reasoning=28)),
    "gemini/17-json-tools": ("", "", ["get_weather", "get_news"], "tool_calls", Usage(129, 34)),
    "gemini/19-stream-parallel-reasoning": ("The result of the first", "", [], "stop", Usage(895, 331, reasoning=174)),
    "gemini/21-json": ("The weather in San Francisco", "", [], "stop", Usage(89, 23)),
    "gemini/23-stream-tools-reasoning-cjk": ("", "", ["echo"], "tool_calls", Usage(94, 105, reasoning=78)),
    "gemini/25-stream-schema": ('{\n  "integer_a": 2', "", [], "stop", Usage(271, 32)),
    "vertex/05-json-reasoning": ("The latest stable version of Ruby", "", [], "stop", Usage(70, 248, reasoning=221)),
    "vertex/08-stream-tools-reasoning": ("", "", ["cookRecipe"], "tool_calls", Usage(31, 1710, reasoning=1026)),
    "vertex/11-stream-reasoning": (
        "To see my future self",
        "**Exploring Mirror's Logic**",
        [],
        "stop",
        Usage(43, 1375, reasoning=757),
    ),
    "vertex/12-json": ("The capital of Japan is Tokyo.", "", [], "stop", Usage(163, 13)),
}
FAILED = "vertex/09-json-tools-reasoning"
"""An answer that says itself that it is none."""


@cache
def recordings() -> dict[str, Recording]:
    """By vendor and name."""
    return {str(each): each for each in needed_recordings(__file__, VENDORS)}


def answers() -> list[Recording]:
    return [each for each in recordings().values() if each.status == 200 and str(each) != FAILED]


def streams() -> list[Recording]:
    return [each for each in answers() if "stream" in each.tags and each.body.startswith(b"data")]


def events_of(recording, pieces=None):
    return read_all(VENDORS[recording.vendor], CALL, pieces or [recording.body])


def text_of(events) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


@pytest.mark.parametrize("name", EXPECTED)
def test_an_answer_is_read_as_it_was_meant(name):
    text, reasoning, tools, reason, usage = EXPECTED[name]
    events = events_of(recordings()[name])
    thoughts = "".join(event.text for event in events if isinstance(event, Reasoning))
    assert text_of(events).startswith(text)
    assert bool(text_of(events)) == bool(text)
    assert thoughts.startswith(reasoning)
    assert bool(thoughts) == bool(reasoning)
    assert [event.name for event in events if isinstance(event, ToolCall) and event.name] == tools
    assert [event.reason for event in events if isinstance(event, Stop)] == [reason]
    assert [event.usage for event in events if isinstance(event, Spent)] == [usage]
    assert not [event for event in events if isinstance(event, Failure)]


def test_every_answer_has_an_expectation():
    """Further recordings are welcome: those without a row here are read all the same."""
    for each in answers():
        events = events_of(each)
        assert [event for event in events if isinstance(event, Stop | Failure)], each
        assert [event for event in events if isinstance(event, Meta)], each
    assert set(EXPECTED) <= {str(each) for each in answers()}


def test_an_answer_that_is_none_says_nothing_and_fails():
    events = events_of(recordings()[FAILED])
    (failure,) = [event for event in events if not isinstance(event, Meta)]
    assert (failure.kind, failure.code) == ("elsewhere", "unexpected_tool_call")
    assert "undeclared function" in failure.message


def test_arguments_of_tools_are_whole_json():
    for each in answers():
        arguments: dict[int, str] = {}
        for event in events_of(each):
            if isinstance(event, ToolCall):
                arguments[event.index] = arguments.get(event.index, "") + event.arguments
        for text in arguments.values():
            assert isinstance(json.loads(text), dict), each


def test_arguments_in_pieces_are_put_together():
    calls = [
        event for event in events_of(recordings()["vertex/08-stream-tools-reasoning"]) if isinstance(event, ToolCall)
    ]
    recipe = json.loads("".join(call.arguments for call in calls))["recipe"]
    assert recipe["ingredients"][0] == {"amount": "16 oz", "name": "Lasagna noodles"}
    assert all(isinstance(step, str) and step for step in recipe["steps"])
    assert len(recipe["steps"]) == 10


def test_splits_change_nothing():
    for each in answers():
        whole = events_of(each)
        for size in (1, 2, 3, 7, 64, 1021):
            pieces = [each.body[at : at + size] for at in range(0, len(each.body), size)]
            assert events_of(each, pieces) == whole, (each, size)
    shortest = min(streams(), key=lambda one: len(one.body))
    for at in range(len(shortest.body)):
        assert events_of(shortest, [shortest.body[:at], shortest.body[at:]]) == events_of(shortest)


def test_a_cut_stream_is_told_from_a_whole_one():
    """Cut at every byte before the end of the event with the reason: truncated. After it: whole."""
    each = recordings()["gemini/25-stream-schema"]
    whole_from = len(each.body.rstrip())
    for at in range(1, len(each.body) + 1):
        events = events_of(each, [each.body[:at]])
        failures = [event.code for event in events if isinstance(event, Failure)]
        assert failures == ([] if at >= whole_from else ["truncated"]), at


@pytest.mark.parametrize(
    ("name", "kind", "scope", "seconds", "code"),
    [
        ("gemini/01-err429-json-context", "cool", "key+model", 48.0, "RESOURCE_EXHAUSTED"),
        ("gemini/06-err400-json", "disable", "key", 0.0, "API_KEY_INVALID"),
        ("gemini/11-err404-json", "cannot", "upstream+model", 0.0, "model_not_found"),
        ("vertex/02-err400-json-context", "cannot", "upstream+model", 0.0, "context_length_exceeded"),
        ("vertex/04-err404-json", "cannot", "upstream+model", 0.0, "model_not_found"),
    ],
)
def test_recorded_errors(name, kind, scope, seconds, code):
    each = recordings()[name]
    failure = VENDORS[each.vendor].failure(each.status, each.headers, each.body, 0.0)
    assert (failure.kind, failure.scope, failure.seconds, failure.code) == (kind, scope, seconds, code)
    assert failure.message
    assert failure.status == each.status
