"""What a stream looks like: head, fields, reasoning, tools, usage, the model's name; raw and translated."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import orjson
import pytest

from tests.journeys.wire import (
    DONE,
    chunk,
    event,
    events_of,
    finishes,
    joined,
    last_event,
    role,
    said,
    serving,
    text,
    usage,
    whole,
)
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", "stream": True, **CHAT}
BOTH = pytest.mark.parametrize("vendor", ["vllm", "openai"], ids=["translated", "raw"])
COUNTED = {"stream_options": {"include_usage": True}}


def slow(body: bytes) -> Answer:
    """In many reads: the raw relay lets nothing pass in the first one."""
    return Answer(body=body, split=90)


async def chunks_of(gateway: Any, body: Any = ASK, path: str = "/v1/chat/completions") -> list[Any]:
    """The events of a whole stream without `[DONE]`, each checked for what every chunk must have."""
    async with gateway.post(path, body) as response:
        raw = await response.read()
        assert response.status == 200, raw
    *chunks, last = events_of(raw)
    assert last == "[DONE]"
    assert raw.count(b"[DONE]") == 1
    first = chunks[0]
    for each in chunks:
        assert {"id", "object", "created", "model", "choices"} <= set(each), each
        assert [each[name] for name in ("id", "object", "created", "model")] == [
            first[name] for name in ("id", "object", "created", "model")
        ]
        for choice in each["choices"]:
            assert {"index", "finish_reason"} <= set(choice), each
            assert ("delta" if "chunk" in each["object"] else "text") in choice, each
    return chunks


@BOTH
async def test_a_plain_stream(start, vendor):
    async with (
        FakeUpstream(slow(said("Hello", " there", "!"))) as upstream,
        start(serving(upstream.url, vendor=vendor)) as gateway,
    ):
        async with gateway.post(body=ASK) as response:
            headers = response.headers
            assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-cache", "no")
            assert headers["X-Gateway-Attempts"] == "1"
            assert "Content-Length" not in headers
            await response.read()
        for path in ("/v1/chat/completions", "/xlei/v1/completions"):
            chunks = await chunks_of(gateway, path=path)
            assert (joined(chunks), finishes(chunks)) == ("Hello there!", ["stop"])
            assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
            assert chunks[0]["object"] == "chat.completion.chunk"
            assert all(each["choices"] for each in chunks), "a usage chunk only for those who ask"
            assert all("usage" not in each or each["usage"] is None for each in chunks)
            assert [each["choices"][0]["finish_reason"] for each in chunks[:-1]] == [None] * (len(chunks) - 1)


@BOTH
async def test_usage_on_request_is_what_was_charged(start, vendor):
    cases = [
        ("a chunk of its own", role() + text("hi") + chunk(finish="stop") + usage(7, 2) + DONE, (7, 2), "reported"),
        (
            "on the last chunk",
            role() + text("hi") + chunk(finish="stop", usage={"prompt_tokens": 7, "completion_tokens": 2}) + DONE,
            (7, 2),
            "reported",
        ),
        (
            "on every chunk",
            role(usage=None)
            + text("hi", usage={"prompt_tokens": 7, "completion_tokens": 1})
            + chunk(finish="stop")
            + usage(7, 2)
            + DONE,
            (7, 2),
            "reported",
        ),
        ("none", role() + text("hi there") + chunk(finish="stop") + DONE, (3, 2), "estimated"),
        ("null", role() + text("hi there") + chunk(finish="stop", usage=None) + DONE, (3, 2), "estimated"),
        ("zeros", role() + text("hi there") + chunk(finish="stop") + usage(0, 0) + DONE, (3, 2), "estimated"),
    ]
    async with FakeUpstream() as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
        for name, body, (prompt, completion), source in cases:
            upstream.play(slow(body))
            *chunks, last = await chunks_of(gateway, {**ASK, **COUNTED})
            expected = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
            assert (last["choices"], last["usage"]) == ([], expected), (name, last)
            assert all(each["choices"] and not each.get("usage") for each in chunks), (name, chunks)
            record = await last_event(gateway)
            assert (record["i"], record["o"], record["c"], record["src"]) == (
                prompt,
                completion,
                prompt + completion,
                source,
            ), name
            await chunks_of(gateway)
            status, answer = await gateway.ask({**ASK, "stream": False})
            assert (status, answer["usage"]) == (200, expected), name


@BOTH
async def test_absurd_usage_is_disputed_and_bounded_and_told(start, vendor):
    """What nobody can have used is not believed, and what the client reads is what is charged."""
    cases: list[tuple[Any, Any]] = [(10**12, -5), (-1, 10**9), ("7", "2"), (7.5, 2), (10**30, 2), (True, [])]
    async with FakeUpstream() as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
        for prompt, completion in cases:
            counts = f'{{"prompt_tokens":{json.dumps(prompt)},"completion_tokens":{json.dumps(completion)}}}'.encode()
            bad = b'data: {"id":"up-1","model":"m-real","choices":[],"usage":' + counts + b"}\n\n"
            upstream.play(slow(role() + text("hi") + chunk(finish="stop") + bad + DONE))
            last = (await chunks_of(gateway, {**ASK, **COUNTED, "max_tokens": 50}))[-1]["usage"]
            record = await last_event(gateway)
            place = (prompt, completion, record)
            assert record["src"] == "disputed", place
            assert (last["prompt_tokens"], last["completion_tokens"]) == (record["i"], record["o"]), place
            assert record["c"] == record["i"] + record["o"], place
            assert 0 < record["i"] < 300, place
            assert 0 <= record["o"] <= 50, place


@BOTH
async def test_reasoning_stands_in_both_fields(start, vendor):
    thinking = [chunk({"reasoning_content": "Let me "}), chunk({"reasoning_content": "see."})]
    body = b"".join([role(), *thinking, text("42"), chunk(finish="stop"), usage(7, 5), DONE])
    async with FakeUpstream(slow(body)) as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
        chunks = await chunks_of(gateway)
        assert (joined(chunks, "reasoning"), joined(chunks, "reasoning_content"), joined(chunks)) == (
            "Let me see.",
        ) * 2 + ("42",)
        _, answer = await gateway.ask({**ASK, "stream": False})
        message = answer["choices"][0]["message"]
        assert (message["reasoning"], message["reasoning_content"], message["content"]) == ("Let me see.",) * 2 + (
            "42",
        )


@BOTH
async def test_tool_calls(start, vendor):
    def call(index: int, **fields: Any) -> bytes:
        return chunk({"tool_calls": [{"index": index, **fields}]})

    def pieces(index: int, name: str) -> list[bytes]:
        begin = call(index, id=f"call_{name}", type="function", function={"name": name, "arguments": ""})
        return [begin, *(call(index, function={"arguments": piece}) for piece in ('{"city":', '"Bonn"', "}"))]

    body = b"".join([role(), *pieces(0, "weather"), *pieces(1, "time"), chunk(finish="tool_calls"), usage(), DONE])
    async with FakeUpstream(slow(body)) as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
        chunks = await chunks_of(gateway)
        calls: dict[int, dict[str, Any]] = {}
        for each in chunks:
            for piece in each["choices"][0]["delta"].get("tool_calls", ()):
                known = calls.get(piece["index"])
                if known is None:
                    assert piece["id"]
                    assert piece["type"] == "function"
                    calls[piece["index"]] = known = {
                        "id": piece["id"],
                        "name": piece["function"]["name"],
                        "arguments": "",
                    }
                known["arguments"] += piece["function"]["arguments"]
        expected = {
            n: {"id": f"call_{w}", "name": w, "arguments": '{"city":"Bonn"}'} for n, w in enumerate(("weather", "time"))
        }
        assert (calls, finishes(chunks)) == (expected, ["tool_calls"])
        _, answer = await gateway.ask({**ASK, "stream": False})
        message = answer["choices"][0]["message"]
        assert (message["content"], answer["choices"][0]["finish_reason"]) == (None, "tool_calls")
        assert [(each["id"], each["function"]) for each in message["tool_calls"]] == [
            (each["id"], {"name": each["name"], "arguments": each["arguments"]}) for each in expected.values()
        ]


async def test_tools_against_the_echo(start):
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    body = {"messages": [{"role": "user", "content": 'call add {"a": 1}\ncall add {"a": 2}'}], "tools": tools}
    async with start() as gateway:
        _, answer = await gateway.ask({**body, "stream": False})
        calls = answer["choices"][0]["message"]["tool_calls"]
        assert [orjson.loads(each["function"]["arguments"]) for each in calls] == [{"a": 1}, {"a": 2}]
        chunks = await chunks_of(gateway, {**body, "stream": True})
        assert finishes(chunks) == ["tool_calls"]
        history = [
            *body["messages"],
            answer["choices"][0]["message"],
            {"role": "tool", "tool_call_id": calls[0]["id"], "content": "3"},
        ]
        status, answer = await gateway.ask({"messages": history, "tools": tools, "stream": False})
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "3")


@BOTH
async def test_several_choices(start, vendor):
    lines = [
        role(),
        role(index=1),
        text("a", index=0),
        text("x", index=1),
        text("b", index=0),
        chunk(finish="stop"),
        text("y", index=1),
        chunk(finish="length", index=1),
    ]
    async with (
        FakeUpstream(slow(b"".join([*lines, usage(7, 4), DONE]))) as upstream,
        start(serving(upstream.url, vendor=vendor)) as gateway,
    ):
        chunks = await chunks_of(gateway, {**ASK, "n": 2})
        assert (joined(chunks), joined(chunks, index=1)) == ("ab", "xy")
        assert [(c["index"], c["finish_reason"]) for each in chunks for c in each["choices"] if c["finish_reason"]] == [
            (0, "stop"),
            (1, "length"),
        ]
        roles = [c["index"] for each in chunks for c in each["choices"] if "role" in c["delta"]]
        assert sorted(set(roles)) == [0, 1]
        upstream.play(Answer(body=whole("first", "second"), headers={"Content-Type": "application/json"}))
        _, answer = await gateway.ask({**ASK, "n": 2, "stream": False})
        assert [each["message"]["content"] for each in answer["choices"]] == ["first", "second"]
        assert upstream.requests[-1].json()["stream"] is False, "several choices are asked for as JSON"


@BOTH
async def test_an_upstream_that_says_little(start, vendor):
    """No id, no object, no time, no model, no index, no role, no finish reason but the terminator."""
    body = (
        event({"choices": [{"delta": {"content": "sparse"}}]})
        + event({"choices": [{"delta": {"content": "!"}}]})
        + DONE
    )
    async with FakeUpstream(slow(body)) as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
        chunks = await chunks_of(gateway)
        assert (joined(chunks), finishes(chunks), chunks[0]["choices"][0]["delta"]["role"]) == (
            "sparse!",
            ["stop"],
            "assistant",
        )
        assert (chunks[0]["model"], chunks[0]["id"][:9]) == ("m-up", "chatcmpl-")
        assert chunks[0]["created"] > 1_700_000_000


async def test_plain_events_pass_byte_by_byte_through_the_raw_relay(start):
    head = b'data: {"id":"up-1","object":"chat.completion.chunk", "created":1700000000,"model":"m-real","x":[1, 2],'
    odd = head + b'"choices":[{"index":0,"delta":{"content":"\\u4f60"},"finish_reason":null}]}\n\n'
    rest = chunk(finish="stop") + usage() + DONE
    gate = asyncio.Event()
    async with (
        FakeUpstream(Answer(body=[role() + text("a"), gate, odd * 3 + rest])) as upstream,
        start(serving(upstream.url, vendor="openai")) as gateway,
        gateway.post(body=ASK) as response,
    ):
        first = await response.content.readany()
        assert b'"a"' in first, "an event is passed on as soon as it has come"
        gate.set()
        assert (await response.read()).startswith(odd * 3)


async def test_the_first_event_is_not_held_back(start):
    for vendor in ("vllm", "openai"):
        gate = asyncio.Event()
        async with (
            FakeUpstream(Answer(body=[role(), text("now"), gate, said("later")])) as upstream,
            start(serving(upstream.url, vendor=vendor)) as gateway,
            gateway.post(body=ASK) as response,
            asyncio.timeout(15),
        ):
            assert b'"now"' in await response.content.readany()
            gate.set()
            await response.read()


NAMES = [
    ("m-real", "m-real"),
    ("org/name", "org/name"),
    ("", "m-up"),
    (None, "m-up"),
    (5, "m-up"),
    ("/models/llama.gguf", "m-up"),
    ("a/b/c", "m-up"),
]


@BOTH
async def test_the_model_that_really_answered(start, vendor):
    for public, names in (("", NAMES), ("ours", [(reported, "ours") for reported, _ in NAMES])):
        route = f'public_name = "{public}"' if public else ""
        async with (
            FakeUpstream() as upstream,
            start(serving(upstream.url, vendor=vendor, route=route, model='aliases = ["alias"]')) as gateway,
        ):
            for reported, shown in names:
                upstream.play(slow(said("one", "two", "three", model=reported)))
                for asked in ("m", "alias", "auto"):
                    chunks = await chunks_of(gateway, {**ASK, "model": asked})
                    assert {each["model"] for each in chunks} == {shown}, (reported, asked)
                    assert joined(chunks) == "onetwothree"
                _, answer = await gateway.ask({**ASK, "stream": False})
                assert answer["model"] == shown
                record = await last_event(gateway)
                assert (record["m"], record["sh"], record["q"]) == ("m", shown, "m")
