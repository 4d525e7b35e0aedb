"""Any bytes: events, a failure or `Unreadable`, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tornadogw_ollama import Ollama

from tornadogw import Call, Draft, Event, Failure, Frame, Stop, Unreadable

VENDOR = Ollama()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)

KEYS = st.sampled_from(
    "model created_at message content thinking tool_calls function name arguments id done done_reason error logprobs"
    " token logprob top_logprobs prompt_eval_count eval_count".split()
)
WORDS = st.sampled_from("stop length load unload 2024-05-24T20:26:46.294874Z".split())
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)
DEEP = b'{"message":{"tool_calls":[{"function":{"arguments":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}}]}}"


def tolerated(read) -> list[Event | Failure]:
    try:
        events = list(read())
    except Unreadable:
        return []
    assert all(isinstance(event, Event | Failure) for event in events)
    return events


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=80) | OBJECTS.map(lambda value: json.dumps(value).encode()), max_size=8))
def test_frames(frames):
    memo = VENDOR.memo(CALL)
    events = [event for data in frames for event in tolerated(lambda data=data: VENDOR.read(Frame(data), memo))]
    events += tolerated(lambda: VENDOR.end(memo))
    assert sum(isinstance(event, Stop) for event in events) <= 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | OBJECTS.map(lambda value: json.dumps(value).encode()))
@example(DEEP)
@example(b'{"message":{"content":"\\ud800"}}')
@example(b'{"message":{},"done":true,"eval_count":1e999}')
@example(b'{"message":{},"logprobs":[{"logprob":NaN}]}')
@example(b'{"message":{},"created_at":"0001-01-01T00:00:00+23:59"}')
@example(b"{" + b"\n" * 100_000)
@example(b'{"done":true}\n' * 20_000)
@example(b'{"message":{},"x":' + b"9" * 5000 + b"}")
def test_bodies(body):
    tolerated(lambda: VENDOR.read_whole(body, VENDOR.memo(CALL)))


@settings(max_examples=300, deadline=None)
@given(
    st.integers(300, 599),
    st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=30)),
    st.binary(max_size=200) | OBJECTS.map(lambda value: json.dumps(value).encode()),
)
@example(429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, b"")
@example(429, {"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"}, b"")
def test_errors(status, headers, body):
    failure = VENDOR.failure(status, headers, body, 1_800_000_000.0)
    assert failure.seconds >= 0


def test_what_nests_too_deeply_is_unreadable():
    with pytest.raises(Unreadable):
        VENDOR.read_whole(DEEP, VENDOR.memo(CALL))
