"""The conformance suite on both vendors; what the vendor's own clients sent is asked for in the chat dialect."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import tornadogw_gemini
from tornadogw_gemini import Gemini, Vertex

from tornadogw.testing import Fault, VendorSuite

OWN = {"code_execution", "codeExecution", "google_search"}
"""Tools that the vendor runs itself, which nobody gets through the gateway."""
LIMIT = {
    "generationConfig": "the gateway always sends a limit",
    "generationConfig.maxOutputTokens": "the gateway always sends a limit",
    "generationConfig.thinkingConfig*": "models that think are asked for their thoughts; levels in capitals",
}
NAMES = {
    "systemInstruction.role": "it has none",
    "tools.*.functionDeclarations.*.parameters*": "the same schema, under the name that takes all of JSON Schema",
}


def usual(recording) -> bool:
    """What a client of the gateway can ask for, in the vendor's usual spelling, at an upstream with a project."""
    said = recording.request
    parts = [part for content in said["contents"] for part in content["parts"]]
    spoken = all(
        {"functionCall", "functionResponse"} & part.keys() or ("text" in part and {*part} == {"text"}) for part in parts
    )
    silent = len(parts) > 1 and {"text": ""} in parts  # some clients send an empty text, which says nothing
    own = any(OWN & tool.keys() for tool in said.get("tools") or ())
    spelled = not any(
        "_" in name for tool in (said.get("generationConfig") or {}, *(said.get("tools") or ())) for name in tool
    )
    return spoken and spelled and not (silent or own or recording.path.startswith("/v1/publishers"))


def as_client(recording) -> dict:
    """The recorded request in the chat dialect."""
    said = recording.request
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
    for name in ("temperature", "maxOutputTokens"):
        if name in config:
            params[{"maxOutputTokens": "max_tokens"}.get(name, name)] = config[name]
    return {"messages": messages, "stream": "stream" in recording.tags, **params}


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


class Google(VendorSuite):
    """What both have in common. Not collected itself: it has no vendor."""

    __test__ = False
    opaque = ("thoughtSignature",)
    quality = Path(tornadogw_gemini.__file__).with_name("quality.toml")

    @cached_property
    def asked(self):
        """What a client asks to get the recorded requests."""
        chats = [each for each in self.recordings if isinstance(each.request, dict) and "contents" in each.request]
        return {each.name: as_client(each) for each in chats if usual(each)}


class TestGemini(Google):
    __test__ = True
    vendor = Gemini()
    model = "gemini-2.5-flash"
    secret = "AIzaSuite0123456789abcdefghijklmnopqrs"
    folders = ("gemini",)
    differs = LIMIT | NAMES
    faults = (
        Fault(recording="01-err429-json-context", kind="cool", scope="key+model", seconds=48.0),
        Fault(recording="06-err400-json", kind="disable", scope="key", code="API_KEY_INVALID"),
        Fault(recording="11-err404-json", kind="cannot", code="model_not_found"),
    )

    def options_for(self, recording):
        settings = recording.request.get("safetySettings")
        return {"safety_settings": settings} if settings else {}


class TestVertex(Google):
    __test__ = True
    vendor = Vertex()
    model = "gemini-3-flash-preview"
    secret = "ya29.suite0123456789abcdef"
    folders = ("vertex",)
    options: ClassVar = {"project": "PROJECT", "location": "us-central1"}
    differs: ClassVar = {**LIMIT, "generationConfig.responseModalities": "text is the default"}
    faults = (
        Fault(recording="02-err400-json-context", kind="cannot", code="context_length_exceeded"),
        Fault(recording="04-err404-json", kind="cannot", code="model_not_found"),
    )

    def options_for(self, recording):
        version, _, path = recording.path.lstrip("/").partition("/")
        location = path.split("/")[3] if path.startswith("projects/") else "us-central1"
        return {"project": "PROJECT", "location": location, "api_version": version}
