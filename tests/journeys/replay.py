"""Recorded vendors behind the gateway: the replay server, settings that lead there, and what a client hears.

The replay server sends streams in pieces of 1, 2, 3, 5, ... bytes, each a write of its own.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.journeys.wire import events_of
from tests.shared import shared
from tests.threaded import free_port
from tests.vendors.oracle import Told, data_of, engine, is_stream
from tornadogw.testing.recordings import Recording

HEAD = ("id", "object", "created", "model")
SMALL = {"messages": [{"role": "user", "content": "Say what you said before. " * 300}]}
"""Asked where the request was not recorded; long enough for the tokens that were reported then."""
LEGACY = "no id"
"""Stands for the id of a call in the form before `tools`, which has none."""
ROOM = 32768
"""`max_tokens`: no recorded answer is longer."""


@contextmanager
def replaying(folder: Path) -> Iterator[str]:
    """The replay server on a free port; gives its address."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, str(shared("tools/replay_server.py")), "--dir", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            _await(f"{address}/_control/stats", server)
            yield address
        finally:
            server.terminate()


def _await(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, "the replay server has ended"
            assert time.monotonic() < deadline, "the replay server does not answer"
            time.sleep(0.02)


# --- settings --------------------------------------------------------------------------------------------------------


def table(name: str, /, **members: Any) -> str:
    """One TOML table of an array. Strings and numbers read in TOML as they do in JSON."""
    return "\n".join([f"[[{name}]]", *(f"{key} = {_inline(value)}" for key, value in members.items()), ""])


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(inner)}" for key, inner in value.items()) + " }"
    return f"[{', '.join(map(_inline, value))}]" if isinstance(value, list) else json.dumps(value)


def place(recording: Recording) -> str:
    """The path of the vendor's API before the engine's own part, as its row has it."""
    return urlsplit(engine(recording).base_url).path


def settings(address: str, recordings: Iterable[Recording]) -> str:
    """A model for each recording, named as it is, at an upstream that answers with it; a micro-unit a token.

    `own:NAME` is at the vendor's own path, where the replay server finds the recording by the request.
    """
    tables = ["[limits]\nkey_per_minute = 100000\nip_per_minute = 100000\n"]
    for number, recording in enumerate(recordings):
        tables += _served(f"replay-case{number}", str(recording), recording, f"{address}/case/{recording}")
        tables += _served(f"replay-own{number}", f"own:{recording}", recording, f"{address}/{recording.vendor}")
    return "\n".join(tables)


def _served(upstream: str, model: str, recording: Recording, base: str) -> list[str]:
    address = {"base_url": base + place(recording), "keys": [f"sk-{upstream}"]}
    options = {"form": "foundry"} if recording.path.startswith("/models/") else {}
    route = {"upstream": upstream, "model": recording.model or "m"}
    return [
        table("upstreams", name=upstream, vendor=engine(recording).name, **address, options=options),
        table("models", name=model, price={"input": "1", "output": "1"}, routes=[route]),
    ]


def asked(recording: Recording, *, stream: bool) -> dict[str, Any]:
    """The recorded request as a client of the gateway sends it."""
    body = copy.deepcopy(recording.request) if isinstance(recording.request, dict) else {}
    if not (body.get("messages") or body.get("prompt")):
        body = {"prompt": "Say it."} if recording.vendor == "openai-completions" else dict(SMALL)
    if any(":" in tool.get("type", "") for tool in body.get("tools") or ()):
        del body["tools"]  # a paid tool of the vendor's own, which no row takes
    body |= {"model": str(recording), "stream": stream, "max_completion_tokens": ROOM}
    body.pop("max_tokens", None)
    body.pop("stream_options", None)
    return body | ({"stream_options": {"include_usage": True}} if stream else {})


def shown_model(recording: Recording) -> str:
    """What the upstream reports, unless that is a path or nothing."""
    chunks = data_of(recording.body) if is_stream(recording) else [json.loads(recording.body)]
    reported = next((chunk["model"] for chunk in chunks if chunk.get("model")), "")
    org, _, name = reported.partition("/")
    usable = reported and "/" not in name and (org or "/" not in reported)
    return reported if usable else recording.model or "m"


# --- what a client hears ---------------------------------------------------------------------------------------------


def heard_stream(raw: bytes) -> tuple[dict[int, Told], dict[str, Any], Any]:
    """Choices and head of a stream as the contract promises it; then what follows its chunks: usage, an error, None."""
    events = events_of(raw)
    if events[-1] == "[DONE]":
        events.pop()
    after = events.pop() if not events[-1].get("choices") else None
    heads = {tuple(event[key] for key in HEAD) for event in events}
    assert len(heads) == 1, "every chunk repeats the same head"
    choices: dict[int, Told] = {}
    for event in events:
        assert event["choices"], "only the usage chunk has no choices"
        for raw_choice in event["choices"]:
            _hear(raw_choice, choices)
    return choices, dict(zip(HEAD, heads.pop(), strict=True)), after


def _hear(raw: dict[str, Any], choices: dict[int, Told]) -> None:
    """One choice of one chunk."""
    is_first = raw["index"] not in choices
    told = choices.setdefault(raw["index"], Told())
    assert told.finish is None, "nothing follows the finish reason"
    told.finish = raw["finish_reason"]
    if "text" in raw:
        told.text += raw["text"]
        part = raw
    else:
        part = raw["delta"]
        assert part.get("role") == ("assistant" if is_first else None)
        told.text += part.get("content") or ""
    told.reasoning += _reasoning(part)
    told.refusal += part.get("refusal") or ""
    for piece in part.get("tool_calls") or ():
        _hear_call(piece, told)
    if legacy := part.get("function_call"):
        began = {"id": LEGACY, "type": "function"} if "name" in legacy else {}
        _hear_call({"index": 0, **began, "function": legacy}, told)


def _hear_call(piece: dict[str, Any], told: Told) -> None:
    """Id and name come once, with the first piece; calls begin in order."""
    if piece["index"] == len(told.tools):
        assert piece["type"] == "function"
        told.tools.append([piece["id"], piece["function"]["name"], ""])
    else:
        assert "id" not in piece
        assert "name" not in piece["function"]
    told.tools[piece["index"]][2] += piece["function"]["arguments"]


def heard_json(answer: dict[str, Any]) -> dict[int, Told]:
    """Choices of a JSON answer."""
    choices = {}
    for raw in answer["choices"]:
        part = raw.get("message", raw)
        legacy = [{"id": LEGACY, "function": part["function_call"]}] if "function_call" in part else []
        made = part.get("tool_calls", legacy)
        calls = [[call["id"], call["function"]["name"], call["function"]["arguments"]] for call in made]
        text = raw["text"] if "text" in raw else part["content"] or ""
        choices[raw["index"]] = Told(text, _reasoning(part), part.get("refusal") or "", calls, raw["finish_reason"])
        assert "text" in raw or part["role"] == "assistant"
    return choices


def _reasoning(part: dict[str, Any]) -> str:
    """The same text in both fields."""
    assert part.get("reasoning") == part.get("reasoning_content")
    return part.get("reasoning") or ""
