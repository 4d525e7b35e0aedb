"""The engine's own recorded bytes: cut at every place, told whole from cut, and sent as its own client sends them."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import msgspec
import pytest
from tornadogw_ollama import Ollama

from tornadogw import Call, Credential, Draft, Failure, Meta, Stop, Unreadable
from tornadogw.testing import MissingRecordings, Recording, find_recordings, load_recordings, read_all

VENDOR = Ollama()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)
SAYS_NOTHING = ({}, [], "", None)


@cache
def recordings() -> dict[str, Recording]:
    """By name. Missing ones are a skip, in CI a failure."""
    for root in Path(__file__).resolve().parents:
        try:
            return {each.name: each for each in load_recordings(find_recordings(root, os.environ), ["ollama"])}
        except MissingRecordings as error:
            missing = error
    if os.environ.get("CI") == "true":
        pytest.fail(str(missing))
    pytest.skip(str(missing))


def answers() -> list[Recording]:
    return [each for each in recordings().values() if each.status == 200]


def streams() -> list[Recording]:
    return [each for each in answers() if "stream" in each.tags]


def calls(recording: Recording) -> list[Call]:
    """A call that asked for this answer, and one that asked for the other kind."""
    return [msgspec.structs.replace(CALL, stream=stream) for stream in ("stream" in recording.tags, False, True)]


def failures(body: bytes, call: Call) -> list[str]:
    """Codes of what failed."""
    try:
        return [event.code for event in read_all(VENDOR, call, [body]) if isinstance(event, Failure)]
    except Unreadable:
        return ["unreadable"]


def test_every_answer_is_whole_whatever_was_asked_for():
    assert len(answers()) >= 6
    for each in answers():
        told = [read_all(VENDOR, call, [each.body]) for call in calls(each)]
        assert told[0] == told[1] == told[2]
        assert len([event for event in told[0] if isinstance(event, Stop)]) == 1, each
        (meta,) = [event for event in told[0] if isinstance(event, Meta)]
        assert meta.model == each.model
        assert meta.created > 1_700_000_000
        assert not failures(each.body, CALL), each


def test_splits_change_nothing():
    for each in streams():
        whole = read_all(VENDOR, CALL, [each.body])
        for size in (1, 2, 3, 7, 64, 1021):
            pieces = [each.body[at : at + size] for at in range(0, len(each.body), size)]
            assert read_all(VENDOR, CALL, pieces) == whole, (each, size)
    shortest = min(streams(), key=lambda one: len(one.body))
    whole = read_all(VENDOR, CALL, [shortest.body])
    for at in range(len(shortest.body)):
        assert read_all(VENDOR, CALL, [shortest.body[:at], shortest.body[at:]]) == whole


def test_a_stream_is_read_as_it_comes():
    """Each line is a frame: nothing waits for the end of the body."""
    body = min(streams(), key=lambda one: len(one.body)).body
    first = body.index(b"\n") + 1
    assert len(read_all(VENDOR, CALL, [body[:first]])) == 3  # who, the first word, and that the rest is missing


def test_a_cut_stream_is_told_from_a_whole_one():
    """Cut at every byte before the end of the last line: a failure. After it: whole."""
    for each in streams():
        body = each.body.rstrip(b"\n")
        first = body.index(b"\n")
        for at in range(1, len(body), 1 if len(body) < 10_000 else 997):
            assert failures(body[:at], CALL) == ["unreadable" if at < first else "truncated"], (each, at)
        assert failures(body, CALL) == failures(each.body, CALL) == []


def test_a_cut_json_answer_is_unreadable():
    body = recordings()["01-json-tools-reasoning"].body.rstrip()
    for at in range(1, len(body)):
        assert failures(body[:at], msgspec.structs.replace(CALL, stream=False)) == ["unreadable"], at


def test_a_recorded_error():
    each = recordings()["02-err404-json"]
    failure = VENDOR.failure(each.status, each.headers, each.body, 0.0)
    assert (failure.kind, failure.code, failure.status) == ("cannot", "model_not_found", 404)
    assert failure.message == "model 'nonexistent-model:latest' not found"


def as_client(said: dict) -> dict:
    """A message in the chat dialect: arguments are text, calls and results have ids."""
    message = dict(said)
    if calls := said.get("tool_calls"):
        made = [{**call["function"], "arguments": json.dumps(call["function"]["arguments"])} for call in calls]
        message["tool_calls"] = [{"id": "c1", "type": "function", "function": each} for each in made]
    return message | ({"tool_call_id": "c1"} if said["role"] == "tool" else {})


def without_ids(message: dict) -> dict:
    """What newer engines know and the recorded clients did not send."""
    said = {key: value for key, value in message.items() if key not in ("tool_name", "tool_call_id")}
    if "tool_calls" in said:
        said["tool_calls"] = [{"function": call["function"]} for call in said["tool_calls"]]
    return said


def test_requests_are_those_of_the_engines_client():
    asked = [each for each in recordings().values() if isinstance(each.request, dict)]
    assert len(asked) >= 6
    for each in asked:
        theirs = each.request
        options = dict(theirs.get("options") or {})
        temperature = options.pop("temperature", None)
        params = {**options, "tools": theirs.get("tools") or []}
        messages = [as_client(message) for message in theirs["messages"]]
        draft = Draft(mode="chat", model="m", messages=messages, params=params)
        stream = theirs.get("stream", True)
        call = Call("r", draft, theirs["model"], "http://a", stream=stream, temperature=temperature)
        request = VENDOR.request(call, Credential("o#1"), 0.0)
        ours = json.loads(request.body)
        assert request.dropped == (), each
        assert ours["options"].pop("num_predict") == 1000
        ours["messages"] = [without_ids(message) for message in ours["messages"]]
        assert {key: value for key, value in ours.items() if value not in SAYS_NOTHING} == {
            key: value for key, value in theirs.items() if value not in SAYS_NOTHING
        }, each
        assert request.url == f"http://a{each.path}"
