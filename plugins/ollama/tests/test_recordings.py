"""The engine's own recorded bytes, beside what the conformance suite asks of them."""

from __future__ import annotations

from functools import cache

import msgspec
from tornadogw_ollama import Ollama

from tornadogw import Call, Draft, Failure, Meta, Stop, Unreadable
from tornadogw.testing import Recording, needed_recordings, read_all

VENDOR = Ollama()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)


@cache
def recordings() -> dict[str, Recording]:
    """By name."""
    return {each.name: each for each in needed_recordings(__file__, ["ollama"])}


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


def test_a_stream_is_read_as_it_comes():
    """Each line is a frame: nothing waits for the end of the body."""
    body = min(streams(), key=lambda one: len(one.body)).body
    first = body.index(b"\n") + 1
    assert len(read_all(VENDOR, CALL, [body[:first]])) == 3  # who, the first word, and that the rest is missing


def test_a_recorded_error():
    each = recordings()["02-err404-json"]
    failure = VENDOR.failure(each.status, each.headers, each.body, 0.0)
    assert (failure.kind, failure.code, failure.status) == ("cannot", "model_not_found", 404)
    assert failure.message == "model 'nonexistent-model:latest' not found"
