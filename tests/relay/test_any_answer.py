"""Whatever an upstream sends, to any vendor: what a client gets is well-formed, or the answer is a failure."""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.shared import ROOT, recordings
from tornadogw.dialects.chat_render import Identity
from tornadogw.meter import Meter
from tornadogw.plugins import load_plugins
from tornadogw.relay.answer import JsonAnswer, StreamAnswer
from tornadogw.relay.raw import RawReader
from tornadogw.relay.reader import Reader
from tornadogw.settings import load
from tornadogw.types import Call, Draft, Failure

NAMES = {"bedrock-invoke": "", "dashscope-native": "dashscope", "openai-completions": "openai"}
"""Vendors of recordings that are named otherwise; empty: nobody's."""
HOSTILE = [
    b"null",
    b"-1",
    b"1e999",
    b"1" * 400,
    b"[]",
    b"{}",
    b'"\\ud800"',
    b"\x00",
    b"\xff",
    b"[DONE]",
    b"\n\n",
    b"data:",
]
HOSTILE += [b'"', b"}", b"]", b"[" * 3000, b'{"a":' * 3000, b"event: error\n", b"<html>", b"true", b'"x"', b"\r"]
MESSAGES = [{"role": "user", "content": "Hello"}]


@cache
def vendors():
    packages = [path.parent for path in (ROOT / "plugins").glob("*/setup.py")]
    before = list(sys.path)
    sys.path[:0] = map(str, packages)
    try:
        points = [EntryPoint(path.name, f"tornadogw_{path.name}", "tornadogw") for path in packages]
        with TemporaryDirectory() as data:
            return load_plugins(load(None, Path(data), {}, {}), {}, points=points).register_vendors()
    finally:
        sys.path[:] = before


def recorded():
    """(name of the vendor, body) of each recorded answer."""
    named = [(NAMES.get(each.vendor, each.vendor), each) for each in recordings() if each.status == 200]
    return [(name, each.body) for name, each in named if name in vendors() and len(each.body) < 20_000]


BODIES = recorded()
RAW = [(name, body) for name, body in BODIES if vendors()[name].traits("m").relay == "raw"]


@st.composite
def answers(draw, bodies=BODIES):
    """A vendor, and a recorded answer of its own or another's that was damaged in a few places; or any bytes."""
    name, body = draw(st.sampled_from(bodies))
    if bodies is BODIES and draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(sorted(vendors())))
    if draw(st.integers(0, 9)) == 0:
        return name, draw(st.binary(max_size=200))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        to = min(len(body), at + draw(st.integers(0, 12)))
        body = body[:at] + draw(st.sampled_from(HOSTILE) | st.binary(max_size=3)) + body[to:]
    return name, body


def read(vendor, call, body, size, *, raw):
    """What a client gets, or None: the answer failed. Goes the way of the relay, without its sockets."""
    meter = Meter(10**6, 10**6, 10)
    reader = RawReader(vendor, call, meter) if raw else Reader(vendor, call, meter)
    answer = StreamAnswer(call.draft) if call.draft.stream else JsonAnswer(call.draft)
    answer.begin(Identity("chatcmpl-1", 1_780_000_000, "m"))
    out = b""
    for at in range(0, len(body), size):
        out += answer.take(reader.feed(body[at : at + size]))
        if raw and reader.useful:
            reader.passing = True
        if reader.failure is not None or reader.done:
            break
    out += answer.take(reader.end())
    if reader.failure is not None:
        assert isinstance(reader.failure, Failure)
        assert reader.failure.code != "vendor_bug"
        return None
    if reader.body is not None:
        answer.offer(reader.body)
    return out + answer.close(meter.result().usage)


def check_form(said, *, stream):
    if not stream:
        assert json.loads(said)["choices"]
        return
    events = said.split(b"\n\n")
    assert events.pop() == b""
    assert events.pop() == b"data: [DONE]"
    assert all(json.loads(event.removeprefix(b"data: "))["object"] for event in events)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers(), st.sampled_from([1, 7, 100, 10**6]))
@example(("openai", b""), 1)
def test_any_answer_is_well_formed_or_a_failure(stream, answer, size):
    name, body = answer
    vendor = vendors()[name]
    draft = Draft("chat", "m", MESSAGES, stream=stream, max_tokens=100, prompt_bytes=5, message_count=1)
    call = Call("request-1", draft, "m", "http://127.0.0.1", max_tokens=100)
    said = read(vendor, call, body, size, raw=False)
    if said is not None:
        check_form(said, stream=stream)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers(RAW), st.sampled_from([1, 7, 100, 10**6]))
def test_any_raw_relay_ends(answer, size):
    """Plain events pass as they come: their form is the upstream's."""
    name, body = answer
    draft = Draft("chat", "m", MESSAGES, stream=True, max_tokens=100, prompt_bytes=5, message_count=1)
    call = Call("request-1", draft, "m", "http://127.0.0.1", max_tokens=100)
    said = read(vendors()[name], call, body, size, raw=True)
    assert said is None or said.endswith(b"data: [DONE]\n\n")
