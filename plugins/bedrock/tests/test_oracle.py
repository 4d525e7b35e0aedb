"""The vendor's own client reads each recorded answer over a real socket: it hears what our events say."""

from __future__ import annotations

import asyncio
import base64
from functools import cache

import botocore.session
from botocore.config import Config
from tornadogw_bedrock import Bedrock

from tornadogw import Call, Draft, Reasoning, Spent, Stop, Text, ToolCall
from tornadogw.testing import (
    Answer,
    FakeUpstream,
    Recording,
    needed_recordings,
    read_all,
)

VENDOR = Bedrock()
REASONS = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
}


@cache
def recordings() -> dict[str, Recording]:
    """By name."""
    return {each.name: each for each in needed_recordings(__file__, ["bedrock"])}


def ours(recording) -> dict:
    call = Call("r", Draft("chat", "m"), "m", VENDOR.base_url, stream="stream" in recording.tags)
    events = read_all(VENDOR, call, [recording.body])
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, ToolCall):
            call_ = calls.setdefault(event.index, [event.id, event.name, ""])
            call_[2] += event.arguments
    usage = next(event.usage for event in reversed(events) if isinstance(event, Spent))
    return {
        "text": "".join(event.text for event in events if isinstance(event, Text)),
        "thoughts": "".join(event.text for event in events if isinstance(event, Reasoning)),
        "calls": [tuple(each[:2]) for each in calls.values()],
        "reason": [event.reason for event in events if isinstance(event, Stop)],
        "usage": (usage.prompt, usage.completion),
    }


def blocks_of(said) -> list[dict]:
    """The blocks of an answer; a stream's are put together."""
    if "stream" not in said:
        return said["output"]["message"]["content"]
    blocks: dict[int, dict] = {}
    for event in said["stream"]:
        if start := event.get("contentBlockStart"):
            blocks[start["contentBlockIndex"]] = dict(start["start"])
        if piece := event.get("contentBlockDelta"):
            block = blocks.setdefault(piece["contentBlockIndex"], {})
            block["text"] = block.get("text", "") + piece["delta"].get("text", "")
            thought = piece["delta"].get("reasoningContent", {}).get("text", "")
            block["thought"] = block.get("thought", "") + thought
        said.setdefault("stopReason", event.get("messageStop", {}).get("stopReason"))
        said["stopReason"] = said["stopReason"] or event.get("messageStop", {}).get("stopReason")
        said["usage"] = event.get("metadata", {}).get("usage") or said.get("usage")
    return list(blocks.values())


def text_of(block) -> str:
    cited = "".join(part["text"] for part in block.get("citationsContent", {}).get("content", ()))
    return block.get("text", "") + cited


def ask(url: str, stream: bool) -> dict:
    client = botocore.session.Session().create_client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE0123456789",
        aws_secret_access_key="c2VjcmV0c2VjcmV0c2VjcmV0",
        config=Config(retries={"max_attempts": 1}),
    )
    asked = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
    try:
        said = (client.converse_stream if stream else client.converse)(**asked)
        blocks = blocks_of(said)
    finally:
        client.close()
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    usage = said["usage"]
    return {
        "text": "".join(text_of(block) for block in blocks),
        "thoughts": "".join(
            block.get("thought", "") + block.get("reasoningContent", {}).get("reasoningText", {}).get("text", "")
            for block in blocks
        ),
        "calls": [(use["toolUseId"], use["name"]) for use in uses if use.get("type") != "server_tool_use"],
        "reason": [REASONS[said["stopReason"]]],
        "usage": (
            usage["inputTokens"] + usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0),
            usage["outputTokens"],
        ),
    }


async def theirs(recording) -> dict:
    kind = recording.headers.get("content-type", "application/vnd.amazon.eventstream")
    async with FakeUpstream(Answer(body=recording.body, headers={"content-type": kind}, split=97)) as upstream:
        heard = await asyncio.to_thread(ask, upstream.url, "stream" in recording.tags)
        assert upstream.requests[0].path.startswith("/model/m/converse")
        return heard


def test_the_vendors_client_hears_the_same():
    answers = [each for each in recordings().values() if each.status == 200]
    assert len(answers) >= 8
    for each in answers:
        assert ours(each) == asyncio.run(theirs(each)), each


def test_opaque_thoughts_are_told_as_they_came():
    recording = recordings()["24-stream-reasoning"]
    call = Call("r", Draft("chat", "m"), "m", VENDOR.base_url)
    blocks = [
        block
        for event in read_all(VENDOR, call, [recording.body])
        if getattr(event, "key", "") == "thinking_blocks"
        for block in event.value
    ]
    assert [block["type"] for block in blocks] == ["redacted_thinking", "redacted_thinking"]
    assert all(base64.b64decode(block["data"], validate=True) for block in blocks)
