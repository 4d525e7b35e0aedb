"""What the benchmark's programs send each other: one request, one answer, one stream."""

from __future__ import annotations

import json

__all__ = ["ANSWER", "CHUNK", "EVENT", "HOST", "PATH", "STOP", "request"]

HOST = "127.0.0.1"
PATH = "/v1/chat/completions"

ANSWER = json.dumps(
    {
        "id": "chatcmpl-bench0000000000000000000",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "bench-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "word " * 55},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 55, "total_tokens": 255},
    }
).encode()
"""0.6 KB."""


def _event(delta: dict[str, str], finish: str | None) -> bytes:
    chunk = {
        "id": "chatcmpl-bench0000000000000000000",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "bench-model",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


EVENT = _event({"content": "word "}, None)
STOP = (
    _event({}, "stop").replace(b'"choices"', b'"usage":{"prompt_tokens":200,"completion_tokens":55},"choices"')
    + b"data: [DONE]\n\n"
)
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
"""One event as servers send it: an HTTP chunk of its own."""


def request(model: str, key: str, *, stream: bool) -> bytes:
    """A whole HTTP request with a body of 1 KB."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": ""}]}
    text = "x" * (1024 - len(json.dumps(body)))
    body["messages"] = [{"role": "user", "content": text}]
    data = json.dumps(body).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nAccept: */*\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data
