"""The vendor's own client reads each recorded answer over a real socket: it hears what our events say."""

from __future__ import annotations

import asyncio
from functools import cache

import orjson
import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from tornadogw_gemini import Gemini, Vertex

from tornadogw import Call, Credential, Draft, Reasoning, Spent, Stop, Text, ToolCall, Usage
from tornadogw.testing import (
    Answer,
    FakeUpstream,
    Recording,
    needed_recordings,
    read_all,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)  # the client's own

VENDORS = {"gemini": Gemini(), "vertex": Vertex()}
CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url="https://api.example")
REASONS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


@cache
def recordings() -> dict[str, Recording]:
    """By vendor and name."""
    return {str(each): each for each in needed_recordings(__file__, VENDORS)}


def readable() -> list[Recording]:
    """Answers in the two forms that the client asks for: JSON, and server-sent events."""
    return [each for each in recordings().values() if each.status == 200 and not each.body.startswith(b"[")]


def ours(recording) -> dict:
    events = read_all(VENDORS[recording.vendor], CALL, [recording.body])
    calls: dict[int, list] = {}
    for event in events:
        if isinstance(event, ToolCall):
            call = calls.setdefault(event.index, [event.name, "", event.extras])
            call[1] += event.arguments
    return {
        "text": "".join(event.text for event in events if isinstance(event, Text)),
        "thoughts": "".join(event.text for event in events if isinstance(event, Reasoning)),
        "calls": [(name, orjson.loads(arguments)) for name, arguments, _ in calls.values()],
        "reason": [event.reason for event in events if isinstance(event, Stop)],
        "usage": [event.usage for event in events if isinstance(event, Spent)],
    }


async def theirs(recording) -> dict:
    """What the client of the vendor makes of the same bytes."""
    kind = "text/event-stream" if recording.body.startswith(b"data") else "application/json"
    async with FakeUpstream(Answer(body=recording.body, split=997, headers={"Content-Type": kind})) as upstream:
        options = types.HttpOptions(base_url=upstream.url, api_version=VENDORS[recording.vendor].api_version)
        if recording.vendor == "vertex":
            access = Credentials(token="t")
            client = genai.Client(
                vertexai=True, project="p", location="us-central1", credentials=access, http_options=options
            )
        else:
            client = genai.Client(api_key="AIzaTest", http_options=options)
        try:
            if "stream" in recording.tags:
                stream = await client.aio.models.generate_content_stream(model="m", contents="hi")
                chunks = [chunk async for chunk in stream]
            else:
                chunks = [await client.aio.models.generate_content(model="m", contents="hi")]
        finally:
            await client.aio.aclose()
            client.close()
        (request,) = upstream.requests
    return {**_heard(chunks), "path": request.path}


def _heard(chunks) -> dict:
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.candidates or []
        for part in (candidate.content.parts if candidate.content and candidate.content.parts else [])
    ]
    calls = [part.function_call for part in parts if part.function_call]
    reasons = [
        candidate.finish_reason.value
        for chunk in chunks
        for candidate in chunk.candidates or []
        if candidate.finish_reason
    ]
    counts = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata][-1]
    return {
        "text": "".join(part.text for part in parts if part.text and not part.thought),
        "thoughts": "".join(part.text for part in parts if part.text and part.thought),
        "calls": [(call.name, call.args) for call in calls if call.name],
        "reason": [REASONS.get(reason, reason) for reason in reasons],
        "usage": [
            Usage(
                prompt=(counts.prompt_token_count or 0) + (counts.tool_use_prompt_token_count or 0),
                completion=(counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0),
                cached=counts.cached_content_token_count or 0,
                reasoning=counts.thoughts_token_count or 0,
            )
        ],
    }


def test_the_vendors_client_reads_the_same():
    for recording in readable():
        heard, read = asyncio.run(theirs(recording)), ours(recording)
        if read["reason"] == []:  # the one that says itself that it is none
            assert heard["reason"] == ["UNEXPECTED_TOOL_CALL"], recording
            continue
        if read["calls"] and heard["reason"] == ["stop"]:
            heard["reason"] = ["tool_calls"]
        if any(args is None for _, args in heard["calls"]):  # in pieces, which the client leaves to its user
            assert [name for name, _ in read["calls"]] == [name for name, _ in heard["calls"]]
            heard["calls"] = read["calls"]
        for what in read:
            assert read[what] == heard[what], (recording, what)


@pytest.mark.parametrize(
    ("vendor", "stream", "options", "secret"),
    [
        ("gemini", True, {}, "AIza1"),
        ("gemini", False, {}, "AIza1"),
        ("vertex", True, {"project": "p", "location": "us-central1"}, "t"),
    ],
)
def test_we_ask_where_the_vendors_client_asks(vendor, stream, options, secret):
    names = {
        "gemini": ("gemini/25-stream-schema", "gemini/21-json"),
        "vertex": ("vertex/11-stream-reasoning", "vertex/12-json"),
    }
    heard = asyncio.run(theirs(recordings()[names[vendor][0 if stream else 1]]))
    draft = Draft(mode="chat", model="m", messages=({"role": "user", "content": "hi"},))
    call = Call(id="r", draft=draft, model="m", base_url="http://x", options=options, stream=stream)
    asked = VENDORS[vendor].request(call, Credential("k", secret), 0.0)
    assert asked.url == "http://x" + heard["path"]
