"""CPU of a translated chunk, vendor by vendor: bytes of the upstream to bytes for the client, without sockets.

python bench/vendors.py             # the table, in about ten seconds
python bench/vendors.py --check     # exit code 1 if a vendor is above the aim

What is measured is `Reader.feed` and `StreamAnswer.take` over a stream of text deltas that arrives in pieces of 4 kB,
in CPU time of this process. The best of the rounds counts: others on the machine can only add to it.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), *map(str, (ROOT / "plugins").glob("*/"))]  # a checkout is measured as it is

from tornadogw.dialects.chat_render import Identity  # noqa: E402  # after the path
from tornadogw.meter import Meter  # noqa: E402
from tornadogw.relay.answer import StreamAnswer  # noqa: E402
from tornadogw.relay.reader import Reader  # noqa: E402
from tornadogw.types import Call, Draft  # noqa: E402
from tornadogw.vendor import Vendor  # noqa: E402
from tornadogw.vendors.chat_engine import ChatEngine  # noqa: E402
from tornadogw.vendors.rows import load  # noqa: E402

AIM = 25.0
"""Microseconds for a text delta."""
READ = 4096
WORD = "word "


def _data(said: object) -> bytes:
    return b"data: " + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"


def _named(said: dict[str, object]) -> bytes:
    return b"event: " + str(said["type"]).encode() + b"\n" + _data(said)


def chat(_index: int) -> bytes:
    """A chunk of the chat dialect, for rows whose answers are translated."""
    choice = {"index": 0, "delta": {"content": WORD}, "finish_reason": None}
    return _data({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def anthropic(index: int) -> bytes:
    if index == 0:
        return _named({"type": "message_start", "message": {"id": "m", "model": "m", "usage": {"input_tokens": 3}}})
    delta = {"type": "text_delta", "text": WORD}
    return _named({"type": "content_block_delta", "index": 0, "delta": delta})


def gemini(index: int) -> bytes:
    candidate = {"content": {"parts": [{"text": WORD}], "role": "model"}, "index": 0}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": index, "totalTokenCount": 3 + index}
    said = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r"}
    return _data(said).replace(b"\n", b"\r\n")


def cohere(index: int) -> bytes:
    if index == 0:
        return _named({"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant"}}})
    delta = {"message": {"content": {"text": WORD}}}
    return _named({"type": "content-delta", "index": 0, "delta": delta})


def ollama(_index: int) -> bytes:
    message = {"role": "assistant", "content": WORD}
    return (
        json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": False}).encode()
        + b"\n"
    )


def dashscope(index: int) -> bytes:
    choice = {"message": {"role": "assistant", "content": WORD}, "finish_reason": "null"}
    usage = {"input_tokens": 3, "output_tokens": index, "total_tokens": 3 + index}
    said = json.dumps({"output": {"choices": [choice]}, "usage": usage, "request_id": "r"}).encode()
    return b"id:%d\nevent:result\n:HTTP_STATUS/200\ndata:%b\n\n" % (index, said)


def bedrock(_index: int) -> bytes:
    """One message of a binary event stream."""
    payload = json.dumps({"contentBlockIndex": 0, "delta": {"text": WORD}, "p": "abcdefgh"}).encode()
    told = {":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
        for name, text in told.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


PACKAGES: dict[str, Callable[[int], bytes]] = {
    "anthropic": anthropic,
    "bedrock": bedrock,
    "cohere": cohere,
    "dashscope": dashscope,
    "gemini": gemini,
    "ollama": ollama,
}


def of_package(name: str) -> Vendor | None:
    """The vendor of a package in `plugins/`; None: there is none."""
    if not (ROOT / "plugins" / name).is_dir():
        return None
    found: list[Vendor] = []
    import_module(f"tornadogw_{name}").gw_register_vendors(found.append)
    return next(vendor for vendor in found if vendor.name == name)


def translated() -> Iterable[Vendor]:
    """The rows whose chunks do not pass as they come."""
    for row in load():
        engine = ChatEngine(row)
        if engine.traits("m").relay == "translated":
            yield engine


def cost(vendor: Vendor, event: Callable[[int], bytes], events: int, rounds: int) -> float:
    """Microseconds of CPU for one event, the best of the rounds. Raises RuntimeError if text was lost on the way."""
    draft = Draft("chat", "m", [{"role": "user", "content": "hi"}], stream=True, max_tokens=10 * events)
    call = Call("r", draft, "m", "https://upstream.test")
    body = b"".join(event(index) for index in range(events))
    best = float("inf")
    for _ in range(rounds):
        reader, answer = Reader(vendor, call, Meter(1000, 10 * events, 3)), StreamAnswer(draft)
        answer.begin(Identity("c", 1, "m"))
        began = time.process_time()
        out = [answer.take(reader.feed(body[at : at + READ])) for at in range(0, len(body), READ)]
        best = min(best, time.process_time() - began)
        if b"".join(out).count(WORD.encode()) < events - 2:
            raise RuntimeError(f"{vendor.name} lost text: {reader.failure}")
    return best / events * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--check", action="store_true", help="exit code 1 if a vendor is above the aim")
    asked = parser.parse_args()
    works = [(vendor, event) for name, event in PACKAGES.items() if (vendor := of_package(name)) is not None]
    works += [(vendor, chat) for vendor in translated()]
    above = []
    for vendor, event in works:
        each = cost(vendor, event, asked.events, asked.rounds)
        print(f"{vendor.name:20} {each:6.1f} us a text delta", flush=True)
        if each > AIM:
            above.append(vendor.name)
    print(f"MISSED by {', '.join(above)}" if above else f"all within {AIM:g} us")
    return 1 if asked.check and above else 0


if __name__ == "__main__":
    sys.exit(main())
