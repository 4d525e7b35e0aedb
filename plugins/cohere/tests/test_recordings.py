"""The vendor's own recorded bytes: cut at every place, told whole from cut, and sent as its own clients send them."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest
from tornadogw_cohere import Cohere

from tornadogw import Call, Credential, Draft, Extra, Failure, Meta, Stop, ToolCall, Unreadable
from tornadogw.testing import MissingRecordings, Recording, find_recordings, load_recordings, read_all

VENDOR = Cohere()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)
RENAMED = {"stop_sequences": "stop", "p": "top_p", "k": "top_k"}
OWN = {"model", "messages", "stream", "max_tokens", "temperature"}
"""What a call says beside its parameters."""


@cache
def recordings() -> dict[str, Recording]:
    """By name. Missing ones are a skip, in CI a failure."""
    for root in Path(__file__).resolve().parents:
        try:
            return {each.name: each for each in load_recordings(find_recordings(root, os.environ), ["cohere"])}
        except MissingRecordings as error:
            missing = error
    if os.environ.get("CI") == "true":
        pytest.fail(str(missing))
    pytest.skip(str(missing))


def answers() -> list[Recording]:
    return [each for each in recordings().values() if each.status == 200]


def streams() -> list[Recording]:
    return [each for each in answers() if "stream" in each.tags]


def failures(body: bytes) -> list[str]:
    """Codes of what failed."""
    try:
        return [event.code for event in read_all(VENDOR, CALL, [body]) if isinstance(event, Failure)]
    except Unreadable:
        return ["unreadable"]


def test_every_answer_is_whole():
    assert len(answers()) >= 8
    for each in answers():
        events = read_all(VENDOR, CALL, [each.body])
        assert len([event for event in events if isinstance(event, Stop)]) == 1, each
        assert next(event for event in events if isinstance(event, Meta)).id, each
        assert not failures(each.body), each
        arguments: dict[int, str] = {}
        for event in events:
            if isinstance(event, ToolCall):
                arguments[event.index] = arguments.get(event.index, "") + event.arguments
        assert all(isinstance(json.loads(text), dict) for text in arguments.values()), each


@pytest.mark.parametrize(("name", "cited"), [("06-stream-reasoning", 2), ("09-json-reasoning", 5)])
def test_citations(name, cited):
    events = read_all(VENDOR, CALL, [recordings()[name].body])
    citations = [each for event in events if isinstance(event, Extra) for each in event.value]
    assert len(citations) == cited
    assert all(each["text"] and each["sources"] for each in citations)


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


def test_a_cut_stream_is_told_from_a_whole_one():
    """Cut at every byte before the end of the event with the reason: truncated. After it: whole."""
    for each in streams():
        last = each.body.index(b"}\n\n", each.body.index(b'"type":"message-end"'))
        for at in range(1, last + 1, 1 if len(each.body) < 5000 else 13):
            assert failures(each.body[:at]) == ["truncated"], (each, at)
        for at in range(last + 1, len(each.body) + 1):
            assert failures(each.body[:at]) == [], (each, at)


def test_a_cut_json_answer_is_unreadable():
    body = recordings()["11-json"].body.rstrip()
    for at in range(1, len(body)):
        assert failures(body[:at]) == ["unreadable"], at


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("04-err400-json-context", "cannot", "context_length_exceeded"),
        ("10-err404-json", "cannot", "model_not_found"),
    ],
)
def test_recorded_errors(name, kind, code):
    each = recordings()[name]
    failure = VENDOR.failure(each.status, each.headers, each.body, 0.0)
    assert (failure.kind, failure.code, failure.status) == (kind, code, each.status)
    assert failure.message


def test_requests_are_those_of_the_vendors_clients():
    asked = [each for each in recordings().values() if isinstance(each.request, dict)]
    assert len(asked) >= 10
    for each in asked:
        theirs = each.request
        params = {RENAMED.get(name, name): value for name, value in theirs.items() if name not in OWN}
        draft = Draft(mode="chat", model="m", messages=theirs["messages"], params=params)
        call = Call(
            id="r",
            draft=draft,
            model=theirs["model"],
            base_url="https://a",
            stream=theirs.get("stream", False),
            max_tokens=theirs.get("max_tokens", 1000),
            temperature=theirs.get("temperature"),
        )
        request = VENDOR.request(call, Credential("c#1", "k"), 0.0)
        assert request.dropped == (), each
        assert json.loads(request.body) == {"stream": False, "max_tokens": 1000, **theirs}, each
        assert request.url == f"https://a{each.path}"
