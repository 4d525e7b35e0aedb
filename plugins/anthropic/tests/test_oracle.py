"""The vendor's own client reads each recorded answer over a real socket: it hears what our events say."""

from __future__ import annotations

import asyncio
import json

import anthropic
import msgspec
from tornadogw_anthropic import Anthropic

from tornadogw import Call, Credential, Draft, Reasoning, Spent, Stop, Text, ToolCall
from tornadogw.testing import Answer, FakeUpstream, read_all

from .test_recordings import recordings

VENDOR = Anthropic()
CALL = Call("r", Draft("chat", "m", ({"role": "user", "content": "Hello"},)), "m", VENDOR.base_url)
REASONS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}
REASONS |= {"pause_turn": "length", "stop_sequence": "stop"}


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
        "calls": [(identifier, name, json.loads(arguments)) for identifier, name, arguments in calls.values()],
        "reason": [event.reason for event in events if isinstance(event, Stop)],
        "usage": (usage.prompt, usage.completion, usage.cached, usage.cache_write),
    }


async def theirs(recording) -> tuple[dict, str]:
    content = recording.headers.get("content-type", "text/event-stream")
    played = Answer(body=recording.body, headers={"content-type": content}, split=97)
    asked = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello"}]}
    async with FakeUpstream(played) as upstream, anthropic.AsyncAnthropic(api_key="k", base_url=upstream.url) as client:
        if "stream" in recording.tags:
            async with client.messages.stream(**asked) as stream:
                said = await stream.get_final_message()
        else:
            said = await client.messages.create(**asked)
        (request,) = upstream.requests
    usage = said.usage
    written, cached = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
    heard = {
        "text": "".join(block.text for block in said.content if block.type == "text"),
        "thoughts": "".join(block.thinking for block in said.content if block.type == "thinking"),
        "calls": [(block.id, block.name, block.input) for block in said.content if block.type == "tool_use"],
        "reason": [REASONS[said.stop_reason]],
        "usage": (usage.input_tokens + written + cached, usage.output_tokens, cached, written),
    }
    return heard, upstream.url + request.path


def test_the_vendors_client_hears_the_same():
    answers = [each for each in recordings().values() if each.status == 200]
    assert len(answers) >= 8
    for each in answers:
        heard, url = asyncio.run(theirs(each))
        assert ours(each) == heard, each
        call = msgspec.structs.replace(CALL, base_url=url.partition("/v1/")[0])
        assert VENDOR.request(call, Credential("a#1", "k"), 0.0).url == url.partition("?")[0]
