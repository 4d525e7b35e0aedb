"""The vendor's own recorded bytes, beside what the conformance suite asks of them."""

from __future__ import annotations

import json
from functools import cache

import pytest
from tornadogw_cohere import Cohere

from tornadogw import Call, Draft, Extra, Failure, Meta, Stop, ToolCall
from tornadogw.testing import Recording, needed_recordings, read_all

VENDOR = Cohere()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)


@cache
def recordings() -> dict[str, Recording]:
    """By name."""
    return {each.name: each for each in needed_recordings(__file__, ["cohere"])}


def answers() -> list[Recording]:
    return [each for each in recordings().values() if each.status == 200]


def test_every_answer_is_whole():
    assert len(answers()) >= 8
    for each in answers():
        events = read_all(VENDOR, CALL, [each.body])
        assert len([event for event in events if isinstance(event, Stop)]) == 1, each
        assert next(event for event in events if isinstance(event, Meta)).id, each
        assert not [event for event in events if isinstance(event, Failure)], each
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
