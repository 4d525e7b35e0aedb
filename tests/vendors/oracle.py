"""What a recording says, read naively and apart from the engine; and what events say, folded the same way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests import shared
from tornadogw.testing.recordings import Recording
from tornadogw.types import Call, Draft, Event, Failure, Reasoning, Refusal, Spent, Stop, Text, ToolCall
from tornadogw.vendor import Vendor
from tornadogw.vendors import load_rows

ENGINES: dict[str, Vendor] = {vendor.name: vendor for vendor in load_rows()}
OWNERS = {"openai-completions": "openai"}
"""Folders of recordings whose vendor has another name."""
ODD = (1, 2, 3, 5, 7, 11, 13, 1, 17, 64)


def recordings() -> list[Recording]:
    """Every recording of a chat-dialect vendor."""
    return shared.recordings(*ENGINES, *OWNERS)


def engine(recording: Recording) -> Vendor:
    return ENGINES[OWNERS.get(recording.vendor, recording.vendor)]


def call(recording: Recording) -> Call:
    mode = "completion" if "/completions" in recording.path and "/chat/" not in recording.path else "chat"
    return Call("request-1", Draft(mode, recording.model), recording.model, "http://upstream.test")


def is_stream(recording: Recording) -> bool:
    return recording.body.lstrip()[:1] in b"d:eir" and recording.status == 200


def pieces(body: bytes, sizes: Iterable[int] = ODD) -> list[bytes]:
    """A body in pieces of these sizes, over and over."""
    cut, at, sizes = [], 0, list(sizes)
    while at < len(body):
        size = sizes[len(cut) % len(sizes)]
        cut.append(body[at : at + size])
        at += size
    return cut


@dataclass
class Told:
    """What an answer says in one choice."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tools: list[list[str]] = field(default_factory=list)
    """[id, name, arguments] each."""
    finish: str | None = None


def data_of(body: bytes) -> list[Any]:
    """The JSON of every event, without the terminator."""
    lines = body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    datas = [line[5:].strip() for line in lines if line.startswith("data:")]
    return [json.loads(data) for data in datas if data and data != "[DONE]"]


def expected(recording: Recording) -> tuple[dict[int, Told], tuple[int, int] | None]:
    """Choices, and prompt and completion tokens, of a recorded answer without an error."""
    chunks = data_of(recording.body) if is_stream(recording) else [json.loads(recording.body)]
    choices: dict[int, Told] = {}
    usage = None
    for chunk in chunks:
        usage = chunk.get("usage") or chunk.get("x_groq", {}).get("usage") or usage
        for raw in chunk.get("choices", []):
            told = choices.setdefault(raw.get("index", 0), Told())
            part = raw.get("delta") if is_stream(recording) else raw.get("message")
            _add(told, part or {}, raw)
    for told in choices.values():
        if thought := re.match(r"\s*<think>\s*(.*?)</think>\s*(.*)", told.text, re.DOTALL):
            told.reasoning, told.text = told.reasoning + thought[1], thought[2]
        told.finish = {"eos": "stop"}.get(told.finish or "", told.finish)
    return choices, _tokens(usage)


def _add(told: Told, part: dict[str, Any], raw: dict[str, Any]) -> None:
    told.text += raw.get("text") or ""
    content = part.get("content") or ""
    for piece in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if piece["type"] == "thinking":
            told.reasoning += "".join(inner["text"] for inner in piece["thinking"])
        else:
            told.text += piece["text"]
    told.reasoning += part.get("reasoning_content") or part.get("reasoning") or ""
    told.refusal += part.get("refusal") or ""
    legacy = [{"index": 0, "function": part["function_call"]}] if part.get("function_call") else []
    for position, piece in enumerate([*(part.get("tool_calls") or []), *legacy]):
        index = piece.get("index", position)
        while len(told.tools) <= index:
            told.tools.append(["", "", ""])
        told.tools[index][0] = told.tools[index][0] or piece.get("id") or ""
        told.tools[index][1] = told.tools[index][1] or piece["function"].get("name") or ""
        told.tools[index][2] += piece["function"].get("arguments") or ""
    told.finish = told.finish or raw.get("finish_reason")


def _tokens(usage: dict[str, Any] | None) -> tuple[int, int] | None:
    """Where the total says that reasoning was counted apart, it is added."""
    if not usage:
        return None
    return usage["prompt_tokens"], usage["total_tokens"] - usage["prompt_tokens"]


def folded(events: Iterable[Event | Failure]) -> tuple[dict[int, Told], tuple[int, int] | None, list[Failure]]:
    """The same of what an engine read. A second `Stop` of a choice, or an event out of order, is an error."""
    choices: dict[int, Told] = {}
    usage, failures = None, []
    for event in events:
        if isinstance(event, Failure):
            failures.append(event)
        if isinstance(event, Spent):
            usage = (event.usage.prompt, event.usage.completion)
        if not isinstance(event, Text | Reasoning | Refusal | ToolCall | Stop):
            continue
        told = choices.setdefault(event.choice, Told())
        if isinstance(event, Stop):
            assert told.finish is None, "a choice stops once"
            told.finish = event.reason
        elif isinstance(event, ToolCall):
            _add_call(told, event)
        elif isinstance(event, Text):
            told.text += event.text
        elif isinstance(event, Reasoning):
            told.reasoning += event.text
        else:
            told.refusal += event.text
    return choices, usage, failures


def same_calls(expected: list[list[str]], told: list[list[str]]) -> bool:
    """Equal, but that a call without an id gets one."""
    filled = [[call[0] or made[0], *call[1:]] for call, made in zip(expected, told, strict=False)]
    return len(expected) == len(told) and filled == told and all(call[0] for call in told)


def _add_call(told: Told, event: ToolCall) -> None:
    if event.index == len(told.tools):
        assert all((event.id, event.name)), "the first piece of a call has id and name"
        told.tools.append([event.id, event.name, event.arguments])
    else:
        assert not any((event.id, event.name)), "later pieces have neither"
        told.tools[event.index][2] += event.arguments
