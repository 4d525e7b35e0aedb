"""Answers to read: made ones, and every recording of the chat format."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from tornadogw.dialects.chat_parse import parse
from tornadogw.meter import Meter
from tornadogw.relay.answer import StreamAnswer, identity
from tornadogw.relay.raw import RawReader
from tornadogw.relay.reader import Reader
from tornadogw.types import Call, Draft
from tornadogw.vendor import Vendor
from tornadogw.vendors import load_rows

ROUTE: Any = SimpleNamespace(public_name="", model="m")


@pytest.fixture(scope="session")
def rows() -> dict[str, Vendor]:
    return {vendor.name: vendor for vendor in load_rows()}


def draft_of(**fields: Any) -> Draft:
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 10**6, "stream": True}
    return parse(orjson.dumps(body | fields), default_model="auto")[0]


def call_of(draft: Draft) -> Call:
    return Call("request", draft, "m", "http://upstream", max_tokens=10**6)


def meter() -> Meter:
    return Meter(10**6, 10**6, 5)


def event(delta: dict[str, Any] | None, finish: str | None = None, **fields: Any) -> bytes:
    """One SSE event in the chat format."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": choices}
    return b"data: " + orjson.dumps(head | fields) + b"\n\n"


WHOLE = (
    event({"role": "assistant", "content": ""})
    + event({"content": "Hel"})
    + event({"content": 'lo 你好 "\\\n'})
    + event({}, "stop")
    + b"data: [DONE]\n\n"
)


def relay(
    vendor: Vendor, body: bytes, cuts: Callable[[bytes], list[bytes]], *, raw: bool, draft: Draft | None = None
) -> tuple[bytes, Reader, Meter]:
    """What a client would read of `body`, cut into pieces; as `pump` does it, without sockets."""
    draft = draft or draft_of()
    counted = meter()
    reader = RawReader(vendor, call_of(draft), counted) if raw else Reader(vendor, call_of(draft), counted)
    answer, out = StreamAnswer(draft), b""
    for piece in [*cuts(body), None]:
        items = reader.end() if piece is None else reader.feed(piece)
        if reader.useful and items:
            answer.begin(identity(reader.meta, ROUTE, draft, "request", 1.0))
            if isinstance(reader, RawReader) and answer.identity is not None:
                reader.passing = reader.meta.model == answer.identity.model
            out += answer.take(items)
        if reader.failure is not None:
            break
        if reader.done and piece is not None:
            out += answer.take(reader.end())
            break
    if reader.failure is None:
        out += answer.close(counted.result().usage)
    return out, reader, counted


def whole(body: bytes) -> list[bytes]:
    return [body]


def text_of(out: bytes) -> str:
    """The text of all choices that a client reads."""
    said = ""
    for one in out.split(b"\n\n"):
        if one.startswith(b"data: {"):
            for choice in orjson.loads(one[6:]).get("choices", []):
                said += choice["delta"].get("content") or ""
    return said
