"""The echo as a vendor: what it writes is read back by the dialect's own reader."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from tornadogw.errors import Cannot, Unreadable
from tornadogw.framing import Framer
from tornadogw.types import (
    Call,
    Credential,
    Draft,
    Failure,
    Meta,
    Reasoning,
    Spent,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from tornadogw.vendors.echo import Echo

TOOL = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}


def chat(text, *, stream=True, max_tokens=1000, **params) -> Call:
    messages = text if isinstance(text, list) else [{"role": "user", "content": text}]
    draft = Draft(mode="chat", model="echo", messages=messages, params=params, choices=params.get("n", 1))
    return Call(id="r1", draft=draft, model="echo", base_url="loop://echo", stream=stream, max_tokens=max_tokens)


def ask(call: Call) -> list:
    """The events of a good answer."""
    echo = Echo()
    request = echo.request(call, Credential("echo"), 1700000000.5)
    memo, framer = echo.memo(call), Framer()
    events = []
    for frame in framer.feed(request.body) + framer.end():
        events += echo.read_whole(frame.data, memo) if frame.whole else echo.read(frame, memo)
    return events if framer.kind == "json" else events + list(echo.end(memo))


def said(events, kind, choice=0) -> str:
    return "".join(event.text for event in events if isinstance(event, kind) and event.choice == choice)


def stops(events) -> dict[int, str]:
    return {event.choice: event.reason for event in events if isinstance(event, Stop)}


def usage(events) -> Usage:
    return [event.usage for event in events if isinstance(event, Spent)][-1]


def query(call: Call) -> dict[str, list[str]]:
    return parse_qs(urlsplit(Echo().request(call, Credential("echo"), 0).url).query)


@pytest.mark.parametrize("stream", [True, False])
def test_says_the_last_message_word_by_word(stream):
    events = ask(chat("Hello dear  world,\n你好", stream=stream))
    assert said(events, Text) == "Hello dear  world,\n你好"
    assert stops(events) == {0: "stop"}
    assert usage(events) == Usage(prompt=7, completion=5)
    metas = [event for event in events if isinstance(event, Meta)]
    assert metas[0] == Meta(id="chatcmpl-r1", model="echo", created=1700000000)
    if stream:
        assert [event.text for event in events if isinstance(event, Text)] == [
            "Hello ",
            "dear  ",
            "world,\n",
            "你",
            "好",
        ]


def test_every_chunk_may_pass_the_raw_relay():
    echo, call = Echo(), chat("one two")
    assert echo.traits("echo").relay == "raw"
    body = echo.request(call, Credential("echo"), 1.0).body
    chunks = [orjson.loads(block[6:]) for block in body.split(b"\n\n")[:-2]]
    assert body.endswith(b"data: [DONE]\n\n")
    for chunk in chunks:
        assert {"id", "object", "created", "model", "choices"} <= chunk.keys()
        for choice in chunk["choices"]:
            assert {"index", "finish_reason"} <= choice.keys()


def test_a_credential_does_not_travel():
    request = Echo().request(chat("hi"), Credential("echo", "sk-1"), 0)
    assert (request.method, "sk-1" in f"{request.url}{request.headers}{request.body!r}") == ("LOOP", False)


@pytest.mark.parametrize("stream", [True, False])
def test_reasoning(stream):
    events = ask(chat("think: a b\nc", stream=stream))
    assert (said(events, Reasoning), said(events, Text)) == ("a b", "c")
    assert usage(events) == Usage(prompt=3, completion=3, reasoning=2)


@pytest.mark.parametrize("stream", [True, False])
def test_tool_calls(stream):
    events = ask(chat('call add {"a": 1}\ncall add {"a": 2}', stream=stream, tools=[TOOL]))
    calls: dict[int, list] = {}
    for event in events:
        if isinstance(event, ToolCall):
            calls.setdefault(event.index, []).append(event)
    assert {index: "".join(piece.arguments for piece in pieces) for index, pieces in calls.items()} == {
        0: '{"a": 1}',
        1: '{"a": 2}',
    }
    first = [pieces[0] for pieces in calls.values()]
    assert [piece.name for piece in first] == ["add", "add"]
    assert first[0].id != first[1].id
    assert stops(events) == {0: "tool_calls"}
    assert not said(events, Text)
    if stream:
        assert len(calls[0]) > 2


@pytest.mark.parametrize("stream", [True, False])
def test_choices(stream):
    events = ask(chat("a b", stream=stream, n=3))
    assert [said(events, Text, choice) for choice in range(3)] == ["a b"] * 3
    assert stops(events) == {0: "stop", 1: "stop", 2: "stop"}
    assert usage(events).completion == 6


@pytest.mark.parametrize("stream", [True, False])
def test_completion_is_native(stream):
    draft = Draft(mode="completion", model="echo", prompts=["a b", [5, 6, 7]], choices=2)
    call = Call(id="r1", draft=draft, model="echo", base_url="loop://echo", stream=stream, max_tokens=2)
    traits = Echo().traits("echo")
    assert (traits.completion, traits.token_prompts) == ("native", True)
    events = ask(call)
    assert [said(events, Text, choice) for choice in range(2)] == ["a b", "5 6 "]
    assert stops(events) == {0: "stop", 1: "length"}
    assert usage(events) == Usage(prompt=4, completion=4)


def test_audio_is_for_others():
    with pytest.raises(Cannot):
        Echo().request(chat("hi", modalities=["text", "audio"]), Credential("echo"), 0)


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "status", "failure"),
    [
        ("429 retry-after=2", 429, Failure("cool", "key+model", 2.0, code="rate_limit_exceeded")),
        ("429", 429, Failure("cool", "key+model", 1.0, code="rate_limit_exceeded")),
        ("429 retry-after=99999", 429, Failure("cool", "key+model", 60.0, code="rate_limit_exceeded")),
        ("400 code=content_filter", 400, Failure("client", code="content_filter")),
        ("401", 401, Failure("elsewhere", code="invalid_api_key")),
        ("503", 503, Failure("elsewhere", code="server_error")),
        ("200", 500, Failure("elsewhere", code="server_error")),
        ("nonsense", 500, Failure("elsewhere", code="server_error")),
    ],
)
def test_errors_on_demand(line, status, failure):
    call = chat(f"echo:error {line}\nhello")
    request = Echo().request(call, Credential("echo"), 0)
    assert query(call)["status"] == [str(status)]
    headers = {name.lower(): value for name, value in request.headers.items()}
    found = Echo().failure(status, headers, request.body, 0)
    assert (found.kind, found.scope, found.seconds, found.code) == (
        failure.kind,
        failure.scope,
        failure.seconds,
        failure.code,
    )
    assert str(status) in found.message


def test_an_error_that_is_not_its_own_is_no_crash():
    assert Echo().failure(502, {}, b"<html>", 0).kind == "elsewhere"


def test_what_the_transport_is_told():
    assert query(chat("hi")) == {"status": ["200"], "delay_ms": ["0"]}
    assert query(chat("echo:slow 50\nhi"))["delay_ms"] == ["50"]
    assert query(chat("echo:slow 999999999999\nhi"))["delay_ms"] == ["60000"]
    assert query(chat("echo:refuse\nhi"))["refuse"] == ["1"]
    assert query(chat("echo:stall 2\nhi"))["stall"] == ["2"]
    assert query(chat("echo:stall 2\nhi", stream=False))["stall"] == ["0"]
    assert query(chat("echo:cut 1\nhi"))["cut"] == ["1"]


def test_cut_and_fail_leave_an_answer_in_pieces():
    def events(line):
        body = Echo().request(chat(f"{line}\na b c d"), Credential("echo"), 0).body
        return [block[6:] for block in body.split(b"\n\n")[:-1]]

    whole = events("echo:usage none")
    assert len(whole) == 1 + 4 + 1 + 1
    assert events("echo:cut 2") == whole[:2]
    assert len(events("echo:cut")) == 3
    assert events("echo:fail 3")[:3] == whole[:3]
    assert orjson.loads(events("echo:fail 3")[3])["error"]["code"] == "server_error"
    assert [event for event in ask(chat("echo:fail 3\na b c d")) if isinstance(event, Failure)]
    assert isinstance(ask(chat("echo:cut 2\na b"))[-1], Failure)


@pytest.mark.parametrize("stream", [True, False])
def test_broken(stream):
    with pytest.raises(Unreadable):
        ask(chat("echo:broken\na b", stream=stream))


def test_empty_and_html():
    assert Echo().request(chat("echo:empty\nhi"), Credential("echo"), 0).body == b""
    page = Echo().request(chat("echo:html\nhi"), Credential("echo"), 0)
    assert (page.headers["Content-Type"], page.body.startswith(b"<")) == ("text/html", True)


@pytest.mark.parametrize("stream", [True, False])
def test_usage_that_is_missing_or_absurd(stream):
    events = ask(chat("echo:usage none\na b", stream=stream))
    assert said(events, Text) == "a b"
    assert not [event for event in events if isinstance(event, Spent)]
    told = usage(ask(chat("echo:usage absurd\na b", stream=stream)))
    assert told.prompt > 10**9 or told.completion < 0


def test_directions_add_up():
    call = chat("echo:slow 5\necho:usage none\nhi")
    assert query(call)["delay_ms"] == ["5"]
    assert said(ask(call), Text) == "hi"
