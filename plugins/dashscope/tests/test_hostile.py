"""Any bytes: events, a failure or `Unreadable`, and nothing else."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tornadogw_dashscope import DashScope

from tornadogw import Call, Draft, Event, Failure, Frame, Stop, Unreadable

VENDOR = DashScope()
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url=VENDOR.base_url)

KEYS = st.sampled_from(
    "output choices message content reasoning_content text tool_calls function name arguments id index finish_reason"
    " usage input_tokens output_tokens code request_id error logprobs search_info".split()
)
WORDS = st.sampled_from("stop length null tool_calls Throttling a aa ab".split())
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)
CHOICES = st.lists(st.fixed_dictionaries({"message": OBJECTS, "finish_reason": LEAVES, "index": LEAVES}), max_size=3)
ANSWERS = st.fixed_dictionaries({"output": st.fixed_dictionaries({"choices": CHOICES})})
BODIES = st.binary(max_size=80) | (OBJECTS | ANSWERS).map(lambda value: json.dumps(value).encode())
DEEP = b'{"a":' * 900 + b"1" + b"}" * 900


def around(message: bytes) -> bytes:
    return b'{"output":{"choices":[{"message":' + message + b"}]}}"


def tolerated(read) -> list[Event | Failure]:
    try:
        events = list(read())
    except Unreadable:
        return []
    assert all(isinstance(event, Event | Failure) for event in events)
    return events


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(BODIES, st.sampled_from(["result", "error", "done", ""])), max_size=8))
def test_frames(frames):
    memo = VENDOR.memo(CALL)
    events = [
        event
        for data, kind in frames
        for event in tolerated(lambda data=data, kind=kind: VENDOR.read(Frame(data, kind), memo))
    ]
    events += tolerated(lambda: VENDOR.end(memo))
    stops = [event.choice for event in events if isinstance(event, Stop)]
    assert len(stops) == len(set(stops))


@settings(max_examples=300, deadline=None)
@given(BODIES)
@example(around(b'{"tool_calls":[{"function":{"arguments":' + DEEP + b"}}]}"))
@example(around(b'{"content":[' + DEEP + b"]}"))
@example(around(b'{"content":"\\ud800"}'))
@example(b'{"output":{"search_info":' + DEEP + b"}}")
@example(b'{"output":{},"usage":{"input_tokens":1e999}}')
@example(b'{"output":{},"x":' + b"9" * 5000 + b"}")
@example(around(b'{"tool_calls":[' + b",".join([b'{"id":"a","function":{"name":"f"}}'] * 5000) + b"]}"))
@example(around(b'{"tool_calls":[' + b",".join([b'{"function":{"name":"f"}}'] * 5000) + b"]}"))
def test_bodies(body):
    tolerated(lambda: VENDOR.read_whole(body, VENDOR.memo(CALL)))


@settings(max_examples=300, deadline=None)
@given(
    st.integers(300, 599),
    st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=30)),
    BODIES | BODIES.map(lambda body: b"data:" + body),
)
@example(429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, b"")
@example(429, {"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"}, b"")
@example(400, {}, b"data:" + DEEP)
def test_errors(status, headers, body):
    failure = VENDOR.failure(status, headers, body, 1_800_000_000.0)
    assert failure.seconds >= 0
