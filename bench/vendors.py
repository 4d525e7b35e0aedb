"""CPU of the translated path per text delta, for each vendor: bytes in, bytes for the client out. README.md says more.

python bench/vendors.py             # the table, in about half a minute
python bench/vendors.py --check     # exit code 1 if a vendor misses the aim
python bench/vendors.py --only anthropic,gemini

No sockets and no loop: frames are cut, the vendor reads them, and the answer is written. Each event is a read of its
own; the second figure is for events that come faster than they are read.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

PLUGINS = Path(__file__).resolve().parents[1] / "plugins"
sys.path[:0] = [str(PLUGINS.parent), *(str(path.parent) for path in PLUGINS.glob("*/setup.py"))]
# The checkout is measured as it is, its packages as if they were installed.

from tornadogw.dialects.chat_render import Identity  # noqa: E402 -- after the path
from tornadogw.meter import Meter  # noqa: E402 -- after the path
from tornadogw.plugins import load_plugins  # noqa: E402 -- after the path
from tornadogw.relay.answer import StreamAnswer  # noqa: E402 -- after the path
from tornadogw.relay.reader import Reader  # noqa: E402 -- after the path
from tornadogw.settings import load  # noqa: E402 -- after the path
from tornadogw.types import Call, Draft  # noqa: E402 -- after the path
from tornadogw.vendor import Vendor  # noqa: E402 -- after the path

AIM = 25.0
"""Microseconds per text delta."""
READ = 4096
"""Bytes of a read, where events come faster than they are read."""
WORDS = [" the", " quick", "你好", " fox", ",", " jumped", " 🌍", " over\n", ' "it"', " again"]
"""What a delta says: about a token each."""
DELTAS = 2000

Stream = Callable[[Sequence[str]], list[bytes]]
"""The events of an answer that says these words, and then is over."""


def sse(said: Any, event: str = "") -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(said, ensure_ascii=False)}\n\n".encode()


def chat(words: Sequence[str]) -> list[bytes]:
    """The chat dialect, as most engines write it."""

    def chunk(delta: dict[str, str], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        head = {
            "id": "chatcmpl-8f14e45f",
            "object": "chat.completion.chunk",
            "created": 1780000000,
            "model": "some-model",
        }
        return sse({**head, "choices": [choice]})

    return [*(chunk({"content": word}, None) for word in words), chunk({}, "stop"), b"data: [DONE]\n\n"]


def messages(words: Sequence[str]) -> list[bytes]:
    def named(kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, **fields}, kind)

    start = {"id": "msg_01", "type": "message", "role": "assistant", "model": "some-model", "content": []}
    usage = {"input_tokens": 9, "output_tokens": 1}
    return [
        named("message_start", message={**start, "stop_reason": None, "usage": usage})
        + named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(named("content_block_delta", index=0, delta={"type": "text_delta", "text": word}) for word in words),
        named("content_block_stop", index=0),
        named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": len(words)}),
        named("message_stop"),
    ]


def generate_content(words: Sequence[str]) -> list[bytes]:
    def response(word: str, **more: Any) -> bytes:
        candidate = {"content": {"parts": [{"text": word}], "role": "model"}, "index": 0, **more}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}
        return sse(
            {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "some-model", "responseId": "r-1"}
        )

    return [*(response(word) for word in words), response(".", finishReason="STOP")]


def cohere(words: Sequence[str]) -> list[bytes]:
    def named(kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, **fields}, kind)

    def delta(word: str) -> dict[str, Any]:
        return {"message": {"content": {"text": word}}}

    usage = {"tokens": {"input_tokens": 9, "output_tokens": len(words)}}
    return [
        named("message-start", id="id-1", delta={"message": {"role": "assistant", "content": []}})
        + named("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}}),
        *(named("content-delta", index=0, delta=delta(word)) for word in words),
        named("content-end", index=0),
        named("message-end", delta={"finish_reason": "COMPLETE", "usage": usage}),
    ]


def ollama(words: Sequence[str]) -> list[bytes]:
    def line(word: str, **more: Any) -> bytes:
        head = {"model": "some-model", "created_at": "2026-11-25T10:00:00.123456789Z"}
        said = {**head, "message": {"role": "assistant", "content": word}, "done": bool(more), **more}
        return json.dumps(said, ensure_ascii=False).encode() + b"\n"

    end = line("", done_reason="stop", prompt_eval_count=9, eval_count=len(words))
    return [*(line(word) for word in words), end]


def dashscope(words: Sequence[str]) -> list[bytes]:
    def result(word: str, reason: str) -> bytes:
        choice = {"message": {"content": word, "role": "assistant"}, "finish_reason": reason}
        usage = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14}
        said = {"output": {"choices": [choice]}, "usage": usage, "request_id": "r-1"}
        return b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:%b\n\n" % json.dumps(said, ensure_ascii=False).encode()

    return [*(result(word, "null") for word in words), result("", "stop")]


def converse(words: Sequence[str]) -> list[bytes]:
    """Messages of an AWS event stream."""

    def message(kind: str, said: Any) -> bytes:
        payload = json.dumps(said, ensure_ascii=False).encode()
        headers = b"".join(
            struct.pack(">B", len(name)) + name + b"\x07" + struct.pack(">H", len(value)) + value
            for name, value in (
                (b":event-type", kind.encode()),
                (b":content-type", b"application/json"),
                (b":message-type", b"event"),
            )
        )
        prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
        body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
        return body + struct.pack(">I", zlib.crc32(body))

    def delta(word: str) -> bytes:
        return message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}, "p": "abcdefghijkl"})

    usage = {"inputTokens": 9, "outputTokens": len(words), "totalTokens": 9 + len(words)}
    return [
        message("messageStart", {"role": "assistant", "p": "abc"}),
        *(delta(word) for word in words),
        message("contentBlockStop", {"contentBlockIndex": 0, "p": "abc"}),
        message("messageStop", {"stopReason": "end_turn", "p": "abc"}),
        message("metadata", {"usage": usage, "metrics": {"latencyMs": 100}, "p": "abc"}),
    ]


STREAMS: dict[str, Stream] = {
    "anthropic": messages,
    "bedrock": converse,
    "cohere": cohere,
    "dashscope": dashscope,
    "gemini": generate_content,
    "ollama": ollama,
    "vertex": generate_content,
}
"""Of the packages; every other vendor is a row, which reads the chat dialect."""


def vendors() -> dict[str, Vendor]:
    """The packages beside this folder as if they were installed, and the rows."""
    names = [path.parent.name for path in sorted(PLUGINS.glob("*/setup.py"))]
    points = [EntryPoint(name, f"tornadogw_{name}", "tornadogw") for name in names]
    with TemporaryDirectory() as data:
        found = load_plugins(load(None, Path(data), {}, {}), {}, points=points).register_vendors()
    return {name: vendor for name, vendor in sorted(found.items()) if name != "echo"}


def call_of(vendor: Vendor) -> Call:
    said = [{"role": "user", "content": "Hello"}]
    draft = Draft("chat", "m", said, stream=True, max_tokens=4 * DELTAS, prompt_bytes=5, message_count=1)
    return Call(
        id="bench",
        draft=draft,
        model="some-model",
        base_url=vendor.base_url,
        options={},
        stream=True,
        max_tokens=4 * DELTAS,
        temperature=None,
    )


def run(vendor: Vendor, call: Call, reads: Sequence[bytes]) -> float:
    """Microseconds of CPU per delta of one answer. Exits if the client would not have read all of it."""
    reader = Reader(vendor, call, Meter(100_000, 100_000, 10))
    answer = StreamAnswer(call.draft)
    answer.begin(Identity("chatcmpl-bench", 1780000000, "some-model"))
    began = time.process_time()
    out = [answer.take(items) for data in reads if (items := reader.feed(data))]
    out.append(answer.take(reader.end()))
    spent = time.process_time() - began
    chunks = b"".join(out)
    if reader.failure is not None or chunks.count(b'"content":') < DELTAS or "你好".encode() not in chunks:
        sys.exit(f"{vendor.name}: the answer did not come through: {reader.failure}, {chunks[:300]!r}")
    return spent / DELTAS * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="the median of so many is shown")
    parser.add_argument("--only", default="", help="names of vendors, with commas between")
    parser.add_argument("--check", action="store_true", help="exit code 1 if a vendor misses the aim")
    asked = parser.parse_args()
    only = set(filter(None, asked.only.split(",")))
    words = [WORDS[at % len(WORDS)] for at in range(DELTAS)]
    missed = []
    print(f"{'vendor':24} {'us per delta':>12} {'in reads of 4 kB':>18}  relay")
    for name, vendor in vendors().items():
        if only and name not in only:
            continue
        call, events = call_of(vendor), STREAMS.get(name, chat)(words)
        whole = b"".join(events)
        large = [whole[at : at + READ] for at in range(0, len(whole), READ)]
        cost, lesser = (
            median([run(vendor, call, reads) for _ in range(asked.rounds + 1)][1:]) for reads in (events, large)
        )
        print(f"{name:24} {cost:12.1f} {lesser:18.1f}  {vendor.traits(call.model).relay}", flush=True)
        if cost > AIM:
            missed.append(name)
    if missed:
        print(f"above {AIM:g} us: {', '.join(missed)}")
    if asked.check and missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
