"""What the conformance suite works on: answers, requests and errors, recorded or written by hand, and their calls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tornadogw.dialects.chat_parse import parse
from tornadogw.errors import InvalidRequest, MissingInput
from tornadogw.jsontext import dumps
from tornadogw.testing.recordings import Recording
from tornadogw.types import Call, Draft, Failure, Frame, Value

__all__ = ["Fault", "Golden", "Sample", "call_of", "draft_of", "hello", "json_of", "mode_of", "nodes", "strings"]

Kind = Literal["client", "cannot", "elsewhere", "cool", "disable"]


class Sample(Value, frozen=True):
    """A whole answer to `call`."""

    name: str
    body: bytes
    call: Call


class Golden(Value, frozen=True, kw_only=True):
    """What a client asks in the chat dialect, and the request that must come of it."""

    name: str
    asked: Mapping[str, Any]
    body: Mapping[str, Any]
    path: str = ""
    """Path and query of the address; empty: not compared."""
    options: Mapping[str, Any] = {}
    """Of the upstream."""
    base_url: str = ""
    """Of the upstream; empty: the suite's."""


class Fault(Value, frozen=True, kw_only=True):
    """An error of the vendor, and what must come of it. `recording` stands in for status, headers and body."""

    kind: Kind
    scope: str = ""
    """Empty: not compared."""
    seconds: float | None = None
    """None: not compared."""
    code: str = ""
    """Empty: not compared."""
    recording: str = ""
    status: int = 0
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def complaint(self, said: Failure) -> str:
        """What is wrong with `said`; empty: nothing."""
        for name in ("kind", "scope", "seconds", "code"):
            right, told = getattr(self, name), getattr(said, name)
            if right not in ("", None) and right != told:
                return f"{name} is {told!r}, not {right!r}"
        return ""


def draft_of(body: Mapping[str, Any]) -> Draft | None:
    """A client's body as the gateway reads it; None if the gateway itself refuses it."""
    try:
        return parse(dumps(body), default_model="model-1")[0]
    except (InvalidRequest, MissingInput, TypeError):
        return None


def hello(model: str, mode: Literal["chat", "completion"] = "chat") -> Draft:
    """The plainest request."""
    if mode == "completion":
        return Draft("completion", model, prompts=("Hello",))
    return Draft("chat", model, messages=({"role": "user", "content": "Hello"},), message_count=1)


def call_of(draft: Draft, base_url: str, options: Mapping[str, Any], *, stream: bool) -> Call:
    """A call of this draft, with no default of the gateway's but the output limit."""
    limit = draft.max_tokens or 1000
    return Call("request-1", draft, draft.model, base_url, options, stream, limit, draft.temperature)


def mode_of(recording: Recording) -> Literal["chat", "completion"]:
    """Which dialect's endpoint was recorded."""
    legacy = "/completions" in recording.path and "/chat/" not in recording.path
    return "completion" if legacy else "chat"


# --- inside JSON -----------------------------------------------------------------------------------------------------


def nodes(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value inside a JSON value, itself included, with the keys that lead to it."""
    yield path, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from nodes(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from nodes(inner, (*path, str(place)))


def strings(data: bytes) -> Iterator[tuple[str, str]]:
    """Every text inside a JSON document, with the name of its field; nothing of what is no JSON."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    for path, inner in nodes(value):
        if isinstance(inner, str):
            yield next((key for key in reversed(path) if not key.isdigit()), ""), inner


def json_of(frame: Frame) -> Any:
    """A frame's JSON; None if it holds none."""
    try:
        return json.loads(frame.data)
    except (ValueError, RecursionError):
        return None
