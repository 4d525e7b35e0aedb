"""What the vendor's errors mean for the route: whose fault, for how long, and who may still answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tornadogw import Failure, Unreadable, json_object, text_of, wait_of

__all__ = ["from_answer", "from_event", "from_reason"]

RATE_SECONDS, OVERLOAD_SECONDS, BARRED_SECONDS = 20.0, 10.0, 300.0
"""To wait where the vendor does not say how long: its rate, its readiness, a refusal that does not say why."""

BAD_KEY = frozenset(
    "unrecognizedclientexception expiredtokenexception expiredtoken invalidsignatureexception "
    "incompletesignatureexception missingauthenticationtokenexception invalidclienttokenid optinrequired".split()
)
CONTEXT = re.compile(r"input tokens exceeded|input is too long|too many input tokens|prompt is too long|context window")
NO_MODEL = re.compile(
    r"model identifier is invalid|on-demand throughput isn.t supported|don.t have access to the model|end of its life|"
    r"model is not supported|could not resolve the foundation model"
)
INCAPABLE = re.compile(r"doesn.t support|does not support|isn.t supported|not supported|unsupported")
POLICY = re.compile(r"content filter|blocked by .*polic|responsible ai")
_PARAM = re.compile(r"(messages|system|inferenceConfig|toolConfig|temperature|maxTokens|topP|stopSequences)\b")
NAMES = {"maxTokens": "max_tokens", "topP": "top_p", "stopSequences": "stop", "toolConfig": "tools"}


def from_answer(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
    """An answer that is not a 2xx. Its type stands in a header, behind a namespace or before one."""
    try:
        said = json_object(body)
    except Unreadable:
        said = {}
    told = headers.get("x-amzn-errortype") or text_of(said, "__type") or text_of(said, "code")
    kind = told.split(":", 1)[0].rsplit("#", 1)[-1].strip()
    return _judge(status, kind, text_of(said, "message") or text_of(said, "Message"), wait_of(headers, now))


def from_event(kind: str, payload: bytes) -> Failure:
    """An exception inside a stream."""
    try:
        message = text_of(json_object(payload), "message")
    except Unreadable:
        message = ""
    return _judge(0, kind, message, None)


def from_reason(reason: str) -> Failure:
    """An answer whose stop reason says that it is none."""
    return Failure("elsewhere", code=reason, message="the model's answer was malformed")


def _judge(status: int, kind: str, message: str, wait: float | None) -> Failure:
    code = kind or "error"
    match kind.lower().removesuffix("exception"):
        case "throttling" | "toomanyrequests" | "servicequotaexceeded":
            seconds = RATE_SECONDS if wait is None else wait
            return Failure("cool", "key+model", seconds, code, message, status=status)
        case "modelnotready" | "serviceunavailable":
            seconds = OVERLOAD_SECONDS if wait is None else wait
            return Failure("cool", "upstream+model", seconds, code, message, status=status)
        case "accessdenied" | "resourcenotfound":
            return Failure("cannot", code="model_not_found", message=message, status=status)
        case "validation":
            return _blame_request(status, code, message)
        case "modelerror" | "modeltimeout" | "modelstreamerror" | "internalserver":
            return Failure("elsewhere", code=code, message=message, status=status)
    if kind.lower() in BAD_KEY:
        return Failure("disable", "key", code=code, message=message, status=status)
    return _by_status(status, code, message, wait)


def _by_status(status: int, code: str, message: str, wait: float | None) -> Failure:
    """An error without a type that we know: a proxy's, or one that is yet to be invented."""
    match status:
        case 401 | 402:
            return Failure("disable", "key", code=code, message=message, status=status)
        case 403:
            return Failure("cool", "key+model", BARRED_SECONDS, code, message, status=status)
        case 404:
            return Failure("cannot", code="model_not_found", message=message, status=status)
        case 429:
            return Failure("cool", "key+model", RATE_SECONDS if wait is None else wait, code, message, status=status)
        case 400 | 413 | 422:
            return _blame_request(status, code, message)
    return Failure("elsewhere", code=code, message=message, status=status)


def _blame_request(status: int, code: str, message: str) -> Failure:
    """The request was refused as invalid; another route may still take it."""
    low = message.lower()
    if CONTEXT.search(low):
        return Failure("cannot", code="context_length_exceeded", message=message, status=status)
    if NO_MODEL.search(low):
        return Failure("cannot", code="model_not_found", message=message, status=status)
    if POLICY.search(low):
        return Failure("client", code="content_filter", message=message, status=status)
    if INCAPABLE.search(low):
        return Failure("cannot", code="unsupported", message=message, status=status)
    named = _PARAM.search(message)
    param = NAMES.get(named[1], named[1]) if named else None
    return Failure("client", code=code, message=message, param=param, status=status)
