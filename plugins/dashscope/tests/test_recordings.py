"""The vendor's own recorded bytes, cut at every place, give the right text, tool calls, reason and usage."""

from __future__ import annotations

import json
from functools import cache

import msgspec
import pytest
from tornadogw_dashscope import DashScope

from tornadogw import Call, Draft, Failure, Meta, Spent, Stop, Text, ToolCall, Usage
from tornadogw.testing import Recording, needed_recordings, read_all

VENDOR = DashScope()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)

EXPECTED = {
    # name: (beginning of the text, arguments of tool calls, reason, usage)
    "02-json": ("This image captures a heartwarming", [], "stop", Usage(1265, 564)),
    "04-json-tools-parallel": (
        "",
        [{"command": "echo hello", "timeout": 300}, {"command": "echo world", "timeout": 300}],
        "tool_calls",
        Usage(349, 54),
    ),
    "06-json": ("Hello! How can I help you today?", [], "stop", Usage(10, 8)),
    "07-stream": ("It seems there was an unexpected issue", [], "stop", Usage(47, 132)),
    "10-stream-tools": ("", [{"expression": "6 * 7"}], "tool_calls", Usage(262, 22)),
}


@cache
def recordings() -> dict[str, Recording]:
    """By name."""
    return {each.name: each for each in needed_recordings(__file__, ["dashscope-native"])}


def answers() -> list[Recording]:
    return [each for each in recordings().values() if each.status == 200]


def streams() -> list[Recording]:
    return [each for each in answers() if "stream" in each.tags]


def read(recording: Recording, *chunks: bytes) -> list:
    call = msgspec.structs.replace(CALL, stream="stream" in recording.tags)
    return read_all(VENDOR, call, chunks or [recording.body])


def told(events: list) -> tuple:
    arguments: dict[int, str] = {}
    for event in events:
        if isinstance(event, ToolCall):
            arguments[event.index] = arguments.get(event.index, "") + event.arguments
    return (
        "".join(event.text for event in events if isinstance(event, Text)),
        [json.loads(text) for text in arguments.values()],
        [event.reason for event in events if isinstance(event, Stop)],
        [event.usage for event in events if isinstance(event, Spent)][-1],
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_an_answer_is_read_as_it_was_meant(name):
    text, arguments, reason, usage = EXPECTED[name]
    events = read(recordings()[name])
    heard = told(events)
    assert heard[0].startswith(text)
    assert bool(heard[0]) == bool(text)
    assert heard[1:] == (arguments, [reason], usage)
    assert not [event for event in events if isinstance(event, Failure)]
    assert [event.id for event in events if isinstance(event, Meta)] == [
        recordings()[name].headers.get("x-request-id") or "test-request-id-12345"
    ]


def test_further_recordings_are_read_too():
    assert set(EXPECTED) <= {each.name for each in answers()}
    for each in answers():
        assert told(read(each))[2], each


def test_splits_change_nothing():
    for each in streams():
        whole = read(each)
        for size in (1, 2, 3, 7, 64, 1021):
            pieces = [each.body[at : at + size] for at in range(0, len(each.body), size)]
            assert read(each, *pieces) == whole, (each, size)
        for at in range(1, len(each.body)):
            assert read(each, each.body[:at], each.body[at:]) == whole, at


def test_a_cut_stream_is_told_from_a_whole_one():
    """Cut at every byte before the end of the event with the reason: a failure. After it: whole."""
    for each in streams():
        last = each.body.rindex(b"data:")
        whole_from = each.body.index(b"\n", last)
        for at in range(1, len(each.body)):
            codes = [event.code for event in read(each, each.body[:at]) if isinstance(event, Failure)]
            if at < whole_from - 1:
                assert codes in (["truncated"], ["empty"]), at
            elif at > whole_from:
                assert codes == [], at


def test_a_stream_cumulated_says_the_same():
    """What the vendor would have sent without increments, made from what it sent."""
    for each in streams():
        text, arguments = "", ""
        lines = []
        for line in each.body.splitlines():
            if line.startswith(b"data:"):
                event = json.loads(line[5:])
                message = event["output"]["choices"][0]["message"]
                message["content"] = text = text + message["content"]
                for piece in message.get("tool_calls", ()):
                    arguments += piece["function"].get("arguments", "")
                    piece["function"]["arguments"] = arguments
                lines.append(b"data:" + json.dumps(event).encode())
            else:
                lines.append(line)
        assert told(read(each, b"\n".join(lines) + b"\n")) == told(read(each)), each


def test_json_where_a_stream_was_asked_for():
    for each in answers():
        if "json" in each.tags:
            assert read_all(VENDOR, CALL, [each.body]) == read(each)
