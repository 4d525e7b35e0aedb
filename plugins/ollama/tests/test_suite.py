"""The conformance suite on this vendor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import tornadogw_ollama
from tornadogw_ollama import Ollama

from tornadogw.testing import Fault, VendorSuite

SAYS_NOTHING = ("", {}, [], None)
CREATED = "2024-05-24T20:26:46.294874Z"
CALL = {"id": "call_1", "function": {"name": "f", "arguments": {"x": 1}}}
END = {"done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 4}


def line(more: Mapping[str, Any] | None = None, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": "", **message}
    return {"model": "m1", "created_at": CREATED, "message": said, "done": False, **(more or {})}


def lines(*said: Mapping[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in said)


def fault(status: int, message: str, **headers: str) -> dict[str, Any]:
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return {"status": status, "body": json.dumps({"error": message}).encode(), "headers": told}


def as_client(said: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded request in the chat dialect: options are parameters, arguments text, calls and results have ids."""
    messages = []
    for message in said["messages"]:
        functions = [call["function"] for call in message.get("tool_calls") or ()]
        made = [{**each, "arguments": json.dumps(each["arguments"])} for each in functions]
        calls = [{"id": "call_1", "type": "function", "function": each} for each in made]
        told = {key: value for key, value in message.items() if key != "tool_calls"}
        told |= {"tool_calls": calls} if calls else {}
        messages.append(told | ({"tool_call_id": "call_1"} if message["role"] == "tool" else {}))
    options = said.get("options") or {}
    return {
        "model": said["model"],
        "messages": messages,
        "stream": said["stream"],
        "tools": said.get("tools", []),
    } | options


class TestOllama(VendorSuite):
    vendor = Ollama()
    model = "qwen3"
    folders = ("ollama",)
    quality = Path(tornadogw_ollama.__file__).with_name("quality.toml")
    opaque = ("thinking",)
    statuses: ClassVar = {503: ("cool",)}
    differs: ClassVar = {
        "options.num_predict": "the output limit, which the gateway always sends",
        "format": "empty: the recorded client sends what asks for nothing",
        "tools": "likewise",
        "options": "likewise",
        "messages.*.tool_name": "newer than the recorded client",
        "messages.*.tool_call_id": "likewise",
        "messages.*.tool_calls.*.id": "likewise",
    }
    samples: ClassVar = {
        "everything": lines(
            line(thinking="Hm. 你"),
            line(thinking="好🌍"),
            line(content="Hi "),
            line(content="there."),
            line(tool_calls=[CALL]),
            line(END),
        ),
    }
    whole: ClassVar = {"everything": lines(line(END, content="Hi there.", thinking="Hm. 你好🌍", tool_calls=[CALL]))}
    faults = (
        Fault(recording="02-err404-json", kind="cannot", scope="upstream+model", code="model_not_found"),
        Fault(**fault(400, "x does not support tools"), kind="cannot", code="unsupported"),
        Fault(**fault(400, "input length exceeds the context length"), kind="cannot", code="context_length_exceeded"),
        Fault(**fault(400, "invalid options"), kind="client"),
        Fault(**fault(401, "unauthorized"), kind="disable", scope="key"),
        Fault(**fault(429, "slow down", retry_after="9"), kind="cool", scope="key+model", seconds=9.0),
        Fault(**fault(500, "model requires more system memory"), kind="cool", scope="upstream+model"),
        Fault(**fault(500, "unexpected EOF"), kind="elsewhere"),
        Fault(**fault(503, "server busy"), kind="cool", scope="upstream+model", seconds=10.0),
    )

    @cached_property
    def asked(self) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[override]  # made from the recordings
        """The engine's requests in the chat dialect."""
        return {each.name: as_client(each.request) for each in self.recordings if isinstance(each.request, dict)}
