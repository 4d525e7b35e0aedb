"""The head of one HTTP/1 request, read as strictly as it can be: what two readers may read differently is refused.

Pure. The grammar is RFC 9110 and 9112 without what they let a recipient forgive: no bare LF, no folded lines, no blank
before a colon, one way to say where the body ends (RFC 9112 section 6.3; differences there are request smuggling).
"""

from __future__ import annotations

import re
from typing import NamedTuple, TypeVar

from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine
from typing_extensions import override

__all__ = ["Fields", "Head", "read_head"]

_T = TypeVar("_T")

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_START = re.compile(rf"({_NAME}) ([\x21-\x7e\x80-\xff]+) (HTTP/1\.[01])")
_FIELDS = re.compile(rf"(?:\r\n{_NAME}:[\t\x20-\x7e\x80-\xff]*)*")
_LONGEST_LENGTH = 18
"""Digits of a length that anybody means."""
BLANK = " \t"


class Fields(HTTPHeaders):
    """Tornado's, but no exception is raised on the way to a default: most headers that are asked for are not there."""

    @override
    def get(self, name: str, default: str | _T | None = None) -> str | _T | None:  # type: ignore[override]  # as Mapping's
        return self[name] if name in self else default  # noqa: SIM401 -- this is `get`


class Head(NamedTuple):
    """What a request says before its body."""

    start: RequestStartLine
    headers: HTTPHeaders
    keep_alive: bool
    """The client means to ask again on this connection."""
    length: int | None
    """Bytes of the body; None: it comes in chunks."""
    continues: bool
    """The client waits for a `100 Continue` before it sends the body."""


def read_head(data: bytes) -> Head:
    """The head in `data`, which ends before the empty line. Raises HTTPInputError."""
    text = data.decode("latin-1")
    end = text.find("\r\n")
    started = _START.fullmatch(text, 0, end if end >= 0 else len(text))
    if started is None:
        raise HTTPInputError("Malformed request line")
    headers = Fields()
    if end >= 0:
        if _FIELDS.fullmatch(text, end) is None:
            raise HTTPInputError("Malformed header line")
        for line in text[end + 2 :].split("\r\n"):
            name, _, value = line.partition(":")
            if name in headers:
                headers.add(name, value.strip(BLANK))
            else:
                headers[name] = value.strip(BLANK)
    start = RequestStartLine(*started.groups())
    length = _length(headers, start.version)
    return Head(start, headers, _keep_alive(headers, start.version), length, _continues(headers, start.version))


def _length(headers: HTTPHeaders, version: str) -> int | None:
    """Where the body ends. Equal lengths that a proxy has joined with commas are one length."""
    coding, length = headers.get("Transfer-Encoding"), headers.get("Content-Length")
    if coding is not None:
        if length is not None or version != "HTTP/1.1" or coding.lower() != "chunked":
            raise HTTPInputError("Unsupported Transfer-Encoding, or one beside a Content-Length")
        return None
    if length is None:
        return 0
    said = {each.strip(BLANK) for each in length.split(",")} if "," in length else {length}
    one = said.pop()
    if said or not (one.isascii() and one.isdecimal()):
        raise HTTPInputError("Malformed Content-Length")
    return int(one) if len(one) <= _LONGEST_LENGTH else 10**_LONGEST_LENGTH


def _keep_alive(headers: HTTPHeaders, version: str) -> bool:
    connection = headers.get("Connection")
    if connection is None:
        return version == "HTTP/1.1"
    options = {each.strip(BLANK) for each in connection.lower().split(",")}
    return "close" not in options if version == "HTTP/1.1" else "keep-alive" in options


def _continues(headers: HTTPHeaders, version: str) -> bool:
    return version == "HTTP/1.1" and headers.get("Expect", "").lower() == "100-continue"
