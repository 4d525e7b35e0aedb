"""The conformance suite on this vendor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import tornadogw_cohere
from tornadogw_cohere import Cohere

from tornadogw.testing import Fault, VendorSuite

NAMES = {"stop_sequences": "stop", "p": "top_p", "k": "top_k"}
CALL = {"id": "f_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
CITED = {"start": 0, "end": 2, "text": "Hi", "sources": [{"type": "document", "id": "d"}]}
USAGE = {"tokens": {"input_tokens": 9, "output_tokens": 4, "reasoning_tokens": 2}, "cached_tokens": 3}


def delta(kind: str, message: object) -> dict[str, Any]:
    return {"type": kind, "index": 0, "delta": {"message": message}}


def stream(*events: Mapping[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in events) + b"data: [DONE]\n\n"


def called(arguments: str) -> dict[str, Any]:
    return {"tool_calls": {**CALL, "function": {"name": "f", "arguments": arguments}}}


def fault(status: int, message: str, kind: str = "", **headers: str) -> dict[str, Any]:
    return {
        "status": status,
        "body": json.dumps({"id": "1", "message": message, "error_type": kind}).encode(),
        "headers": {name.replace("_", "-"): text for name, text in headers.items()},
    }


class TestCohere(VendorSuite):
    vendor = Cohere()
    model = "command-a-03-2025"
    folders = ("cohere",)
    quality = Path(tornadogw_cohere.__file__).with_name("quality.toml")
    opaque = ("tool_plan",)
    samples: ClassVar = {
        "everything": stream(
            {"type": "message-start", "id": "a1"},
            delta("content-start", {"content": {"type": "thinking", "thinking": "H"}}),
            delta("content-delta", {"content": {"thinking": "m."}}),
            delta("content-delta", {"content": {"text": "Hi "}}),
            delta("citation-start", {"citations": CITED}),
            delta("content-delta", {"content": {"text": "你好🌍"}}),
            delta("tool-call-start", called("")),
            delta("tool-call-delta", called('{"x"')),
            delta("tool-call-delta", called(":1}")),
            {"type": "tool-call-end", "index": 0},
            {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": USAGE}},
        ),
    }
    whole: ClassVar = {
        "everything": json.dumps(
            {
                "id": "a1",
                "message": {
                    "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi 你好🌍"}],
                    "citations": [CITED],
                    "tool_calls": [CALL],
                },
                "finish_reason": "TOOL_CALL",
                "usage": USAGE,
            }
        ).encode(),
    }
    faults = (
        Fault(recording="04-err400-json-context", kind="cannot", code="context_length_exceeded"),
        Fault(recording="10-err404-json", kind="cannot", scope="upstream+model", code="model_not_found"),
        Fault(**fault(401, "invalid api token"), kind="disable", scope="key"),
        Fault(**fault(429, "slow down", retry_after="9"), kind="cool", scope="key+model", seconds=9.0),
        Fault(**fault(429, "Trial key: 1000 API calls / month"), kind="cool", scope="key", seconds=1_440_000.0),
        Fault(**fault(498, "blocked"), kind="client", code="content_filter"),
        Fault(**fault(499, "request cancelled"), kind="elsewhere"),
        Fault(**fault(400, "invalid request: p is odd"), kind="client"),
        Fault(**fault(500, "internal"), kind="elsewhere"),
    )

    @cached_property
    def asked(self) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[override]  # made from the recordings
        """The vendor's requests, with the names that the chat dialect has for them."""
        found = {each.name: each.request for each in self.recordings if isinstance(each.request, dict)}
        return {
            name: {NAMES.get(key, key): value for key, value in said.items()} | {"stream": said.get("stream", False)}
            for name, said in found.items()
        }
