"""Recorded answers of /v1/messages through the whole gateway, a tool loop with signed thoughts, and errors."""

from __future__ import annotations

import json
from functools import partial
from importlib.metadata import EntryPoint

import pytest

from tests.journeys.replay import heard_json, heard_stream
from tests.running import CHAT, chat_settings
from tests.shared import ROOT, recordings
from tornadogw.plugins import load_plugins
from tornadogw.testing import Answer, FakeUpstream

REASONS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "refusal": "content_filter"}
REASONS |= {"pause_turn": "length"}
ASKED = {"messages": [{"role": "user", "content": "Say what you said before. " * 900}], "max_tokens": 4000}
"""Long enough for the tokens that were reported then."""


RECORDINGS = recordings("anthropic")
ANSWERS = [each for each in RECORDINGS if each.status == 200]


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    """The package as if it were installed."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins/anthropic"))
    points = [EntryPoint("anthropic", "tornadogw_anthropic", "tornadogw")]
    monkeypatch.setattr("tests.running.load_plugins", partial(load_plugins, points=points))


def settings(url):
    return chat_settings(url, vendor="anthropic").replace('model = "m"', 'model = "claude-sonnet-4-6"')


def recorded(recording):
    """(text, reasoning, names and arguments of tools, reason, tokens), read apart from the gateway."""
    text, thoughts, tools, counts, reason = "", "", {}, {}, None
    body = recording.body.decode()
    if body.startswith("event"):
        said = [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]
    else:
        whole = json.loads(body)
        said = [{"content_block": block, "index": at} for at, block in enumerate(whole["content"])]
        said.append({"usage": whole["usage"], "delta": {"stop_reason": whole["stop_reason"]}})
    for each in said:
        block, delta = each.get("content_block", {}), each.get("delta", {})
        if block.get("type") == "tool_use":
            tools[each["index"]] = [block["name"], json.dumps(block["input"]) if block["input"] else ""]
        text += (block.get("text") or "") + (delta.get("text") or "")
        thoughts += (block.get("thinking") or "") + (delta.get("thinking") or "")
        if each.get("index") in tools:
            tools[each["index"]][1] += delta.get("partial_json") or ""
        counts |= {key: n for key, n in (each.get("message", {}).get("usage") or {}).items() if n is not None}
        counts |= {key: n for key, n in (each.get("usage") or {}).items() if n is not None}
        reason = delta.get("stop_reason") or reason
    inputs = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    tokens = (sum(counts.get(name, 0) for name in inputs), counts["output_tokens"])
    return text, thoughts, [(name, json.loads(args or "{}")) for name, args in tools.values()], REASONS[reason], tokens


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
@pytest.mark.parametrize("recording", ANSWERS, ids=str)
async def test_a_client_reads_what_was_recorded(start, recording, stream):
    text, thoughts, tools, reason, tokens = recorded(recording)
    kind = recording.headers.get("content-type", "text/event-stream")
    answer = Answer(body=recording.body, headers={"Content-Type": kind}, split=997)
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url)) as gateway:
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
        assert upstream.requests[0].path == "/v1/messages"


def said(*events):
    return Answer(body=b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in events))


def begun(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def more(index, **delta):
    return {"type": "content_block_delta", "index": index, "delta": delta}


def ended(index):
    return {"type": "content_block_stop", "index": index}


CALLED = (
    begun(0, type="thinking", thinking="", signature=""),
    more(0, type="thinking_delta", thinking="I ask."),
    more(0, type="signature_delta", signature="c2lnbmVk"),
    ended(0),
    begun(1, type="tool_use", id="toolu_1", name="get_time", input={}),
    more(1, type="input_json_delta", partial_json='{"city": "東京"}'),
    ended(1),
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}},
    {"type": "message_stop"},
)
SPOKEN = (
    begun(0, type="text", text="Noon."),
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
    {"type": "message_stop"},
)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
async def test_signed_thoughts_survive_a_tool_loop(start, stream):
    async with FakeUpstream(said(*CALLED), said(*SPOKEN)) as upstream, start(settings(upstream.url)) as gateway:
        if stream:
            events = [json.loads(each) for each in (await gateway.stream({**CHAT, "model": "m"}))[:-1]]
            deltas = [each["choices"][0]["delta"] for each in events]
            message = {"role": "assistant", "content": None, "tool_calls": [{"id": "", "type": "function"}]}
            function = {"name": "", "arguments": ""}
            for delta in deltas:
                for call in delta.get("tool_calls", ()):
                    message["tool_calls"][0]["id"] += call.get("id") or ""
                    function = {key: function[key] + call["function"].get(key, "") for key in function}
            message["tool_calls"][0]["function"] = function
            message["thinking_blocks"] = [block for delta in deltas for block in delta.get("thinking_blocks", ())]
        else:
            _, answer = await gateway.ask({**CHAT, "model": "m"})
            message = answer["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "12:00"}
        _, second = await gateway.ask({"messages": [*CHAT["messages"], message, result], "model": "m"})
        assert second["choices"][0]["message"]["content"] == "Noon."
        asked, answered = upstream.requests[1].json()["messages"][-2:]
        assert asked["content"] == [
            {"type": "thinking", "thinking": "I ask.", "signature": "c2lnbmVk"},
            {"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {"city": "東京"}},
        ]
        assert answered["content"] == [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "12:00"}]


@pytest.mark.parametrize("ending", ["eof", "reset"])
async def test_a_body_that_ends_early_is_an_error_in_band(start, ending):
    whole = said(*SPOKEN).body
    cut = Answer(body=whole[: whole.index(b"\n\n") + 2], ending=ending)
    async with FakeUpstream(cut) as upstream, start(settings(upstream.url)) as gateway:
        async with gateway.post(body={**CHAT, "model": "m", "stream": True}) as response:
            raw = await response.read()
        assert b"Noon." in raw
        assert b'data: {"error":' in raw
        assert b"[DONE]" not in raw


REFUSED = [each for each in RECORDINGS if each.status != 200]
OURS = {"03-err400-json-context": (400, 1002), "09-err401-json": (503, 4001), "11-err404-json": (503, 4001)}


@pytest.mark.parametrize("recording", REFUSED, ids=str)
async def test_errors(start, recording, claim_log):
    if recording.status == 401:
        claim_log("tornadogw.health", "is disabled")
    answer = Answer(body=recording.body, status=recording.status, headers={"Content-Type": "application/json"})
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url)) as gateway:
        code, body = await gateway.ask({**CHAT, "model": "m", "stream": True})
        assert (code, body["code"]) == OURS.get(recording.name, (503, 4001))


async def test_what_cannot_be_done_is_named(start):
    async with FakeUpstream() as upstream, start(settings(upstream.url)) as gateway:
        code, body = await gateway.ask({**CHAT, "model": "m", "n": 2})
        assert (code, body["code"], body["error"]["param"]) == (400, 1002, "n")
        assert not upstream.requests
