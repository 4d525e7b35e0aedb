"""What the vendor's own client sent, asked for in the chat dialect, is what we send."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest
from tornadogw_gemini import Gemini, Vertex

from tornadogw import Call, Credential, Draft
from tornadogw.testing import MissingRecordings, Recording, find_recordings, load_recordings

VENDORS = {"gemini": Gemini(), "vertex": Vertex()}
OWN = {
    "code_execution",
    "codeExecution",
    "google_search",
}
"""Tools that the vendor runs itself, which nobody gets through the gateway."""


@cache
def recordings() -> dict[str, Recording]:
    """By vendor and name. Missing ones are a skip, in CI a failure."""
    for root in Path(__file__).resolve().parents:
        try:
            return {str(each): each for each in load_recordings(find_recordings(root, os.environ), VENDORS)}
        except MissingRecordings as error:
            missing = error
    if os.environ.get("CI") == "true":
        pytest.fail(str(missing))
    pytest.skip(str(missing))


def chats() -> list[Recording]:
    """Recorded requests that a client of the gateway can ask for."""
    asked = [each for each in recordings().values() if isinstance(each.request, dict) and "contents" in each.request]
    return [
        each for each in asked if not any(OWN & tool.keys() for tool in each.request.get("tools", [])) and usual(each)
    ]


def usual(recording) -> bool:
    """Texts, calls and results: what a client says by itself."""
    parts = [part for content in recording.request["contents"] for part in content["parts"]]
    return all(
        {"functionCall", "functionResponse"} & part.keys() or ("text" in part and {*part} <= {"text", "thought"})
        for part in parts
    )


def as_client(said) -> Draft:
    """The same request in the chat dialect."""
    messages = []
    if system := said.get("systemInstruction"):
        messages += [{"role": "system", "content": part["text"]} for part in system["parts"]]
    for turn, content in enumerate(said["contents"]):
        messages += list(as_messages(content, turn))
    config = dict(said.get("generationConfig") or {})
    params = {}
    if config.get("thinkingConfig", {}).get("thinkingBudget") == 0:
        params["reasoning_effort"] = "none"
    if level := config.get("thinkingConfig", {}).get("thinkingLevel"):
        params["reasoning_effort"] = level
    if stop := config.get("stopSequences"):
        params["stop"] = stop
    if schema := config.get("responseJsonSchema") or config.get("responseSchema") or config.get("response_schema"):
        params["response_format"] = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    if declared := declarations(said):
        params["tools"] = [{"type": "function", "function": each} for each in declared]
    return Draft(mode="chat", model="m", messages=messages, params=params, temperature=config.get("temperature"))


def as_messages(content, turn):
    if content["role"] == "user":
        for part in content["parts"]:
            if "functionResponse" in part:
                told = part["functionResponse"]
                shown = json.dumps(told["response"], ensure_ascii=False)
                yield {"role": "tool", "tool_call_id": f"call_{turn - 1:016x}", "content": shown}
            else:
                yield {"role": "user", "content": part["text"]}
        return
    calls, text = [], ""
    for part in content["parts"]:
        if "functionCall" in part:
            made = {"name": part["functionCall"]["name"], "arguments": json.dumps(part["functionCall"]["args"])}
            call = {"id": f"call_{turn:016x}", "type": "function", "function": made}
            if signature := part.get("thoughtSignature"):
                call["extra_content"] = {"google": {"thought_signature": signature}}
            calls.append(call)
        else:
            text += part["text"]
    yield {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}


def declarations(said):
    """Name, description and parameters of each tool, under whatever names the client of the vendor gave them."""
    for tool in said.get("tools") or ():
        for each in tool.get("functionDeclarations") or tool.get("function_declarations") or ():
            parameters = each.get("parametersJsonSchema", each.get("parameters"))
            yield {"name": each["name"], "description": each.get("description", ""), "parameters": parameters}


def plain(contents):
    """Without what says nothing: empty texts, `thought: false`."""
    for content in contents:
        parts = [{key: value for key, value in part.items() if key != "thought"} for part in content["parts"]]
        yield {"role": content["role"], "parts": [part for part in parts if part != {"text": ""}] or [{"text": ""}]}


def sent(recording):
    draft = as_client(recording.request)
    call = Call(
        id="r",
        draft=draft,
        model=recording.model,
        base_url="http://x",
        options={"project": "PROJECT", "location": "global" if "/global/" in recording.path else "us-central1"},
        stream="stream" in recording.tags,
        temperature=draft.temperature,
    )
    return VENDORS[recording.vendor].request(call, Credential("k", "t"), 0.0)


def test_there_are_enough():
    assert {"gemini/08-json-tools-reasoning-schema", "gemini/21-json", "vertex/11-stream-reasoning"} <= {
        str(each) for each in chats()
    }


def test_the_conversation_is_the_vendors_clients():
    for recording in chats():
        body = json.loads(sent(recording).body)
        assert list(plain(body["contents"])) == list(plain(recording.request["contents"])), recording
        system = recording.request.get("systemInstruction")
        assert [part["text"] for part in body.get("systemInstruction", {"parts": []})["parts"]] == [
            part["text"] for part in (system or {"parts": []})["parts"]
        ], recording


def test_tools_and_settings_are_the_vendors_clients():
    for recording in chats():
        body, theirs = json.loads(sent(recording).body), recording.request
        mine = [each for tool in body.get("tools", ()) for each in tool["functionDeclarations"]]
        for each, declared in zip(mine, declarations(theirs), strict=True):
            parameters = {"parametersJsonSchema": declared["parameters"]} if declared["parameters"] else {}
            assert each == {"name": declared["name"], "description": declared["description"], **parameters}, recording
        ours, config = body["generationConfig"], theirs.get("generationConfig") or {}
        for name in ("temperature", "stopSequences"):
            assert ours.get(name) == config.get(name), (recording, name)
        for name, wanted in config.get("thinkingConfig", {}).items():
            said = ours["thinkingConfig"].get(name)
            assert said == (wanted.upper() if isinstance(wanted, str) else wanted), (recording, name)
        schema = config.get("responseSchema") or config.get("response_schema")
        assert ours.get("responseJsonSchema") == schema, recording
        assert ours.get("responseMimeType") == config.get("responseMimeType", config.get("response_mime_type"))


def test_the_path_is_the_vendors_clients():
    for recording in chats():
        url = sent(recording).url.removeprefix("http://x")
        version, _, path = recording.path.lstrip("/").partition("/")
        if recording.path.startswith("/v1/publishers"):  # with an API key, which needs no project
            continue
        mine, _, ours = url.lstrip("/").partition("/")
        assert mine.startswith("v1beta")
        assert version in ("v1", mine)
        assert ours.removesuffix("?alt=sse") == path.removesuffix("?alt=sse"), recording
