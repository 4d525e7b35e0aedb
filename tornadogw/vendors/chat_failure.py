"""Why a chat-dialect upstream did not answer, and whose fault it is: an error body and a status to a `Failure`. Pure.

Codes speak first, then words, then the status; which codes and words is data of the profile (vendor-wire.md section 4).
A client can make an upstream repeat the client's words. So words alone never cost a key anything while the request
is at fault, and what stands in quotes does not count.
"""

from __future__ import annotations

import re
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
    400: "client",
    401: "key",
    402: "billing",
    403: "barred",
    404: "missing",
    413: "client",
    422: "client",
    429: "rate",
    529: "overloaded",
}
"""Any other status: try elsewhere. A request of ours that is no good there says nothing about the client's."""
_FAILURES: Mapping[Class, Failure] = {
    "key": Failure("disable", "key"),
    "billing": Failure("disable", "key"),
    "quota": Failure("disable", "key"),
    "barred": Failure("cool", "key+model", seconds=300.0),
    "rate": Failure("cool", "key+model", seconds=20.0),
    "overloaded": Failure("cool", seconds=10.0),
    "missing": Failure("cannot", code="model_not_found"),
    "unable": Failure("cannot", code="unsupported"),
    "context": Failure("cannot", code="context_length_exceeded"),
    "filter": Failure("client", code="content_filter"),
    "client": Failure("client"),
    "retry": Failure("elsewhere"),
}
"""Seconds are those for upstreams that do not say how long."""
_LONG_WAIT = 60.0
_COSTLY: frozenset[Class] = frozenset({"key", "billing", "quota", "barred", "rate", "overloaded"})
"""What takes a key or an upstream from everybody."""
_CREDIBLE = frozenset({401, 402, 403, 429})
"""Statuses, beside 5xx, with which words may say something costly."""
_FINAL: Mapping[Class, frozenset[int]] = {
    "key": frozenset({401, 402}),
    "billing": frozenset({401, 402, 429}),
    "quota": frozenset({401, 402, 429}),
}
"""Those with which words may take a key from everybody until an operator acts."""
_MARK = r"[\"`“”„‘«»「」『』]|(?<!\w)'|['’](?!\w)"
"""A quotation mark, and no apostrophe inside a word."""
_MARKS = re.compile(_MARK)
_QUOTE = re.compile(rf"(?:{_MARK}).*?(?:{_MARK}|$)", re.DOTALL)
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
    text = body.strip()[: 4 * _MESSAGE_ROOM].decode("utf-8", "replace")[:_MESSAGE_ROOM]
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
    found = _by_code(profile, problem.codes) or _by_words(profile, problem, status) or _STATUSES.get(status, "retry")
    if found == "rate" and status == 413:  # noqa: PLR2004  # one request is larger than a minute's allowance
        found = "context"
    wait = wait_told(headers, _around_quotes(problem.message), profile.reset_headers, now)
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


def _by_words(profile: Profile, problem: Problem, status: int) -> Class | None:
    message = problem.message.lower()
    opening = next((found for words, found in profile.openings.items() if message.startswith(words)), None)
    if opening and problem.param is None:
        return opening
    credible = status in _CREDIBLE or status >= 500  # noqa: PLR2004  # the upstream's own fault
    around, between = _around_quotes(message), _QUOTE.sub("``", message)
    for words, found in profile.words.items():
        if found not in _COSTLY:
            if words in between:
                return found
        elif credible and words in around:
            # A 403 without a code may be about this request alone, and a machine that is broken may say anything.
            return "barred" if status not in _FINAL.get(found, {status}) else found
    return None


def _around_quotes(message: str) -> str:
    """What stands before the first quotation mark and after the last: quoted words may themselves hold marks.

    Nothing after, if the last mark opens a quote or the end of the message is missing.
    """
    marks = list(_MARKS.finditer(message))
    if not marks:
        return message
    closed = len(marks) % 2 == 0 and len(message) < _MESSAGE_ROOM
    return f"{message[: marks[0].start()]}``{message[marks[-1].end() :] if closed else ''}"


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
    codes = (
        *_reasons(error.get("details")),
        error.get("code"),
        inner.get("code") if isinstance(inner, Mapping) else None,
        *(name for name in (error.get("reason"), error.get("status")) if isinstance(name, str)),
        error.get("type"),
    )
    telling = (code for code in codes if code and isinstance(code, str | int) and code not in statuses)
    param = error.get("param")
    return Problem(
        message=" ".join(part for part in parts if part)[:_MESSAGE_ROOM],
        codes=tuple(str(code).lower() for code in telling),
        param=param if isinstance(param, str) else None,
        status=statuses[0] if statuses else 0,
    )


def _reasons(details: Any) -> list[Any]:
    """The reasons in a list of details: the most telling codes there are."""
    listed = details if isinstance(details, list) else []
    return [detail["reason"] for detail in listed if isinstance(detail, Mapping) and "reason" in detail]


def _shown(value: Any) -> str:
    """Whatever stands where words should."""
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:
        return ""
