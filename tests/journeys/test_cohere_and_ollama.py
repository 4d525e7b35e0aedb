"""Recorded answers of /v2/chat and /api/chat through the whole gateway, tool loops, and bodies that end early."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from importlib.metadata import EntryPoint

import pytest

from tests.journeys.replay import heard_json, heard_stream
from tests.running import CHAT
from tests.shared import ROOT, recordings
from tornadogw.plugins import load_plugins
from tornadogw.testing import Answer, FakeUpstream

PACKAGES = ("cohere", "ollama")
REASONS = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "TOOL_CALL": "tool_calls", "stop": "stop"}
ASKED = {"messages": [{"role": "user", "content": "Say what you said before. " * 300}], "max_tokens": 4000}
"""Long enough for the tokens that were reported then."""
CALL = {"type": "function", "function": {"name": "get_time", "arguments": '{"city": "東京"}'}}


RECORDINGS = [each for each in recordings(*PACKAGES) if each.status == 200]


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    """The packages as if they were installed."""
    for name in PACKAGES:
        monkeypatch.syspath_prepend(str(ROOT / f"plugins/{name}"))
    points = [EntryPoint(name, f"tornadogw_{name}", "tornadogw") for name in PACKAGES]
    monkeypatch.setattr("tests.running.load_plugins", partial(load_plugins, points=points))


def settings(url, vendor):
    return f"""
[[upstreams]]
name = "up"
vendor = "{vendor}"
base_url = "{url}"
keys = ["sk-up"]

[[models]]
name = "m"
price = {{ input = "1", output = "2" }}
routes = [{{ upstream = "up", model = "theirs" }}]
"""


def lines(*said):
    return b"".join(json.dumps(each).encode() + b"\n" for each in said)


def events(*said):
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in said) + b"data: [DONE]\n\n"


# --- recordings ------------------------------------------------------------------------------------------------------


def documents(recording):
    """Naively: what the body holds."""
    text = recording.body.decode()
    if text.startswith("event:"):
        return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in text.splitlines() if line]


def parts(said):
    """The pieces of message in one document, each with what it says."""
    message = said.get("delta", {}).get("message") or said.get("message") or {}
    content = message.get("content") or ()
    yield message
    yield from content if isinstance(content, list) else [content] if isinstance(content, dict) else []


def recorded(recording):
    """(text, reasoning, names and arguments of tools, reason, tokens), read apart from the gateway."""
    text = thoughts = ""
    tools: list[list] = []
    for said in documents(recording):
        for part in parts(said):
            content = part.get("content")
            text += part.get("text") or (content if isinstance(content, str) else "") or ""
            thoughts += (part.get("tool_plan") or "") + (part.get("thinking") or "")
            called = part.get("tool_calls") or []
            for each in called if isinstance(called, list) else [called]:
                function = each["function"]
                if "name" in function:
                    tools.append([function["name"], function["arguments"]])
                else:
                    tools[-1][1] += function["arguments"]
    last = documents(recording)[-1]
    end = last.get("delta") or last
    counts = end.get("usage", {}).get("tokens") or {}
    tokens = (
        counts.get("input_tokens", last.get("prompt_eval_count")),
        counts.get("output_tokens", last.get("eval_count")),
    )
    told = [(name, json.loads(args) if isinstance(args, str) else args) for name, args in tools]
    reason = "tool_calls" if tools else REASONS[end.get("finish_reason") or end["done_reason"]]
    return text, thoughts, told, reason, tokens


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
async def test_a_client_reads_what_was_recorded(start, recording, stream):
    text, thoughts, tools, reason, tokens = recorded(recording)
    answer = Answer(body=recording.body, headers={"Content-Type": recording.headers["content-type"]}, split=997)
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url, recording.vendor)) as gateway:
        body = {**ASKED, "model": "m", "stream": stream, "stream_options": {"include_usage": True}}
        async with gateway.post(body=body) as response:
            status, raw = response.status, await response.read()
        assert status == 200, raw
        if stream:
            assert raw.endswith(b"data: [DONE]\n\n")
            choices, _, last = heard_stream(raw)
            shown = last["usage"]
        else:
            choices, shown = heard_json(json.loads(raw)), json.loads(raw)["usage"]
        (told,) = choices.values()
        assert (told.text, told.reasoning, told.finish) == (text, thoughts, reason)
        assert [(name, json.loads(arguments)) for _, name, arguments in told.tools] == tools
        assert (shown["prompt_tokens"], shown["completion_tokens"]) == tokens
        [event] = await gateway.events()
        assert (event["i"], event["o"], event["src"]) == (*tokens, "reported")
        assert upstream.requests[0].path == recording.path


async def test_the_vendors_own_instructions_are_no_reason_to_doubt_its_count(start):
    """`Hello there` makes 505 tokens there."""
    (recording,) = [each for each in RECORDINGS if each.name == "11-json" and each.vendor == "cohere"]
    async with FakeUpstream(Answer(body=recording.body)) as upstream:  # noqa: SIM117  # in the order of need
        async with start(settings(upstream.url, "cohere")) as gateway:
            _, said = await gateway.ask({**CHAT, "model": "m"})
            [event] = await gateway.events()
            assert (said["usage"]["prompt_tokens"], event["src"]) == (505, "reported")


# --- tool loops ------------------------------------------------------------------------------------------------------

SPOKEN = {
    "cohere": events(
        {"type": "message-start", "id": "a2"},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Noon."}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    ),
    "ollama": lines({"message": {"content": "Noon."}, "done": False}, {"done": True, "done_reason": "stop"}),
}
CALLED = {
    "cohere": events(
        {"type": "message-start", "id": "a1"},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I ask."}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": CALL}}},
        {"type": "tool-call-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    ),
    "ollama": lines(
        {"message": {"thinking": "I ask."}, "done": False},
        {"message": {"tool_calls": [{"function": {"name": "get_time", "arguments": {"city": "東京"}}}]}, "done": False},
        {"message": {"content": ""}, "done": True, "done_reason": "stop"},
    ),
}


@pytest.mark.parametrize("vendor", PACKAGES)
async def test_a_tool_loop(start, vendor):
    answers = [Answer(body=each[vendor]) for each in (CALLED, SPOKEN)]
    async with FakeUpstream(*answers) as upstream, start(settings(upstream.url, vendor)) as gateway:
        _, first = await gateway.ask({**CHAT, "model": "m"})
        message = first["choices"][0]["message"]
        assert first["choices"][0]["finish_reason"] == "tool_calls"
        (call,) = message["tool_calls"]
        assert call == {**CALL, "id": call["id"]}
        result = {"role": "tool", "tool_call_id": call["id"], "content": "12:00"}
        _, second = await gateway.ask({"messages": [*CHAT["messages"], message, result], "model": "m"})
        assert second["choices"][0]["message"]["content"] == "Noon."
        asked, answered = upstream.requests[1].json()["messages"][-2:]
        if vendor == "cohere":
            assert asked == {"role": "assistant", "tool_plan": "I ask.", "tool_calls": [{**CALL, "id": call["id"]}]}
            assert answered == result
        else:
            function = {"name": "get_time", "arguments": {"city": "東京"}}
            made = [{"id": call["id"], "function": function}]
            assert asked == {"role": "assistant", "content": "", "thinking": "I ask.", "tool_calls": made}
            assert answered == {"role": "tool", "content": "12:00", "tool_name": "get_time", "tool_call_id": call["id"]}


# --- endings ---------------------------------------------------------------------------------------------------------


async def test_lines_reach_the_client_as_they_come(start):
    """The second line is written only once the client has read the first."""
    read = asyncio.Event()
    first = lines({"message": {"content": "No"}, "done": False})
    last = lines({"message": {"content": "on."}, "done": True, "done_reason": "stop"})
    async with FakeUpstream(Answer(body=[first, read, last])) as upstream:  # noqa: SIM117  # in the order of need
        async with start(settings(upstream.url, "ollama")) as gateway:
            async with gateway.post(body={**CHAT, "model": "m", "stream": True}) as response:
                raw = await response.content.readuntil(b"\n\n")
                assert b'"content":"No"' in raw
                read.set()
                raw += await response.read()
            (told,) = heard_stream(raw)[0].values()
            assert (told.text, told.finish) == ("Noon.", "stop")


@pytest.mark.parametrize("ending", ["eof", "reset"])
@pytest.mark.parametrize("vendor", PACKAGES)
async def test_a_body_that_ends_early_is_an_error_in_band(start, vendor, ending):
    cut = SPOKEN[vendor].index(b"Noon.") + len(
        b'Noon."}}}}\n\n' if vendor == "cohere" else b'Noon."}, "done": false}\n'
    )
    answer = Answer(body=SPOKEN[vendor][:cut], ending=ending)
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url, vendor)) as gateway:
        async with gateway.post(body={**CHAT, "model": "m", "stream": True}) as response:
            raw = await response.read()
        assert b"Noon." in raw
        assert b'data: {"error":' in raw
        assert b"[DONE]" not in raw


@pytest.mark.parametrize(
    ("vendor", "status", "said", "ours"),
    [
        ("cohere", 400, {"message": "invalid request: top_p is odd"}, (400, 1002)),
        ("cohere", 498, {"message": "blocked"}, (400, 1002)),
        ("cohere", 401, {"message": "invalid api token"}, (503, 4001)),
        ("ollama", 400, {"error": "invalid format"}, (400, 1002)),
        ("ollama", 503, {"error": "server busy, please try again"}, (503, 4001)),
        ("ollama", 200, {"error": "llama runner process has terminated"}, (503, 4001)),
    ],
)
async def test_errors(start, vendor, status, said, ours, claim_log):
    if status == 401:
        claim_log("tornadogw.health", "is disabled")
    answer = Answer(body=json.dumps(said).encode() + b"\n", status=status, headers={"Content-Type": "application/json"})
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url, vendor)) as gateway:
        code, body = await gateway.ask({**CHAT, "model": "m", "stream": True})
        assert (code, body["code"]) == ours


@pytest.mark.parametrize(
    ("vendor", "more", "param"),
    [("cohere", {"n": 2}, "n"), ("ollama", {"tools": [CALL], "tool_choice": "required"}, "tool_choice")],
)
async def test_what_cannot_be_done_is_named(start, vendor, more, param):
    async with FakeUpstream() as upstream, start(settings(upstream.url, vendor)) as gateway:
        async with gateway.post(body={**CHAT, "model": "m", **more}) as response:
            body = await response.json()
        assert (response.status, body["code"], body["error"]["param"]) == (400, 1002, param)
        assert not upstream.requests
