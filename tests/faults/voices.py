"""What a good upstream says in each dialect, in pieces that a fault can break."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

PIECES = ("Once ", "upon ", "a ", "time.")
TEXT = "".join(PIECES)
USED = (7, 5)
"""Prompt and completion tokens that each of them reports."""
NO = "that did not work"
"""The words of every error: they blame nobody, so that status and type decide."""


def dumps(said: Any) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def sse(said: Any, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return b"%bdata: %b\n\n" % (head.encode(), dumps(said))


class Voice:
    """One answer: `opening`, an event for each of `texts`, `finish`, `usage`, `terminator`; or all of it in `whole`.

    `asked` is the upstream's request. Like a model, it goes on after the last message if that is its own.
    """

    model: ClassVar[str] = "m-up"
    keeps_terminator: ClassVar[bool] = True
    """There is an event that only says that the answer is over."""
    content_type: ClassVar[str] = "text/event-stream"
    broken: ClassVar[bytes] = b'data: {"broken": "ev\n\n'
    """An event in the dialect's frame whose JSON is cut."""
    comment: ClassVar[bytes] = b": wait\n\n"
    """Bytes that say nothing."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.begun = self.last(asked)
        rest = TEXT[len(self.begun) :] if self.begun and TEXT.startswith(self.begun) else ""
        self.texts = [self.text(piece) for piece in ((rest,) if rest else PIECES)]
        self.whole = self.document(rest or TEXT)
        self.opening = self.finish = self.usage = self.terminator = b""

    def last(self, asked: Mapping[str, Any]) -> str:
        """The beginning of the answer, if the request has it."""
        message = (asked.get("messages") or [{}])[-1]
        content = message.get("content") if message.get("role") == "assistant" else ""
        return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())

    def text(self, piece: str) -> bytes:
        """An event with a piece of the text."""
        raise NotImplementedError

    def document(self, text: str) -> bytes:
        """A JSON answer."""
        raise NotImplementedError

    def error(self, status: int) -> bytes:
        """The body of an error."""
        raise NotImplementedError

    def in_band(self, status: int) -> bytes:
        """An error as an event of a stream."""
        return sse(json.loads(self.error(status)))

    @property
    def all(self) -> list[bytes]:
        """The whole stream."""
        return [self.opening, *self.texts, self.finish, self.usage, self.terminator]


class Chat(Voice):
    """The chat dialect."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        super().__init__(asked)
        self.opening = self._chunk({"role": "assistant", "content": ""})
        self.finish = self._chunk({}, "stop")
        counts = {"prompt_tokens": USED[0], "completion_tokens": USED[1], "total_tokens": sum(USED)}
        self.usage = sse({**self._head("chat.completion.chunk"), "choices": [], "usage": counts})
        self.terminator = b"data: [DONE]\n\n"

    def text(self, piece: str) -> bytes:
        return self._chunk({"content": piece})

    def document(self, text: str) -> bytes:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        counts = {"prompt_tokens": USED[0], "completion_tokens": USED[1], "total_tokens": sum(USED)}
        return dumps({**self._head("chat.completion"), "choices": [choice], "usage": counts})

    def error(self, status: int) -> bytes:
        kind = "invalid_request_error" if status in (400, 413, 422) else "some_error"
        return dumps({"error": {"message": NO, "type": kind, "param": None, "code": None}})

    def in_band(self, status: int) -> bytes:
        return sse({"error": {"message": NO, "type": "some_error", "code": status}})

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return sse({**self._head("chat.completion.chunk"), "choices": [choice]})

    @staticmethod
    def _head(kind: str) -> dict[str, Any]:
        return {"id": "up-1", "object": kind, "created": 1700000000, "model": "m-up"}


class Messages(Voice):
    """The dialect of /v1/messages."""

    model = "claude-sonnet-4-5"
    comment = b'event: ping\ndata: {"type":"ping"}\n\n'
    _KINDS: ClassVar = {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        422: "invalid_request_error",
        429: "rate_limit_error",
        529: "overloaded_error",
    }

    def __init__(self, asked: Mapping[str, Any]) -> None:
        super().__init__(asked)
        message = {**self._head(), "content": [], "stop_reason": None, "usage": {"input_tokens": 7, "output_tokens": 1}}
        self.opening = sse({"type": "message_start", "message": message}, "message_start")
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        self.opening += sse(block, "content_block_start") + self.comment
        self.finish = sse({"type": "content_block_stop", "index": 0}, "content_block_stop")
        end = {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": USED[1]}}
        self.finish += sse({"type": "message_delta", **end}, "message_delta")
        self.terminator = sse({"type": "message_stop"}, "message_stop")

    def text(self, piece: str) -> bytes:
        delta = {"type": "text_delta", "text": piece}
        return sse({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")

    def document(self, text: str) -> bytes:
        usage = {"input_tokens": USED[0], "output_tokens": USED[1]}
        said = {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage}
        return dumps({**self._head(), **said})

    def error(self, status: int) -> bytes:
        return dumps({"type": "error", "error": {"type": self._KINDS.get(status, "api_error"), "message": NO}})

    def in_band(self, status: int) -> bytes:
        return sse(json.loads(self.error(status)), "error")

    def _head(self) -> dict[str, Any]:
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model}


class Generate(Voice):
    """The dialect of generateContent."""

    model = "gemini-2.5-flash"
    keeps_terminator = False
    _KINDS: ClassVar = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }

    def __init__(self, asked: Mapping[str, Any]) -> None:
        super().__init__(asked)
        self.opening = self._said([])
        self.finish = self._said([], finishReason="STOP")

    def text(self, piece: str) -> bytes:
        return self._said([{"text": piece}])

    def document(self, text: str) -> bytes:
        return dumps(self._response([{"text": text}], finishReason="STOP"))

    def error(self, status: int) -> bytes:
        kind = self._KINDS.get(status, "INTERNAL" if status >= 500 else "FAILED")
        return dumps({"error": {"code": status, "message": NO, "status": kind}})

    def _said(self, parts: Sequence[Any], **more: Any) -> bytes:
        return b"data: %b\r\n\r\n" % dumps(self._response(parts, **more))

    def _response(self, parts: Sequence[Any], **more: Any) -> dict[str, Any]:
        counts = {"promptTokenCount": USED[0]}
        if more:
            counts |= {"candidatesTokenCount": USED[1], "totalTokenCount": sum(USED)}
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **more}
        return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": self.model, "responseId": "r1"}


class Lines(Voice):
    """The dialect of /api/chat: a JSON document a line."""

    model = "llama"
    keeps_terminator = False
    content_type = "application/x-ndjson"
    broken = b'{"message": {"content": "brok\n'
    comment = b"\n"

    def __init__(self, asked: Mapping[str, Any]) -> None:
        super().__init__(asked)
        self.opening = self.text("")
        self.finish = self._line("", **self._END)

    _END: ClassVar = {
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": USED[0],
        "eval_count": USED[1],
    }

    def text(self, piece: str) -> bytes:
        return self._line(piece, done=False)

    def document(self, text: str) -> bytes:
        return self._line(text, **self._END)

    def error(self, status: int) -> bytes:
        return dumps({"error": NO})

    def in_band(self, status: int) -> bytes:
        return self.error(status) + b"\n"

    def _line(self, text: str, **more: Any) -> bytes:
        head = {"model": self.model, "created_at": "2024-01-01T00:00:00Z"}
        return dumps({**head, "message": {"role": "assistant", "content": text}, **more}) + b"\n"


DIALECTS: Mapping[str, type[Voice]] = {
    "openai": Chat,
    "vllm": Chat,
    "anthropic": Messages,
    "gemini": Generate,
    "ollama": Lines,
}
"""Vendors and how they speak: one that passes unparsed, one that is translated, and those of plugin packages."""
PACKAGES = ("anthropic", "gemini", "ollama")
