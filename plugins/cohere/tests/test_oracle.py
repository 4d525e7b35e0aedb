"""The vendor's own client reads each recorded answer over a real socket: it hears what our events say."""

from __future__ import annotations

import asyncio
from functools import cache

import cohere
import msgspec
from tornadogw_cohere import Cohere

from tornadogw import Call, Credential, Draft, Reasoning, Spent, Stop, Text, ToolCall
from tornadogw.testing import (
    Answer,
    FakeUpstream,
    Recording,
    needed_recordings,
    read_all,
)

VENDOR = Cohere()
CALL = Call(
    id="r",
    draft=Draft(mode="chat", model="m", messages=({"role": "user", "content": "Hello"},)),
    model="m",
    base_url=VENDOR.base_url,
)
REASONS = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}
HELLO = [{"role": "user", "content": "Hello"}]


@cache
def recordings() -> dict[str, Recording]:
    """By name."""
    return {each.name: each for each in needed_recordings(__file__, ["cohere"])}


def ours(recording) -> dict:
    events = read_all(VENDOR, CALL, [recording.body])
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, ToolCall):
            call = calls.setdefault(event.index, [event.id, event.name, ""])
            call[2] += event.arguments
    usage = next(event.usage for event in reversed(events) if isinstance(event, Spent))
    return {
        "text": "".join(event.text for event in events if isinstance(event, Text)),
        "thoughts": "".join(event.text for event in events if isinstance(event, Reasoning)),
        "calls": [tuple(call) for call in calls.values()],
        "reason": [event.reason for event in events if isinstance(event, Stop)],
        "usage": (usage.prompt, usage.completion, usage.cached),
    }


def counts(usage) -> tuple[int, int, int]:
    return int(usage.tokens.input_tokens), int(usage.tokens.output_tokens), int(usage.cached_tokens or 0)


async def stream_of(client) -> dict:
    heard: dict = {"text": "", "thoughts": "", "calls": {}, "reason": [], "usage": None}
    async for event in client.chat_stream(model="m", messages=HELLO):
        match event.type:
            case "content-start" | "content-delta":
                heard["text"] += event.delta.message.content.text or ""
                heard["thoughts"] += event.delta.message.content.thinking or ""
            case "tool-plan-delta":
                heard["thoughts"] += event.delta.message.tool_plan
            case "tool-call-start":
                call = event.delta.message.tool_calls
                heard["calls"][event.index] = [call.id, call.function.name, call.function.arguments]
            case "tool-call-delta":
                heard["calls"][event.index][2] += event.delta.message.tool_calls.function.arguments
            case "message-end":
                heard["reason"].append(REASONS[event.delta.finish_reason])
                heard["usage"] = counts(event.delta.usage)
    return {**heard, "calls": [tuple(call) for call in heard["calls"].values()]}


async def whole_of(client) -> dict:
    said = await client.chat(model="m", messages=HELLO)
    blocks = said.message.content or []
    calls = said.message.tool_calls or []
    return {
        "text": "".join(block.text for block in blocks if block.type == "text"),
        "thoughts": (said.message.tool_plan or "") + "".join(b.thinking for b in blocks if b.type == "thinking"),
        "calls": [(call.id, call.function.name, call.function.arguments) for call in calls],
        "reason": [REASONS[said.finish_reason]],
        "usage": counts(said.usage),
    }


async def theirs(recording) -> tuple[dict, str]:
    played = Answer(body=recording.body, headers={"content-type": recording.headers["content-type"]}, split=97)
    async with FakeUpstream(played) as upstream, cohere.AsyncClientV2(api_key="k", base_url=upstream.url) as client:
        heard = await (stream_of if "stream" in recording.tags else whole_of)(client)
        (request,) = upstream.requests
        return heard, upstream.url + request.path


def test_the_vendors_client_hears_the_same():
    answers = [each for each in recordings().values() if each.status == 200]
    assert len(answers) >= 8
    for each in answers:
        heard, url = asyncio.run(theirs(each))
        assert ours(each) == heard, each
        call = msgspec.structs.replace(CALL, base_url=url.removesuffix("/v2/chat"))
        assert VENDOR.request(call, Credential("c#1", "k"), 0.0).url == url
