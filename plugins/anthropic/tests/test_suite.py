"""The conformance suite on this vendor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import tornadogw_anthropic
from tornadogw_anthropic import Anthropic

from tornadogw.testing import Fault, Recording, VendorSuite

CACHED = {"type": "ephemeral"}
RUBY = "Who created Ruby? Use the document."


def stream(*events: Mapping[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in events)


def block(index: int, deltas: list[dict[str, Any]], **said: Any) -> list[dict[str, Any]]:
    begun = {"type": "content_block_start", "index": index, "content_block": said}
    pieces = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [begun, *pieces, {"type": "content_block_stop", "index": index}]


USAGE = {"input_tokens": 9, "cache_read_input_tokens": 3, "output_tokens": 4}
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmF0dXJl"}
OPAQUE = {"type": "redacted_thinking", "data": "b3BhcXVl"}
USE = {"type": "tool_use", "id": "t1", "name": "f"}
EVERYTHING = stream(
    {"type": "message_start", "message": {"id": "m1", "model": "claude-x", "usage": {"input_tokens": 9}}},
    *block(
        0,
        [
            {"type": "thinking_delta", "thinking": "H"},
            {"type": "thinking_delta", "thinking": "m."},
            {"type": "signature_delta", "signature": "c2lnbmF0dXJl"},
        ],
        type="thinking",
        thinking="",
        signature="",
    ),
    {"type": "ping"},
    *block(1, [], **OPAQUE),
    *block(2, [{"type": "text_delta", "text": "Hi "}, {"type": "text_delta", "text": "你好🌍"}], type="text", text=""),
    *block(
        3,
        [{"type": "input_json_delta", "partial_json": '{"x"'}, {"type": "input_json_delta", "partial_json": ": 1}"}],
        **USE,
        input={},
    ),
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": USAGE},
    {"type": "message_stop"},
)
WHOLE = {
    "type": "message",
    "id": "m1",
    "model": "claude-x",
    "content": [SIGNED, OPAQUE, {"type": "text", "text": "Hi 你好🌍"}, {**USE, "input": {"x": 1}}],
    "stop_reason": "tool_use",
    "usage": USAGE,
}


def fault(status: int, kind: str, message: str, **headers: str) -> dict[str, Any]:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return {
        "status": status,
        "body": json.dumps(body).encode(),
        "headers": {name.replace("_", "-"): text for name, text in headers.items()},
    }


def as_function(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded tool, as a client of the chat dialect sends it."""
    function = {key: tool[key] for key in ("name", "description", "strict") if key in tool}
    beside = {key: tool[key] for key in ("cache_control", "defer_loading") if key in tool}
    return {"type": "function", "function": {**function, "parameters": tool["input_schema"]}, **beside}


def as_message(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A recorded message: thoughts stand beside the content in the chat dialect."""
    content = message["content"]
    thoughts = [each for each in content if isinstance(each, dict) and "thinking" in each["type"]]
    if not thoughts:
        return message
    return {**message, "content": [each for each in content if each not in thoughts], "thinking_blocks": thoughts}


class TestAnthropic(VendorSuite):
    vendor = Anthropic()
    model = "claude-sonnet-4-5"
    folders = ("anthropic",)
    quality = Path(tornadogw_anthropic.__file__).with_name("quality.toml")
    opaque = ("signature", "data")
    samples: ClassVar = {"everything": EVERYTHING}
    whole: ClassVar = {"everything": json.dumps(WHOLE, ensure_ascii=False).encode()}
    differs: ClassVar = {
        "messages.*.content": "a text is sent as a block",
        "system": "texts without marks are sent as one string",
        "query": "a flag of the client's own",
        "stream": "false is what the vendor takes for granted",
    }
    faults = (
        Fault(recording="03-err400-json-context", kind="cannot", code="context_length_exceeded"),
        Fault(recording="09-err401-json", kind="disable", scope="key"),
        Fault(recording="11-err404-json", kind="cannot", code="model_not_found"),
        Fault(**fault(400, "invalid_request_error", "Your credit balance is too low"), kind="disable", scope="key"),
        Fault(**fault(403, "permission_error", "no"), kind="disable", scope="key+model"),
        Fault(**fault(429, "rate_limit_error", "slow", retry_after="9"), kind="cool", scope="key+model", seconds=9.0),
        Fault(**fault(529, "overloaded_error", "Overloaded"), kind="cool", scope="upstream+model", seconds=10.0),
        Fault(**fault(400, "invalid_request_error", "messages: wrong"), kind="client"),
        Fault(**fault(500, "api_error", "internal"), kind="elsewhere"),
    )

    @property
    def asked(self) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[override]  # made from the recordings
        """The recorded requests in the chat dialect."""
        found = {}
        for each in self.recordings:
            if isinstance(each.request, dict) and each.status < 300:
                said = dict(each.request)
                if "system" in said:
                    said["messages"] = [{"role": "system", "content": said.pop("system")}, *said["messages"]]
                if "tools" in said:
                    said["tools"] = [as_function(tool) if "input_schema" in tool else tool for tool in said["tools"]]
                if choice := said.pop("tool_choice", None):
                    said["tool_choice"] = {"auto": "auto", "any": "required"}[choice["type"]]
                said["messages"] = [as_message(message) for message in said["messages"]]
                found[each.name] = {"stream": False} | said
        return found

    def options_for(self, recording: Recording) -> Mapping[str, Any]:
        """The vendor's own tools that the recorded client used."""
        tools = recording.request.get("tools", ()) if isinstance(recording.request, dict) else ()
        return {"tool_types": [tool["type"] for tool in tools if "type" in tool]}
