"""The engine's own client reads each recorded answer over a real socket: it hears what our events say."""

from __future__ import annotations

import asyncio
from functools import cache

import msgspec
import ollama
from tornadogw_ollama import Ollama

from tornadogw import Call, Credential, Draft, Reasoning, Spent, Stop, Text, ToolCall
from tornadogw.testing import (
    Answer,
    FakeUpstream,
    Recording,
    needed_recordings,
    read_all,
)

VENDOR = Ollama()
HELLO = [{"role": "user", "content": "Hello"}]
CALL = Call(id="r", draft=Draft(mode="chat", model="m", messages=HELLO), model="m", base_url=VENDOR.base_url)


@cache
def recordings() -> dict[str, Recording]:
    """By name."""
    return {each.name: each for each in needed_recordings(__file__, ["ollama"])}


def ours(recording: Recording) -> dict:
    events = read_all(VENDOR, msgspec.structs.replace(CALL, stream="stream" in recording.tags), [recording.body])
    (reason,) = [event.reason for event in events if isinstance(event, Stop)]
    usage = next(event.usage for event in reversed(events) if isinstance(event, Spent))
    calls = [event for event in events if isinstance(event, ToolCall)]
    return {
        "text": "".join(event.text for event in events if isinstance(event, Text)),
        "thoughts": "".join(event.text for event in events if isinstance(event, Reasoning)),
        "calls": [(call.name, msgspec.json.decode(call.arguments)) for call in calls],
        "reason": "stop" if reason == "tool_calls" else reason,  # the engine has one word for both
        "usage": (usage.prompt, usage.completion),
    }


def theirs_of(parts: list[ollama.ChatResponse]) -> dict:
    calls = [call for part in parts for call in part.message.tool_calls or ()]
    return {
        "text": "".join(part.message.content or "" for part in parts),
        "thoughts": "".join(part.message.thinking or "" for part in parts),
        "calls": [(call.function.name, dict(call.function.arguments)) for call in calls],
        "reason": parts[-1].done_reason,
        "usage": (parts[-1].prompt_eval_count, parts[-1].eval_count),
    }


async def theirs(recording: Recording) -> tuple[dict, str]:
    played = Answer(body=recording.body, headers={"content-type": recording.headers["content-type"]}, split=997)
    async with FakeUpstream(played) as upstream, ollama.AsyncClient(host=upstream.url) as client:
        if "stream" in recording.tags:
            parts = [part async for part in await client.chat(model="m", messages=HELLO, stream=True)]
        else:
            parts = [await client.chat(model="m", messages=HELLO)]
        (request,) = upstream.requests
        return theirs_of(parts), upstream.url + request.path


def test_the_engines_client_hears_the_same():
    answers = [each for each in recordings().values() if each.status == 200]
    assert len(answers) >= 6
    for each in answers:
        heard, url = asyncio.run(theirs(each))
        assert ours(each) == heard, each
        call = msgspec.structs.replace(CALL, base_url=url.removesuffix("/api/chat"))
        assert VENDOR.request(call, Credential("o#1"), 0.0).url == url
