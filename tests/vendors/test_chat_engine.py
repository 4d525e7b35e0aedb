"""The engine as the core drives it: frames in, events out, and no exception but `Unreadable` for any bytes."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vendors.oracle import ENGINES
from tornadogw.errors import Unreadable
from tornadogw.framing import Framer
from tornadogw.testing import read_all
from tornadogw.types import Call, Credential, Draft, Event, Failure, Frame, Stop, Text, ToolCall, Traits
from tornadogw.vendors.chat_engine import ChatEngine
from tornadogw.vendors.rows import load

CALL = Call("request-1", Draft("chat", "m", [{"role": "user", "content": "hi"}]), "m", "http://a")
CHUNK = b'data: {"id":"a","model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'


def read(vendor: str, body: bytes) -> list[Event | Failure]:
    return read_all(ENGINES[vendor], CALL, [body])


def test_frames_after_the_terminator_are_not_read():
    events = read("openai", CHUNK + b"data: [DONE]\n\n" + CHUNK + b'data: {"error":{"message":"late"}}\n\n')
    assert events[1:] == [Text("x"), Stop("stop")]


def test_nothing_is_read_after_a_failure():
    events = read("openai", CHUNK + b'data: {"error":{"message":"m"}}\n\n' + CHUNK + b"data: [DONE]\n\n")
    assert [type(event) for event in events[1:]] == [Text, Failure]


@pytest.mark.parametrize(
    "data", [b'{"error":{"message":"m"}}', b'{"message":"m"}', b'"m"', b'[{"error":{"message":"m"}}]', b"[]", b"{}"]
)
def test_an_error_event_is_a_failure_whatever_it_holds(data):
    events = read("openai", CHUNK + b"event: error\ndata: " + data + b"\n\ndata: [DONE]\n\n")
    assert isinstance(events[-1], Failure)
    assert events[-1].kind == "elsewhere"
    assert events[-1].message


def test_a_list_that_holds_an_error_is_one():
    failure = read("openai", b'data: [{"error":{"message":"m","code":401}}]\n\n')[-1]
    assert isinstance(failure, Failure)
    assert failure.kind == "disable"


@pytest.mark.parametrize("data", [b"{", b"[1]", b"7", b"null", b'{"a":NaN}', b"\xff", b'{"a":"\\ud800"}', b"[" * 2000])
def test_garbage_is_unreadable(data):
    engine = ENGINES["openai"]
    with pytest.raises(Unreadable):
        engine.read(Frame(data), engine.memo(CALL))


@pytest.mark.parametrize(("depth", "readable"), [(90, True), (110, False), (1000, False)])
def test_nesting_that_could_not_be_written_again_is_unreadable(depth, readable):
    engine = ENGINES["openai"]
    memo = engine.memo(CALL)
    data = (
        b'{"id":"a","deep":'
        + b'{"x":' * depth
        + b"1"
        + b"}" * depth
        + b',"wide":'
        + json.dumps([[]] * 999).encode()
        + b"}"
    )
    for _ in range(2):  # the second is compared with the first
        if readable:
            engine.read(Frame(data), memo)
        else:
            with pytest.raises(Unreadable):
                engine.read(Frame(data), memo)


def test_a_ping_is_nothing():
    assert read("openai", b"data: {}\n\n" + CHUNK + b"data: [DONE]\n\n")[1:] == [Text("x"), Stop("stop")]


def test_json_in_answer_to_stream_true():
    body = b'{"id":"a","model":"m","choices":[{"message":{"content":"x"},"finish_reason":"length"}]}'
    engine = ENGINES["openai"]
    memo = engine.memo(CALL)
    assert list(engine.read(Frame(body, whole=True), memo))[1:] == [Text("x"), Stop("length")]
    assert engine.end(memo) == []
    with pytest.raises(Unreadable):
        engine.read_whole(b"", engine.memo(CALL))


@pytest.mark.parametrize("body", [b"", b": ping\n\n: ping\n\n", b"<html></html>", b"data: [DONE]\n\n", b"Not here"])
def test_a_stream_without_an_event_is_empty(body):
    failures = [event for event in read("openai", body) if isinstance(event, Failure)]
    assert [failure.code for failure in failures] == ["empty"]


# --- what the core is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "model", "traits"),
    [
        ("openai", "gpt-4o", Traits(relay="raw", token_prompts=True)),
        ("openai", "o3", Traits(relay="raw", token_prompts=True, temperature=False, pace="reasoning")),
        ("openai", "gpt-4.1-nano", Traits(relay="raw", token_prompts=True, image_tokens=3800)),
        ("azure", "gpt-4o-mini", Traits(token_prompts=True, image_tokens=48200)),
        ("openai", "gpt-3.5-turbo-instruct", Traits(relay="raw", token_prompts=True, completion="native")),
        ("deepseek", "deepseek-v4-flash", Traits(relay="raw", prefill="rest")),
        ("groq", "qwen/qwen3-32b", Traits(prefill="rest")),
        ("groq", "openai/gpt-oss-120b", Traits(relay="raw", prefill="rest")),
        ("moonshot", "kimi-k2-thinking", Traits(temperature=False, pace="reasoning")),
        ("mistral", "mistral-small", Traits(prefill="whole")),
        (
            "llamacpp",
            "any",
            Traits(completion="native", token_prompts=True, pace="self-hosted", image_urls=False, prefill="rest"),
        ),
    ],
)
def test_traits(vendor, model, traits):
    assert ENGINES[vendor].traits(model) == traits


def test_an_engine_is_its_rows():
    engine = next(ChatEngine(row) for row in load() if row.name == "qwen")
    assert (engine.name, engine.base_url) == ("qwen", "https://dashscope.aliyuncs.com/compatible-mode/v1")
    request = engine.request(CALL, Credential("q/0", "sk-1"), 0.0)
    assert request.url == "http://a/chat/completions"
    assert engine.failure(429, {"retry-after": "3"}, b"", 0.0).seconds == 3


def test_readings_are_kept_but_not_for_ever():
    engine = next(ChatEngine(row) for row in load() if row.name == "qwen")
    for number in range(3000):
        engine.traits(f"model-{number}")
    assert len(engine._readings) <= 1024


# --- any bytes -------------------------------------------------------------------------------------------------------

KEYS = (
    "id model created object choices usage error index delta message text finish_reason content role reasoning "
    "reasoning_content reasoning_details refusal tool_calls function_call function name arguments type thinking code "
    "prompt_tokens completion_tokens total_tokens prompt_tokens_details cached_tokens status base_resp status_code "
    "detail x_groq logprobs"
).split()
WORDS = ["", "stop", "null", "error", "text", "thinking", "<think>", "</think>", "<th", "tool_calls", "x", "你"]
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([*WORDS, 0.5, 1e300]),
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
)


def shaped(**fields: st.SearchStrategy) -> st.SearchStrategy:
    """An object with some of these fields, each of the right shape or of any."""
    return st.fixed_dictionaries({}, optional={name: right | values for name, right in fields.items()})


words, indexes = st.sampled_from(WORDS), st.integers(0, 2)
functions = shaped(name=words, arguments=words)
calls = st.lists(shaped(index=indexes, id=words, function=functions), max_size=3)
content = words | st.lists(shaped(type=words, text=words, thinking=words), max_size=3)
parts = shaped(
    content=content, reasoning=words, reasoning_content=words, refusal=words, tool_calls=calls, function_call=functions,
    role=words, reasoning_details=st.lists(shaped(text=words), max_size=2),
)  # fmt: skip
choices = shaped(
    index=indexes, delta=parts, message=parts, text=words, finish_reason=words, error=shaped(message=words)
)
usages = shaped(prompt_tokens=indexes, completion_tokens=indexes, total_tokens=indexes)
chunks = shaped(id=words, model=words, choices=st.lists(choices, max_size=3), usage=usages)
lines = st.one_of(
    chunks.map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
    st.sampled_from([b"data: [DONE]\n\n", b"event: error\n", CHUNK, b": ping\n\n", b"data: {\n\n", b"\xff\n"]),
)
vendors = st.sampled_from(sorted(ENGINES))


def survive(vendor: str, body: bytes) -> list[Event | Failure]:
    """As the core reads: a frame that is unreadable is dropped."""
    engine, framer = ENGINES[vendor], Framer()
    memo = engine.memo(CALL)
    events: list[Event | Failure] = []
    for frame in [*framer.feed(body), *framer.end()]:
        try:
            events += engine.read_whole(frame.data, memo) if frame.whole else engine.read(frame, memo)
        except Unreadable:
            continue
    return [*events, *engine.end(memo)]


@given(vendors, st.lists(lines, max_size=6).map(b"".join))
def test_any_stream_gives_events_and_ends_or_fails(vendor, body):
    events = survive(vendor, body)
    stops = [event.choice for event in events if isinstance(event, Stop)]
    failures = [event for event in events if isinstance(event, Failure)]
    seen = {event.choice for event in events if isinstance(event, Text | ToolCall)}
    assert all(isinstance(event, Event | Failure) for event in events)
    assert len(stops) == len(set(stops)), "a choice stops once"
    assert len(failures) <= 1
    assert failures or seen <= set(stops)
    assert failures or stops
    calls = {(event.choice, event.index): event for event in reversed(events) if isinstance(event, ToolCall)}
    assert all(first.id for first in calls.values())


@given(vendors, chunks | values)
def test_any_body_gives_events_or_a_failure(vendor, value):
    body = json.dumps(value).encode()
    events = survive(vendor, body if body[:1] in b"{[" else b'{"choices":' + body + b"}")
    assert all(isinstance(event, Event | Failure) for event in events)
    assert any(isinstance(event, Failure | Stop) for event in events)


def test_a_plain_delta_is_read_in_microseconds():
    engine = ENGINES["openai"]
    frame = Frame(CHUNK[6:].strip())
    best = min(_seconds_per_frame(engine, frame) for _ in range(5))
    assert best < 30e-6, f"{best * 1e6:.1f} us a frame: 3 to 5 is right, the limit leaves room for slow machines"


def _seconds_per_frame(engine: ChatEngine, frame: Frame) -> float:
    memo = engine.memo(CALL)
    started = time.process_time()
    for _ in range(2000):
        engine.read(frame, memo)
    return (time.process_time() - started) / 2000
