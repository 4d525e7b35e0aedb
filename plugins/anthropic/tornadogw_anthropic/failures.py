"""What the vendor's errors mean for the route: whose fault, for how long, and who may still answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tornadogw import Failure, wait_of

__all__ = ["from_answer", "from_event"]

STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "api_error": 500,
    "overloaded_error": 529,
}
"""The HTTP status of each error type, for errors inside a stream."""

CONTEXT = ("prompt is too long", "exceed context limit", "exceeds the maximum number of tokens")
NO_MONEY = "your credit balance is too low"
"""How the message begins when the account is empty. It comes as a 400, whose words may be the client's own: they count
nowhere else."""
OPENS = re.compile(r"[`\"]|(?<!\w)'")
CLOSES = {"`": re.compile("`"), '"': re.compile('"'), "'": re.compile(r"'(?!\w)")}
"""Quotes; an apostrophe inside a word is none."""
POLICY = ("content filtering policy", "usage policy")

RATE_SECONDS = 20.0
"""To wait after a 429 that does not say how long."""
OVERLOAD_SECONDS = 10.0
DAY = 86400.0
BARRED_SECONDS = 300.0
"""After a 403 that does not say why: it may be about this request alone."""


def from_answer(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
    """An answer that is not a 2xx."""
    kind, message = _said(body)
    return _judge(status, kind, message, _wait(headers, now))


def from_event(said: Mapping[str, Any]) -> Failure:
    """An error inside a 200."""
    kind, message = _error(said)
    return _judge(STATUSES.get(kind, 500), kind, message, None)


def _judge(status: int, kind: str, message: str, wait: float | None) -> Failure:
    if status == 429 or kind == "rate_limit_error":  # noqa: PLR2004  # HTTP's own numbers read best
        seconds = RATE_SECONDS if wait is None else wait
        return Failure("cool", "key+model", seconds, kind or "rate_limit_error", message, status=status)
    if status == 529 or kind == "overloaded_error":  # noqa: PLR2004  # likewise
        seconds = OVERLOAD_SECONDS if wait is None else wait
        return Failure("cool", "upstream+model", seconds, "overloaded_error", message, status=status)
    no_money = kind == "billing_error" or message.lower().startswith(NO_MONEY)
    if status in (401, 402) or (status in (400, 403) and no_money) or kind == "authentication_error":
        return Failure("disable", "key", code=kind, message=message, status=status)
    if kind == "permission_error":
        return Failure("disable", "key+model", code=kind, message=message, status=status)
    if status == 403:  # noqa: PLR2004  # likewise
        return Failure("cool", "key+model", BARRED_SECONDS, kind or "forbidden", message, status=status)
    if status == 404:  # noqa: PLR2004  # likewise
        return Failure("cannot", code="model_not_found", message=message, status=status)
    if status in (400, 413, 422):
        return _blame_request(status, kind, message)
    return Failure("elsewhere", code=kind, message=message, status=status)


def _blame_request(status: int, kind: str, message: str) -> Failure:
    """The request was refused as invalid; a longer context elsewhere may still take it."""
    low = _unquoted(message.lower())
    if any(words in low for words in CONTEXT):
        return Failure("cannot", code="context_length_exceeded", message=message, status=status)
    if any(words in low for words in POLICY):
        return Failure("client", code="content_filter", message=message, status=status)
    return Failure("client", code=kind, message=message, param=_parameter(message), status=status)


def _unquoted(text: str) -> str:
    """Without what is quoted, which may be the client's own words. A quote that nothing closes is looked for once."""
    kept, at, open_ended, place = [], 0, set(), 0
    while (begun := OPENS.search(text, place)) is not None:
        mark, place = begun[0], begun.end()
        ended = None if mark in open_ended else CLOSES[mark].search(text, place)
        if ended is None:
            open_ended.add(mark)
        else:
            kept.append(text[at : begun.start()])
            at = place = ended.end()
    return "".join([*kept, text[at:]])


def _parameter(message: str) -> str | None:
    """The parameter that the message begins with: `temperature: ...` or "`temperature` is ..."."""
    named = re.match(r"`?([a-z_]+(?:\.[a-z0-9_]+)*)`?(?::| is| may| cannot)", message)
    return named[1] if named else None


def _said(body: bytes) -> tuple[str, str]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    return _error(value) if isinstance(value, dict) else ("", "")


def _error(said: Mapping[str, Any]) -> tuple[str, str]:
    """(type, message) of `{"type": "error", "error": {...}}`."""
    error = said.get("error")
    kind, message = (error.get("type"), error.get("message")) if isinstance(error, dict) else ("", error)
    return kind if isinstance(kind, str) else "", message if isinstance(message, str) else ""


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the limit is free again: Retry-After, else the reset of what is used up; None: unknown."""
    if (seconds := wait_of(headers, now)) is not None:
        return seconds
    resets = [
        _until(headers.get(name.removesuffix("remaining") + "reset", ""), now)
        for name, left in headers.items()
        if name.startswith("anthropic-ratelimit-") and name.endswith("-remaining") and left == "0"
    ]
    return max((seconds for seconds in resets if seconds is not None), default=None)


def _until(text: str, now: float) -> float | None:
    """From `now` to an RFC 3339 time: at most a day, never negative."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return min(max(0.0, seconds), DAY)
