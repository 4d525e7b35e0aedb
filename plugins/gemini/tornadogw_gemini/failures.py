"""What the vendor's errors mean for the route: whose fault, for how long, and who may still answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from tornadogw import Failure, text_of, wait_of

__all__ = ["from_answer", "from_event", "from_finish"]

RATE_SECONDS = 20.0
"""To wait after a 429 that does not say how long."""
OVERLOAD_SECONDS = 10.0
BARRED_SECONDS = 300.0
"""After a refusal of the place or of an account's state: somebody may mend it."""
DAY = 86400
RESET = 8 * 3600
"""Daily quotas begin anew at midnight on the Pacific coast: at 8 o'clock UTC, in summer an hour before that."""

FAILED = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
    }
)
"""Finish reasons of an answer that is none: another try may do better."""
BAD_KEY = frozenset(
    {
        "API_KEY_INVALID",
        "API_KEY_SERVICE_BLOCKED",
        "API_KEY_HTTP_REFERRER_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED",
        "CONSUMER_INVALID",
        "CONSUMER_SUSPENDED",
        "SERVICE_DISABLED",
        "ACCOUNT_STATE_INVALID",
        "BILLING_DISABLED",
    }
)
"""Reasons in `ErrorInfo` that stay until the operator acts."""
KEY_WORDS = ("api key not valid", "api key expired", "api key not found", "your api key was reported as leaked")
"""How a message begins when the key is bad. Further on in it, the words may be the client's own."""
CONTEXT = ("exceeds the maximum number of tokens", "input token count", "exceeds the context window")
PLACE = "location is not supported"
NO_MONEY = ("prepayment credits are depleted", "billing account")
STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The HTTP status of each of the vendor's own, for errors inside a 200."""
PARAMS = {
    "temperature": "temperature",
    "topp": "top_p",
    "topk": "top_k",
    "maxoutputtokens": "max_tokens",
    "candidatecount": "n",
    "seed": "seed",
    "stopsequences": "stop",
    "presencepenalty": "presence_penalty",
    "frequencypenalty": "frequency_penalty",
    "responselogprobs": "logprobs",
    "logprobs": "top_logprobs",
    "responsejsonschema": "response_format",
    "responsemimetype": "response_format",
    "thinkingconfig": "reasoning_effort",
    "functiondeclarations": "tools",
    "tools": "tools",
    "contents": "messages",
}
"""Fields of the vendor, without case and underscores, and the client's parameter behind each."""

ABILITIES = {
    "multiple candidates": "n",
    "logprobs": "logprobs",
    "function calling": "tools",
    "json mode": "response_format",
    "penalty": "presence_penalty",
    "thinking": "reasoning_effort",
    "developer instruction": "messages",
}
"""What some models lack, as messages begin ("JSON mode is not enabled for models/..."), and the client's parameter."""

_UNABLE = re.compile(r"(?:is|are) not (?:enabled|supported) (?:for|by|in) (?:this model|the model|models/)")
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_RETRY_IN = re.compile(r"retry in (?:(\d{1,4})h)?(?:(\d{1,4})m)?(\d{1,9}(?:\.\d{1,9})?)s", re.IGNORECASE)
_FIELD = re.compile(r"(?:at|field|parameter) ['`\"]?(?:generation_?config\.)?([A-Za-z_]{2,40})", re.IGNORECASE)


def from_answer(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
    """An answer that is not a 2xx."""
    try:
        value = orjson.loads(body)
    except ValueError:
        value = None
    if isinstance(value, list) and value:  # the stream of arrays wraps its errors too
        value = value[0]
    return _judge(status, _error(value), now, wait_of(headers, now))


def from_event(said: Mapping[str, Any], now: float | None = None) -> Failure:
    """An error inside a 200."""
    error = _error(said)
    code = error.get("code")
    known = STATUSES.get(text_of(error, "status"), 500)
    return _judge(code if type(code) is int and 400 <= code < 600 else known, error, now, None)  # noqa: PLR2004 -- HTTP's own numbers read best


def from_finish(reason: str, message: str) -> Failure | None:
    """A finish reason that makes the answer none; None: any other."""
    if reason in FAILED:
        return Failure("elsewhere", code=reason.lower(), message=message or "the model's answer is malformed")
    if reason == "PUP_LIMITED_DISABLED":
        return Failure("disable", "key", code=reason.lower(), message=message or "the account is limited")
    return None


def _judge(status: int, error: Mapping[str, Any], now: float | None, told: float | None) -> Failure:
    """`told`: seconds to wait that a header named; the vendor has none, what stands before it may."""
    code, message = text_of(error, "status"), text_of(error, "message")
    low, reasons = message.lower(), {text_of(detail, "reason") for detail in _details(error)}
    if reasons & BAD_KEY or low.startswith(KEY_WORDS):
        return Failure("disable", "key", code=min(reasons & BAD_KEY, default=code), message=message, status=status)
    if status == 429:  # noqa: PLR2004 -- HTTP's own numbers read best, here and below
        return _exhausted(error, code, message, now, told)
    if status in (503, 529):
        wait = _wait(error, message) if told is None else told
        seconds = OVERLOAD_SECONDS if wait is None else wait
        return Failure("cool", "upstream+model", seconds, "overloaded", message, status=status)
    if status in (401, 402, 403):
        return _barred(status, code, message)
    if status == 404:  # noqa: PLR2004
        return Failure("cannot", code="model_not_found", message=message, status=status)
    if status in (400, 413, 422) and code != "FAILED_PRECONDITION":
        return _blame_request(status, error, code, message)
    if PLACE in low and status == 400:  # noqa: PLR2004
        return Failure("cool", "upstream+model", BARRED_SECONDS, code, message, status=status)
    return Failure("elsewhere", code=code, message=message, status=status)


def _barred(status: int, code: str, message: str) -> Failure:
    if status in (401, 402):
        return Failure("disable", "key", code=code or "UNAUTHENTICATED", message=message, status=status)
    if code == "PERMISSION_DENIED":
        return Failure("disable", "key+model", code=code, message=message, status=status)
    return Failure("cool", "key+model", BARRED_SECONDS, code or "forbidden", message, status=status)


def _exhausted(error: Mapping[str, Any], code: str, message: str, now: float | None, told: float | None) -> Failure:
    """Which quota tells how long: a day's lasts until the next day, whatever delay stands beside it."""
    if any(words in message.lower() for words in NO_MONEY):
        return Failure("disable", "key", code="billing", message=message, status=429)
    if re.search(r"limit: 0(?![\d.])", message):
        return Failure("disable", "key+model", code=code, message=message, status=429)
    if any("perday" in text_of(violation, "quotaId").lower() for violation in _listed(error, "violations")):
        seconds = DAY - (now - RESET) % DAY if now is not None else BARRED_SECONDS
        return Failure("cool", "key+model", seconds, code or "daily_quota", message, status=429)
    wait = _wait(error, message) if told is None else told
    return Failure("cool", "key+model", RATE_SECONDS if wait is None else wait, code or "rate", message, status=429)


def _blame_request(status: int, error: Mapping[str, Any], code: str, message: str) -> Failure:
    """The request was refused as invalid; a longer context elsewhere may still take it."""
    low = message.lower()
    if any(words in low for words in CONTEXT):
        return Failure("cannot", code="context_length_exceeded", message=message, status=status)
    if _UNABLE.search(low):
        param = next((ours for words, ours in ABILITIES.items() if low.startswith(words)), None)
        return Failure("cannot", code="unsupported", message=message, param=param, status=status)
    return Failure("client", code=code, message=message, param=_param(error, message), status=status)


def _param(error: Mapping[str, Any], message: str) -> str | None:
    """The client's name of the field that the vendor complains about."""
    named = [text_of(violation, "field") for violation in _listed(error, "fieldViolations")]
    if (found := _FIELD.search(message)) is not None:
        named.append(found[1])
    for name in named:
        for step in reversed(re.split(r"[.\[\]]+", name)):
            if (ours := PARAMS.get(step.replace("_", "").lower())) is not None:
                return ours
    return None


def _wait(error: Mapping[str, Any], message: str) -> float | None:
    """Seconds to wait: the vendor sends no header, but says it in the body; None: it does not."""
    for detail in _details(error):
        if (found := _DURATION.fullmatch(text_of(detail, "retryDelay"))) is not None:
            return float(found[1])
    if (found := _RETRY_IN.search(message)) is not None:
        return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3])
    return None


def _details(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = error.get("details")
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


def _listed(error: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in the lists of that name, in all details."""
    lists = [detail.get(name) for detail in _details(error)]
    return [item for each in lists if isinstance(each, list) for item in each if isinstance(item, dict)]


def _error(said: Any) -> Mapping[str, Any]:
    """The object in `{"error": {...}}`; a text there is its message."""
    error = said.get("error") if isinstance(said, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}
