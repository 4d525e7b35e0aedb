"""Why a chat-dialect upstream did not answer, and whose fault it is: an error body and a status to a `Failure`. Pure.

Codes speak first, then words, then the status; which codes and words is data of the profile (vendor-wire.md section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import orjson

from tornadogw.types import Failure
from tornadogw.vendors.chat_wait import wait_told
from tornadogw.vendors.rows import Class, Profile

__all__ = ["Problem", "broken", "classify", "failure_of", "problem_in"]

_STATUSES: Mapping[int, Class] = {
    401: "key",
    402: "billing",
    403: "key",
    404: "missing",
    408: "retry",
    409: "retry",
    424: "retry",
    425: "retry",
    429: "rate",
    498: "key",
    499: "retry",
    529: "overloaded",
}
_FAILURES: Mapping[Class, Failure] = {
    "key": Failure("disable", "key"),
    "billing": Failure("disable", "key"),
    "quota": Failure("disable", "key"),
    "rate": Failure("cool", "key+model", seconds=20.0),
    "overloaded": Failure("cool", seconds=10.0),
    "missing": Failure("cannot", code="model_not_found"),
    "context": Failure("cannot", code="context_length_exceeded"),
    "filter": Failure("client", code="content_filter"),
    "client": Failure("client"),
    "retry": Failure("elsewhere"),
}
"""Seconds are those for upstreams that do not say how long."""
_LONG_WAIT = 60.0
_OWN_PARAMS = ("temperature", "max_completion_tokens", "max_tokens", "stream_options")
"""Parameters that the gateway may have sent of its own accord: a refusal of one is found in the words, too."""
_MESSAGE_ROOM = 4000


class Problem(msgspec.Struct, frozen=True):
    """An error object, whatever its shape."""

    message: str = ""
    codes: tuple[str, ...] = ()
    """Code and types, the most telling first."""
    param: str | None = None
    status: int = 0
    """The HTTP status that the object itself names."""


def failure_of(profile: Profile, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
    """Classify an answer that is not a 2xx."""
    text = body[:_MESSAGE_ROOM].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        # A page comes from something in between; only what a page cannot mean otherwise is taken at its word.
        told = Problem("an HTML page instead of an answer")
        return classify(profile, told, status if status in (401, 402, 429) else 502, headers, now, shown=status)
    try:
        problem = problem_in(orjson.loads(body))
    except orjson.JSONDecodeError:
        problem = None
    return classify(profile, problem or Problem(text), status, headers, now)


def problem_in(body: Any) -> Problem | None:
    """The error in a body or chunk; None: there is none."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, Mapping):
        return None
    error = body.get("error")
    if error:
        if not isinstance(error, Mapping):
            error = {**body, "message": error if isinstance(error, str) else _shown(error)}
        return _problem(error, body)
    base = body.get("base_resp")
    if isinstance(base, Mapping) and base.get("status_code"):
        return _problem({"code": base["status_code"], "message": base.get("status_msg")}, body)
    if "choices" in body:
        return None
    if body.get("object") == "error" or ("message" in body and ("code" in body or "type" in body)):
        return _problem(body, body)
    detail = body.get("detail")
    if detail:
        return Problem(detail if isinstance(detail, str) else _shown(detail))
    return None


def broken(code: str, message: str) -> Failure:
    """An answer that ended wrongly: try another upstream."""
    return Failure("elsewhere", code=code, message=message)


def classify(
    profile: Profile, problem: Problem, status: int, headers: Mapping[str, str], now: float, *, shown: int | None = None
) -> Failure:
    """The failure that a problem is. `status` is 0 inside a stream; `shown` is what the record says instead of it."""
    status = status or problem.status
    found = _by_code(profile, problem.codes) or _by_words(profile, problem.message) or _by_status(status)
    if found == "rate" and status == 413:  # noqa: PLR2004  # one request is larger than a minute's allowance
        found = "context"
    wait = wait_told(headers, problem.message, profile.reset_headers, now) if headers or problem.message else 0.0
    failure = _failure(found, wait)
    return msgspec.structs.replace(
        failure,
        code=failure.code or next(iter(problem.codes), "") or found,
        message=problem.message,
        param=problem.param or _own_param(problem.message, found),
        status=status if shown is None else shown,
    )


def _failure(found: Class, wait: float) -> Failure:
    failure = _FAILURES[found]
    if found == "quota" and wait >= _LONG_WAIT:
        failure = Failure("cool", "key")  # it comes back by itself
    elif failure.kind not in ("cool", "elsewhere"):
        return failure
    return msgspec.structs.replace(failure, seconds=wait or failure.seconds)


def _by_code(profile: Profile, codes: tuple[str, ...]) -> Class | None:
    for code in codes:
        if code in profile.codes:
            return profile.codes[code]
    patterns = [(pattern, found) for pattern, found in profile.codes.items() if "*" in pattern]
    return next((found for code in codes for pattern, found in patterns if fnmatchcase(code, pattern)), None)


def _by_words(profile: Profile, message: str) -> Class | None:
    text = message.lower()
    return next((found for words, found in profile.words.items() if words in text), None)


def _by_status(status: int) -> Class:
    known = _STATUSES.get(status)
    if known:
        return known
    return "client" if 400 <= status < 500 else "retry"  # noqa: PLR2004  # the range of client errors


def _own_param(message: str, found: Class) -> str | None:
    return next((name for name in _OWN_PARAMS if name in message), None) if found == "client" else None


def _problem(error: Mapping[str, Any], body: Mapping[str, Any]) -> Problem:
    message = error.get("message") or error.get("msg") or body.get("message") or ""
    metadata, inner = error.get("metadata"), error.get("innererror")
    parts = [message if isinstance(message, str) else _shown(message)]
    if isinstance(metadata, Mapping) and isinstance(metadata.get("raw"), str):
        parts.append(metadata["raw"])
    named = (error.get("status_code"), error.get("status"), error.get("raw_status_code"), error.get("code"))
    statuses = [status for status in named if type(status) is int and 400 <= status < 600]  # noqa: PLR2004
    codes = (error.get("code"), inner.get("code") if isinstance(inner, Mapping) else None, error.get("type"))
    telling = (code for code in codes if code and isinstance(code, str | int) and code not in statuses)
    param = error.get("param")
    return Problem(
        message=" ".join(part for part in parts if part)[:_MESSAGE_ROOM],
        codes=tuple(str(code).lower() for code in telling),
        param=param if isinstance(param, str) else None,
        status=statuses[0] if statuses else 0,
    )


def _shown(value: Any) -> str:
    """Whatever stands where words should."""
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:
        return ""
