"""The conformance suite on this vendor."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import tornadogw_bedrock
from tornadogw_bedrock import Bedrock

from tornadogw.testing import Fault, VendorSuite


def message(name: str, said: Mapping[str, Any], kind: str = "event") -> bytes:
    """One message of the binary stream."""
    payload = json.dumps({**said, "p": "abcdef"}).encode()
    told = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    headers = b"".join(
        struct.pack(">B", len(key)) + key.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
        for key, text in told.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def delta(index: int, **said: Any) -> bytes:
    return message("contentBlockDelta", {"contentBlockIndex": index, "delta": said})


def stop(index: int) -> bytes:
    return message("contentBlockStop", {"contentBlockIndex": index})


USAGE = {"inputTokens": 9, "outputTokens": 4, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 1, "totalTokens": 17}
USE = {"toolUseId": "t1", "name": "f"}
EVERYTHING = b"".join(
    [
        message("messageStart", {"role": "assistant"}),
        delta(0, reasoningContent={"text": "H"}),
        delta(0, reasoningContent={"text": "m."}),
        delta(0, reasoningContent={"signature": "c2lnbmF0dXJl"}),
        stop(0),
        delta(1, reasoningContent={"redactedContent": "b3BhcXVl"}),
        stop(1),
        delta(2, text="Hi "),
        delta(2, text="你好🌍"),
        stop(2),
        message("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": USE}}),
        delta(3, toolUse={"input": '{"x"'}),
        delta(3, toolUse={"input": ": 1}"}),
        stop(3),
        message("messageStop", {"stopReason": "tool_use"}),
        message("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
    ]
)
CONTENT = [
    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2lnbmF0dXJl"}}},
    {"reasoningContent": {"redactedContent": "b3BhcXVl"}},
    {"text": "Hi 你好🌍"},
    {"toolUse": {**USE, "input": {"x": 1}}},
]
WHOLE = {
    "output": {"message": {"role": "assistant", "content": CONTENT}},
    "stopReason": "tool_use",
    "usage": USAGE,
}


def fault(status: int, kind: str, said: str, **headers: str) -> dict[str, Any]:
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    if kind:
        told["x-amzn-errortype"] = f"{kind}:http://internal.amazon.com/coral/"
    return {"status": status, "body": json.dumps({"message": said}).encode(), "headers": told}


def as_message(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A recorded message, as a client of the chat dialect sends it."""
    thoughts, parts, calls, results = [], [], [], []
    for block in said["content"]:
        if "text" in block:
            parts.append({"type": "text", "text": block["text"]})
        elif "toolUse" in block:
            use = block["toolUse"]
            function = {"name": use["name"], "arguments": json.dumps(use["input"])}
            calls.append({"id": use["toolUseId"], "type": "function", "function": function})
        elif "toolResult" in block:
            result = block["toolResult"]
            content = json.dumps(result["content"][0].get("json"))
            results.append({"role": "tool", "tool_call_id": result["toolUseId"], "content": content})
        else:
            thoughts.append({"type": "thinking", **_thought(block["reasoningContent"]["reasoningText"])})
    own = {"role": said["role"], "content": parts}
    own |= {"thinking_blocks": thoughts} if thoughts else {}
    own |= {"tool_calls": calls} if calls else {}
    return results or [own]


def _thought(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"thinking": said["text"], "signature": said["signature"]}


def as_function(tool: Mapping[str, Any]) -> dict[str, Any]:
    spec = tool["toolSpec"]
    function = {"name": spec["name"], "parameters": spec["inputSchema"]["json"]}
    function |= {key: spec[key] for key in ("description", "strict") if key in spec}
    return {"type": "function", "function": function}


ASKED = ("08-json-reasoning", "12-stream", "18-stream", "19-stream-tools", "16-json-tools", "24-stream-reasoning")


class TestBedrock(VendorSuite):
    vendor = Bedrock()
    model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    folders = ("bedrock",)
    quality = Path(tornadogw_bedrock.__file__).with_name("quality.toml")
    opaque = ("signature", "redactedContent")
    samples: ClassVar = {"everything": EVERYTHING}
    whole: ClassVar = {"everything": json.dumps(WHOLE, ensure_ascii=False).encode()}
    differs: ClassVar = {
        "inferenceConfig": "the gateway always sends an output limit",
        "inferenceConfig.maxTokens": "the gateway always sends an output limit",
        "messages.*.content.*.toolResult.content.*": "what a tool said is sent as the text that the client sent",
        "system": "an empty list is left out",
        "additionalModelRequestFields": "an older name of `thinking`",
        "outputConfig.textFormat.structure.jsonSchema.schema": "the same schema, written without blanks",
    }
    faults = (
        Fault(recording="06-err400-json-context", kind="cannot", code="context_length_exceeded"),
        Fault(recording="13-err404-json", kind="cannot", code="model_not_found"),
        Fault(recording="21-err403-json", kind="disable", scope="key"),
        Fault(**fault(403, "ExpiredTokenException", "expired"), kind="disable", scope="key"),
        Fault(**fault(403, "AccessDeniedException", "You don't have access"), kind="cannot", code="model_not_found"),
        Fault(
            **fault(400, "ValidationException", "The provided model identifier is invalid."),
            kind="cannot",
            code="model_not_found",
        ),
        Fault(
            **fault(429, "ThrottlingException", "slow", retry_after="9"), kind="cool", scope="key+model", seconds=9.0
        ),
        Fault(**fault(429, "ModelNotReadyException", "wait"), kind="cool", scope="upstream+model", seconds=10.0),
        Fault(**fault(400, "ServiceQuotaExceededException", "quota"), kind="cool", scope="key+model", seconds=20.0),
        Fault(**fault(400, "ValidationException", "messages: wrong"), kind="client"),
        Fault(**fault(424, "ModelErrorException", "oops"), kind="elsewhere"),
        Fault(**fault(408, "ModelTimeoutException", "late"), kind="elsewhere"),
        Fault(**fault(500, "InternalServerException", "oops"), kind="elsewhere"),
    )

    @property
    def asked(self) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[override]  # made from the recordings
        """The recorded requests in the chat dialect."""
        found = {}
        for each in self.recordings:
            if each.name not in ASKED or not isinstance(each.request, dict):
                continue
            said = each.request
            system = [{"role": "system", "content": part["text"]} for part in said.get("system", ())]
            config = said.get("inferenceConfig", {})
            asked: dict[str, Any] = {
                "messages": [*system, *(one for message in said["messages"] for one in as_message(message))],
                "stream": "stream" in each.tags,
                "max_tokens": config.get("maxTokens", 1000),
            }
            names = {"temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}
            asked |= {ours: config[name] for name, ours in names.items() if name in config}
            if tools := said.get("toolConfig", {}).get("tools"):
                asked["tools"] = [as_function(tool) for tool in tools]
                choice = said["toolConfig"].get("toolChoice", {})
                asked |= {"tool_choice": "required"} if "any" in choice else {}
                asked |= {"tool_choice": {"name": choice["tool"]["name"]}} if "tool" in choice else {}
                asked |= {"tool_choice": "auto"} if "auto" in choice else {}
            if thinking := said.get("additionalModelRequestFields", {}).get("thinking"):
                asked["thinking"] = thinking
            if shape := said.get("outputConfig"):
                told = dict(shape["textFormat"]["structure"]["jsonSchema"])
                told["schema"] = json.loads(told["schema"])
                asked["response_format"] = {"type": "json_schema", "json_schema": told}
            found[each.name] = asked
        return found
