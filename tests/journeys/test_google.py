"""Recorded answers of generateContent through the whole gateway, and tool loops with signatures."""

from __future__ import annotations

import json

import pytest

from tests.journeys.google import SPOKEN, google, settings, sse
from tests.journeys.replay import heard_json, heard_stream
from tests.running import CHAT
from tests.shared import recordings
from tornadogw.testing import Answer, FakeUpstream

RECORDINGS = [each for each in recordings("gemini", "vertex") if each.status == 200]
FAILING = "UNEXPECTED_TOOL_CALL"
REASONS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}
ASKED = {"messages": [{"role": "user", "content": "Say what you said before. " * 300}], "max_tokens": 4000}
"""Long enough for the tokens that were reported then."""


__all__ = ["google"]

pytestmark = pytest.mark.usefixtures("google")


def responses(recording):
    """Naively: what the body holds."""
    body = recording.body.decode()
    if body.startswith("data"):
        return [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data")]
    said = json.loads(body)
    return said if isinstance(said, list) else [said]


def recorded(recording):
    """(text, reasoning, names of tools, reason, tokens of prompt and completion), read apart from the gateway."""
    said = responses(recording)
    candidates = [each["candidates"][0] for each in said if each.get("candidates")]
    parts = [part for each in candidates for part in each.get("content", {}).get("parts", [])]
    names = [part["functionCall"]["name"] for part in parts if part.get("functionCall", {}).get("name")]
    reason = next(each["finishReason"] for each in candidates if "finishReason" in each)
    counts = said[-1]["usageMetadata"]
    prompt, completion = (
        sum(counts.get(name, 0) for name in each)
        for each in (
            ("promptTokenCount", "toolUsePromptTokenCount"),
            ("candidatesTokenCount", "thoughtsTokenCount"),
        )
    )
    text, thoughts = (
        "".join(part["text"] for part in parts if "text" in part and part.get("thought", False) is thought)
        for thought in (False, True)
    )
    return text, thoughts, names, "tool_calls" if names else REASONS.get(reason, reason), (prompt, completion)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
async def test_a_client_reads_what_was_recorded(start, recording, stream):
    text, thoughts, names, reason, (prompt, completion) = recorded(recording)
    kind = {"Content-Type": recording.headers.get("content-type", "text/event-stream")}
    key, vendor = ("ya29.token", "vertex") if recording.vendor == "vertex" else ("AIza-test", "gemini")
    answer = Answer(body=recording.body, headers=kind, split=997)
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url, vendor=vendor, key=key)) as gateway:
        body = {**ASKED, "model": "m", "stream": stream, "stream_options": {"include_usage": True}}
        async with gateway.post(body=body) as response:
            status, raw = response.status, await response.read()
        if reason == "tool_calls" and FAILING in str(responses(recording)):
            assert (status, json.loads(raw)["code"]) == (503, 4001)
            return
        assert status == 200, raw
        if stream:
            choices, head, last = heard_stream(raw)
            assert raw.endswith(b"data: [DONE]\n\n")
            shown, model = last["usage"], head["model"]
        else:
            shown, model = json.loads(raw)["usage"], json.loads(raw)["model"]
            choices = heard_json(json.loads(raw))
        (told,) = choices.values()
        assert (told.text, told.reasoning, told.finish) == (text, thoughts, reason)
        assert [call[1] for call in told.tools] == names
        assert all(isinstance(json.loads(call[2]), dict) for call in told.tools)
        assert model == responses(recording)[0]["modelVersion"]
        assert (shown["prompt_tokens"], shown["completion_tokens"]) == (prompt, completion)
        [event] = await gateway.events()
        assert (event["i"], event["o"], event["src"]) == (prompt, completion, "reported")


CALLS = {
    "responseId": "r1",
    "modelVersion": "gemini-3-flash-preview",
    "candidates": [
        {
            "content": {
                "parts": [
                    {"functionCall": {"name": "weather", "args": {"city": "東京"}}, "thoughtSignature": "Cu+A/c=="},
                    {"functionCall": {"name": "time", "args": {}}},
                ]
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18},
}


@pytest.mark.parametrize("forgetful", [True, False], ids=["drops unknown fields", "keeps all"])
async def test_a_tool_loop_brings_the_signature_back(start, forgetful):
    async with FakeUpstream(sse(CALLS), sse(SPOKEN)) as upstream, start(settings(upstream.url)) as gateway:
        _, first = await gateway.ask({**CHAT, "model": "m"})
        message = first["choices"][0]["message"]
        assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "Cu+A/c=="}}
        if forgetful:
            calls = [{key: call[key] for key in ("id", "type", "function")} for call in message["tool_calls"]]
            message = {"role": "assistant", "content": message["content"], "tool_calls": calls}
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "17"} for call in message["tool_calls"]]
        messages = [*CHAT["messages"], message, *results]
        _, second = await gateway.ask({"messages": messages, "model": "m"})
        assert second["choices"][0]["message"]["content"] == "Rain."
        _, said, results = upstream.requests[1].json()["contents"]
        assert said["parts"] == CALLS["candidates"][0]["content"]["parts"]
        assert [part["functionResponse"]["name"] for part in results["parts"]] == ["weather", "time"]
