"""What the vendor's errors mean for the route: whose fault, for how long, and who may still answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tornadogw import Failure, Unreadable, json_object, text_of, wait_of

__all__ = ["from_answer", "from_event", "from_reason", "is_error"]

QUOTED = re.compile(r"[`‘“].*?[`’”]|\".*?\"|(?<!\w)'.*?'(?!\w)", re.DOTALL)
"""What may be the client's own words."""
CONTEXT = "too many tokens"
INCAPABLE = ("not supported", "does not support", "is not compatible", "unsupported")
"""Words about what this model cannot do: another may."""
MONTHLY = re.compile(r"(?:/|per|a) month")
NAMED = re.compile(r"(?:invalid request: )?[`'‘\"]?([a-z_]+(?:[.\[][\]a-z0-9_.\[]+)?)[`'’\"]?(?::| must| is )")
"""How a message begins that is about one parameter."""
OURS = frozenset(
    "messages model temperature max_tokens k p seed stop_sequences tools tool_choice response_format".split()
)
NAMES = {"p": "top_p", "k": "top_k", "stop_sequences": "stop"}
"""The vendor's names of parameters to the client's."""

RATE_SECONDS = 20.0
"""To wait after a 429 that does not say how long."""
BARRED_SECONDS = 300.0
"""After a 403: it may be about this request alone."""


def from_answer(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
    """An answer that is not a 2xx."""
    try:
        said: Mapping[str, Any] = json_object(body)
    except Unreadable:
        said = {}
    return _judge(status, said, wait_of(headers, now), now)


def is_error(said: Mapping[str, Any]) -> bool:
    """Whether a body or an event is `{"id", "message", "error_type"}` instead of an answer."""
    return isinstance(said.get("message"), str) or bool(said.get("error"))


def from_event(said: Mapping[str, Any]) -> Failure:
    """An error inside a 200: no status tells whose fault it is."""
    code = text_of(said, "error_type").lower()
    message = text_of(said, "message") or text_of(said, "error")
    if _too_long(code, message):
        return Failure("cannot", code="context_length_exceeded", message=message)
    return Failure("elsewhere", code=code or "error", message=message)


def from_reason(reason: str, message: str) -> Failure:
    """An answer whose finish reason says that it is none."""
    return Failure("elsewhere", code="timeout" if reason == "TIMEOUT" else "error", message=message)


def _judge(status: int, said: Mapping[str, Any], wait: float | None, now: float) -> Failure:
    code, message = text_of(said, "error_type").lower(), text_of(said, "message")
    match status:
        case 401 | 402:
            return Failure("disable", "key", code=code or "unauthorized", message=message, status=status)
        case 403:
            return Failure("cool", "key+model", BARRED_SECONDS, code or "forbidden", message, status=status)
        case 404:
            return Failure("cannot", code="model_not_found", message=message, status=status)
        case 429:
            return _limited(code, message, wait, now)
        case 498:  # the request or the answer holds a token that the vendor bars
            return Failure("client", code="content_filter", message=message, status=status)
        case 501:
            return Failure("cannot", code=code or "not_implemented", message=message, status=status)
        case 400 | 413 | 422:
            return _blame_request(status, code, message)
    return Failure("elsewhere", code=code or "error", message=message, status=status)


def _limited(code: str, message: str, wait: float | None, now: float) -> Failure:
    """A trial key has calls a minute and calls a month; the month's begin anew with it."""
    if wait is None and MONTHLY.search(message.lower()):
        return Failure("cool", "key", _to_next_month(now), code or "quota", message, status=429)
    return Failure(
        "cool", "key+model", RATE_SECONDS if wait is None else wait, code or "rate_limit", message, status=429
    )


def _blame_request(status: int, code: str, message: str) -> Failure:
    """The request was refused as invalid; a longer context or an abler model elsewhere may still take it."""
    if _too_long(code, message):
        return Failure("cannot", code="context_length_exceeded", message=message, status=status)
    named = NAMED.match(message)
    param = NAMES.get(named[1], named[1]) if named and named[1].split(".")[0].split("[")[0] in OURS else None
    incapable = any(words in QUOTED.sub("", message.lower()) for words in INCAPABLE)
    code = code or "invalid_request"
    return Failure("cannot" if incapable else "client", code=code, message=message, param=param, status=status)


def _too_long(code: str, message: str) -> bool:
    return code == "too_many_tokens" or message.lower().startswith(CONTEXT)


def _to_next_month(now: float) -> float:
    today = datetime.fromtimestamp(now, UTC)
    first = (today.replace(day=28) + timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return max(1.0, first.timestamp() - now)
