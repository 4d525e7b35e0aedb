"""What the vendor's errors mean for the route: whose fault, for how long, and who may still answer.

Codes speak first, then the status. Words only tell a prompt that is too long: a message may repeat what a client sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from tornadogw import Failure, Unreadable, json_object, text_of, wait_of

__all__ = ["from_answer", "from_event"]

KEY = Failure("disable", "key")
RATE = Failure("cool", "key+model", seconds=20.0)
BUSY = Failure("cool", "upstream+model", seconds=10.0)
CLIENT = Failure("client")
FILTER = Failure("client", code="content_filter")
MISSING = Failure("cannot", code="model_not_found")
ELSEWHERE = Failure("elsewhere")

CODES: Mapping[str, Failure] = {
    "invalidapikey": KEY,
    "invalid_api_key": KEY,
    "invalidaccesskeyid*": KEY,
    "arrearage": KEY,
    "*billoverdue": KEY,
    "commoditynotpurchased": KEY,
    "allocationquota.freetieronly": MISSING,  # the free tokens of this one model are used up
    "accessdenied": Failure("cool", "key+model", seconds=300.0),
    "accessdenied.unpurchased": MISSING,
    "model.accessdenied": MISSING,
    "workspace.accessdenied": KEY,
    "modelnotfound": MISSING,
    "model_not_found": MISSING,
    "model_not_supported": MISSING,
    "datainspectionfailed": FILTER,
    "data_inspection_failed": FILTER,
    "throttling.allocationquota": Failure("cool", "key", seconds=300.0),
    "insufficient_quota": Failure("cool", "key", seconds=300.0),
    "throttling*": RATE,
    "limitrequests": RATE,
    "limit_requests": RATE,
    "modelserving*": BUSY,
    "modelunavailable": BUSY,
    "serviceunavailable": BUSY,
    "requesttimeout*": ELSEWHERE,
    "responsetimeout": ELSEWHERE,
    "internalerror*": ELSEWHERE,
    "systemerror": ELSEWHERE,
    "modelservicefailed": ELSEWHERE,
    "invokepluginfailed": ELSEWHERE,
    "invalid*": CLIENT,
    "badrequest*": CLIENT,
    "unsupportedoperation": Failure("cannot", code="unsupported"),
}
"""Lower case, the first that matches."""
STATUSES: Mapping[int, Failure] = {
    400: CLIENT,
    401: KEY,
    402: KEY,
    403: Failure("cool", "key+model", seconds=300.0),
    404: MISSING,
    413: CLIENT,
    422: CLIENT,
    429: RATE,
    529: BUSY,
}
"""Any other: try elsewhere."""
CONTEXT = re.compile(
    r"range of input length should be|input length exceeds|maximum context length|total message token length exceeds"
)
ABSENT = re.compile(r"model not exist|model does not exist|model not found")
DATA = re.compile(rb"^data:(.*)$", re.MULTILINE)
LONGEST = 65536
"""Bytes of an error that are looked at."""
PARAMS = ("temperature", "max_tokens", "incremental_output", "enable_thinking", "result_format")
"""What the gateway or this vendor may have sent without the client."""


def from_answer(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
    """An answer that is not a 2xx."""
    return _judge(_said_in(body), status, wait_of(headers, now))


def from_event(said: Mapping[str, Any]) -> Failure:
    """An error inside a 200, as an event of a stream or the whole body."""
    return _judge(said, 0, None)


def _said_in(body: bytes) -> Mapping[str, Any]:
    """The error object of a body; who asked for a stream is refused in one event of a stream."""
    found = DATA.search(body[:LONGEST]) if body.lstrip()[:1] != b"{" else None
    try:
        return json_object(found[1] if found else body)
    except Unreadable:
        return {}


def _judge(said: Mapping[str, Any], status: int, wait: float | None) -> Failure:
    # The compatible endpoints beside these put the same words into an object.
    inner = said.get("error")
    if isinstance(inner, Mapping):
        said = inner
    code, message = text_of(said, "code"), text_of(said, "message") or text_of(said, "msg")
    found = _by_code(code.lower()) or STATUSES.get(status, ELSEWHERE)
    if found in (CLIENT, ELSEWHERE):
        found = _by_words(message.lower(), found)
    seconds = wait if wait is not None and found.kind in ("cool", "elsewhere") else found.seconds
    return msgspec.structs.replace(
        found,
        seconds=seconds,
        code=found.code or code or ("error" if found.kind == "elsewhere" else "invalid_request"),
        message=message,
        param=next((name for name in PARAMS if name in message), None) if found.kind == "client" else None,
        status=status,
    )


def _by_code(code: str) -> Failure | None:
    return next((found for pattern, found in CODES.items() if code and fnmatchcase(code, pattern)), None)


def _by_words(low: str, found: Failure) -> Failure:
    if CONTEXT.search(low):
        return Failure("cannot", code="context_length_exceeded")
    return MISSING if ABSENT.match(low) else found
