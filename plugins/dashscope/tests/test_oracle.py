"""The vendor's own client reads each recorded answer over a real socket: it hears what our events say."""

from __future__ import annotations

import asyncio
import json
from functools import cache

import msgspec
from dashscope import AioGeneration, AioMultiModalConversation
from dashscope.api_entities.aio_session import close_shared_aio_session
from tornadogw_dashscope import DashScope

from tornadogw import Call, Credential, Draft, Spent, Text, ToolCall
from tornadogw.testing import (
    Answer,
    FakeUpstream,
    Recording,
    needed_recordings,
    read_all,
)

VENDOR = DashScope()
HELLO = [{"role": "user", "content": "Hello"}]
CALL = Call(id="r", draft=Draft(mode="chat", model="qwen-max", messages=HELLO), model="qwen-max", base_url="")


@cache
def recordings() -> list[Recording]:
    return needed_recordings(__file__, ["dashscope-native"])


def ours(recording: Recording) -> dict:
    events = read_all(VENDOR, msgspec.structs.replace(CALL, stream="stream" in recording.tags), [recording.body])
    usage = [event.usage for event in events if isinstance(event, Spent)][-1]
    return {
        "text": "".join(event.text for event in events if isinstance(event, Text)),
        "names": [event.name for event in events if isinstance(event, ToolCall) and event.name],
        "arguments": "".join(event.arguments for event in events if isinstance(event, ToolCall)),
        "usage": (usage.prompt, usage.completion),
    }


def theirs_of(parts: list) -> dict:
    text, names, arguments = "", [], ""
    for part in parts:
        if part.output.get("choices") is None:
            text += part.output["text"]
            continue
        (choice,) = part.output["choices"]
        content = choice["message"]["content"]
        text += content if isinstance(content, str) else "".join(each["text"] for each in content)
        for call in choice["message"].get("tool_calls") or ():
            names += [call["function"]["name"]] if call["function"].get("name") else []
            arguments += call["function"].get("arguments", "")
    usage = parts[-1].usage
    counts = (usage["input_tokens"], usage["output_tokens"])
    return {"text": text, "names": names, "arguments": arguments, "usage": counts}


async def theirs(recording: Recording) -> tuple[dict, object, str]:
    played = Answer(body=recording.body, headers={"content-type": recording.headers["content-type"]}, split=997)
    multimodal = "multimodal" in recording.path
    api = AioMultiModalConversation if multimodal else AioGeneration
    asked = {"model": "qwen-max", "messages": HELLO, "api_key": "k", "result_format": "message"}
    try:
        async with FakeUpstream(played) as upstream:
            if "stream" in recording.tags:
                answer = await api.call(**asked, stream=True, incremental_output=True, base_address=upstream.url)
                parts = [part async for part in answer]
            else:
                parts = [await api.call(**asked, base_address=upstream.url)]
            (request,) = upstream.requests
    finally:
        await close_shared_aio_session()
    return theirs_of(parts), request, upstream.url


def test_the_vendors_client_hears_and_asks_the_same():
    answers = [each for each in recordings() if each.status == 200]
    assert len(answers) >= 5
    for each in answers:
        heard, request, url = asyncio.run(theirs(each))
        assert ours(each) == heard, each
        options = {"endpoint": "multimodal" if "multimodal" in request.path else "text"}
        call = msgspec.structs.replace(CALL, base_url=url, options=options, stream="stream" in each.tags)
        sent = VENDOR.request(call, Credential("d#1", "k"), 0.0)
        assert sent.url == url + request.path
        assert sent.headers["authorization"] == request.headers["authorization"]
        assert sent.headers.get("x-dashscope-sse") == request.headers.get("x-dashscope-sse")
        mine, its = json.loads(sent.body), json.loads(request.body)
        assert mine["model"] == its["model"]
        assert mine["parameters"].get("incremental_output") == its["parameters"].get("incremental_output")
