"""Recorded answers of Converse and ConverseStream through the whole gateway, and streams that break."""

from __future__ import annotations

import base64
import json
from functools import partial
from importlib.metadata import EntryPoint

import pytest

from tests.journeys.replay import heard_json, heard_stream
from tests.running import CHAT, chat_settings
from tests.shared import ROOT, recordings
from tests.test_eventstream import message
from tornadogw.plugins import load_plugins
from tornadogw.testing import Answer, FakeUpstream

REASONS = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
}
KEYS = "AKIDEXAMPLE0123456789:c2VjcmV0c2VjcmV0c2VjcmV0"
ASKED = {"messages": [{"role": "user", "content": "Say what you said before. " * 300}], "max_tokens": 4000}
"""Long enough for the tokens that were reported then."""


RECORDINGS = recordings("bedrock")


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    """The package as if it were installed."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins/bedrock"))
    points = [EntryPoint("bedrock", "tornadogw_bedrock", "tornadogw")]
    monkeypatch.setattr("tests.running.load_plugins", partial(load_plugins, points=points))


def settings(url):
    own = f'keys = ["{KEYS}"]\noptions = {{ region = "eu-west-1" }}'
    return chat_settings(url, vendor="bedrock").replace('keys = ["sk-upstream"]', own)


def recorded(recording):
    """(text, reasoning, names of tools, reason, tokens), read apart from the gateway: payloads are JSON objects."""
    if "stream" in recording.tags:
        decoder, said, text = json.JSONDecoder(), [], recording.body.decode("utf-8", "replace")
        at = text.find('{"')
        while at >= 0:
            payload, end = decoder.raw_decode(text, at)
            said.append(payload)
            at = text.find('{"', end)
        pieces = [each["delta"] for each in said if "delta" in each]
        uses = [each["start"]["toolUse"] for each in said if "toolUse" in each.get("start", {})]
        reason = next(each["stopReason"] for each in said if "stopReason" in each)
        usage = next(each["usage"] for each in said if "usage" in each)
    else:
        whole = json.loads(recording.body)
        pieces = whole["output"]["message"]["content"]
        uses = [block["toolUse"] for block in pieces if "toolUse" in block]
        reason, usage = whole["stopReason"], whole["usage"]
    text = thoughts = ""
    for piece in pieces:
        text += piece.get("text", "")
        text += "".join(part["text"] for part in piece.get("citationsContent", {}).get("content", ()))
        thought = piece.get("reasoningContent", {})
        thoughts += thought.get("text", "") + thought.get("reasoningText", {}).get("text", "")
    names = [use["name"] for use in uses if use.get("type") != "server_tool_use"]
    cached = usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
    return text, thoughts, names, REASONS[reason], (usage["inputTokens"] + cached, usage["outputTokens"])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
@pytest.mark.parametrize("recording", [each for each in RECORDINGS if each.status == 200], ids=str)
async def test_a_client_reads_what_was_recorded(start, recording, stream):
    text, thoughts, tools, reason, tokens = recorded(recording)
    kind = recording.headers.get("content-type", "application/vnd.amazon.eventstream")
    answer = Answer(body=recording.body, headers={"Content-Type": kind}, split=97)
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
        assert [name for _, name, arguments in told.tools if json.loads(arguments) is not None] == tools
        assert (shown["prompt_tokens"], shown["completion_tokens"]) == tokens
        [event] = await gateway.events()
        assert (event["i"], event["o"], event["src"]) == (*tokens, "reported")
        (request,) = upstream.requests
        assert request.path == "/model/m/converse-stream"
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE0123456789/")


SPOKEN = message(b'{"contentBlockIndex":0,"delta":{"text":"Noon."},"p":"ab"}', name="contentBlockDelta")
STOPPED = message(b'{"stopReason":"end_turn"}', name="messageStop")
THROTTLED = message(b'{"message":"slow down"}', "exception", "throttlingException")


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        (SPOKEN, "eof"),
        (SPOKEN, "clean"),
        (SPOKEN + THROTTLED, "clean"),
        (SPOKEN + STOPPED[:-1], "clean"),
        (SPOKEN + STOPPED[:-1] + b"x", "clean"),
    ],
    ids=["eof", "no stop", "exception", "half a message", "wrong check sum"],
)
async def test_a_stream_that_breaks_is_an_error_in_band(start, body, ending):
    async with FakeUpstream(Answer(body=body, ending=ending)) as upstream, start(settings(upstream.url)) as gateway:
        async with gateway.post(body={**CHAT, "model": "m", "stream": True}) as response:
            raw = await response.read()
        assert b"Noon." in raw
        assert b'data: {"error":' in raw
        assert b"[DONE]" not in raw


async def test_an_exception_before_the_first_word_is_a_plain_error(start):
    async with FakeUpstream(Answer(body=THROTTLED)) as upstream, start(settings(upstream.url)) as gateway:
        code, body = await gateway.ask({**CHAT, "model": "m", "stream": True})
        assert (code, body["code"]) == (503, 4001)


@pytest.mark.parametrize("recording", [each for each in RECORDINGS if each.status != 200], ids=str)
async def test_errors(start, recording, claim_log):
    if recording.status == 403:
        claim_log("tornadogw.health", "is disabled")
    headers = {"Content-Type": "application/json", "x-amzn-errortype": recording.headers["x-amzn-errortype"]}
    answer = Answer(body=recording.body, status=recording.status, headers=headers)
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url)) as gateway:
        code, body = await gateway.ask({**CHAT, "model": "m", "stream": True})
        assert (code, body["code"]) == ((400, 1002) if recording.status == 400 else (503, 4001))


async def test_an_image_by_address_is_fetched_for_it(start):
    png = b"\x89PNG\r\n\x1a\n" + b"p" * 9
    async with (
        FakeUpstream(Answer(body=SPOKEN + STOPPED)) as upstream,
        FakeUpstream(Answer(body=png)) as pictures,
    ):  # in the order of need
        allow = f'[images]\nallow = ["{pictures.url.removeprefix("http://")}"]\n'
        async with start(allow + settings(upstream.url)) as gateway:
            part = {"type": "image_url", "image_url": {"url": pictures.url}}
            status, _ = await gateway.ask({"model": "m", "messages": [{"role": "user", "content": [part]}]})
            assert status == 200
            (sent,) = upstream.requests[0].json()["messages"][0]["content"]
            assert base64.b64decode(sent["image"]["source"]["bytes"]) == png
