"""What the engine's errors mean for the route: whose fault, for how long, and who may still answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tornadogw import Failure, Unreadable, json_object, object_of, text_of, wait_of

__all__ = ["from_answer", "from_line"]

QUOTED = re.compile(r"[`‘“].*?[`’”]|\".*?\"|(?<!\w)'.*?'(?!\w)", re.DOTALL)
"""What may be the client's own words."""
CONTEXT = re.compile(
    r"exceeds? the (?:available |maximum )?context|context (?:length|window|size) exceeded|input length exceeds"
)
INCAPABLE = {
    "does not support tools": "tools",
    "does not support thinking": "reasoning_effort",
    "think value": "reasoning_effort",
    "does not support": None,
    "required for image input": "messages",
    "is not supported by this model": None,
}
"""Words about what this model cannot do, and the parameter that asked for it: another model may."""
BROKEN = ("more system memory", "out of memory", "unable to load model", "error loading model", "runner process")
"""The model does not run on this machine; each try costs it a load."""
FORMAT = ("format", "grammar", "schema")

RATE_SECONDS = 20.0
"""To wait after a 429 that does not say how long."""
BUSY_SECONDS = 10.0
"""After a 503: the queue is full, or the model is being loaded."""
BROKEN_SECONDS = 60.0
BARRED_SECONDS = 300.0
"""After a 403: it may be about this request alone."""


def from_answer(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
    """An answer that is not a 2xx."""
    try:
        message = _message(json_object(body))
    except Unreadable:
        message = ""
    return _judge(status, message, wait_of(headers, now))


def from_line(said: Mapping[str, Any]) -> Failure:
    """An error inside a 200, as a line of a stream or the whole body."""
    return _judge(0, _message(said), None)


def _message(said: Mapping[str, Any]) -> str:
    return text_of(said, "error") or text_of(object_of(said, "error"), "message")


def _judge(status: int, message: str, wait: float | None) -> Failure:
    match status:
        case 401 | 402:
            return Failure("disable", "key", code="unauthorized", message=message, status=status)
        case 403:
            return Failure("cool", "key+model", BARRED_SECONDS, "forbidden", message, status=status)
        case 404:
            return Failure("cannot", code="model_not_found", message=message, status=status)
        case 429:
            seconds = RATE_SECONDS if wait is None else wait
            return Failure("cool", "key+model", seconds, "rate_limit", message, status=status)
        case 503:
            seconds = BUSY_SECONDS if wait is None else wait
            return Failure("cool", "upstream+model", seconds, "busy", message, status=status)
    return _by_words(status, message)


def _by_words(status: int, message: str) -> Failure:
    """The engine has no codes, and words are the same under 400 and 500."""
    low = QUOTED.sub("", message.lower())
    if CONTEXT.search(low):
        return Failure("cannot", code="context_length_exceeded", message=message, status=status)
    for words, param in INCAPABLE.items():
        if words in low:
            return Failure("cannot", code="unsupported", message=message, param=param, status=status)
    if status in (400, 413, 422):
        param = "response_format" if any(words in low for words in FORMAT) else None
        return Failure("client", code="invalid_request", message=message, param=param, status=status)
    if any(words in low for words in BROKEN):
        return Failure("cool", "upstream+model", BROKEN_SECONDS, "model_broken", message, status=status)
    return Failure("elsewhere", code="error", message=message, status=status)
