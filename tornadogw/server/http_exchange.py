"""One request and its answer on a connection, as Tornado's `Application` and handlers know it."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import Protocol

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPOutputError,
    RequestStartLine,
    ResponseStartLine,
)
from typing_extensions import override

from tornadogw.server.http_head import Head

__all__ = ["Context", "HttpExchange", "Line"]

_BODILESS = frozenset({204, 304})
_FINAL = 200
"""Statuses below it are no answers."""


class Context:
    """What Tornado asks of a connection to tell a request's origin."""

    protocol = "http"

    def __init__(self, remote_ip: str) -> None:
        self.remote_ip = remote_ip


class Line(Protocol):
    """The connection, as an exchange needs it."""

    context: Context

    def send(self, data: bytes) -> Future[None]:
        """Write; done once there is room for more, failed with StreamClosedError once nobody reads."""

    def answered(self) -> None:
        """The exchange has written its last byte."""

    def close(self) -> None:
        """End the connection: what was written still leaves, for a while."""


class HttpExchange(HTTPConnection):
    """Writes one answer. It ends the connection where the length of the answer would otherwise be a lie."""

    def __init__(self, line: Line, head: Head, max_body: int) -> None:
        self.context = line.context
        self.keep_alive = head.keep_alive
        self.max_body = max_body
        """Bytes of the body beyond which the connection is ended; what handlers allow is less."""
        self.finished = False
        self._line = line
        self._asked: RequestStartLine = head.start
        self._chunked = False
        self._left: int | None = None  # of the answer's Content-Length
        self._when_closed: Callable[[], None] | None = None

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Who is told when the client leaves before the answer is whole."""
        self._when_closed = callback

    def set_max_body_size(self, max_body_size: int) -> None:
        """Bytes of the body that may come from now on."""
        self.max_body = max_body_size

    @override
    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future[None]:
        _, status, reason = start_line
        self._frame(int(status), headers)
        lines = [f"HTTP/1.1 {status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers.get_all()]
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
            raise ValueError("a header of the answer holds a line break")
        data = head.encode("latin-1") + b"\r\n\r\n"
        return self._line.send(data + self._framed(chunk) if chunk else data)

    @override
    def write(self, chunk: bytes) -> Future[None]:
        return self._line.send(self._framed(chunk))

    @override
    def finish(self) -> None:
        if self._left:
            self._line.close()
            raise HTTPOutputError(f"{self._left} bytes less than the Content-Length of the answer")
        if self._chunked:
            _ = self._line.send(b"0\r\n\r\n")
        self.finished = True
        self._when_closed = None
        self._line.answered()

    def close(self) -> None:
        """End the connection now; an answer that is not whole shows it."""
        self._line.close()

    def lost(self) -> None:
        """The client has left; who waits is told once."""
        callback, self._when_closed = self._when_closed, None
        if callback is not None:
            callback()

    def _frame(self, status: int, headers: HTTPHeaders) -> None:
        """How the end of the answer is told, and whether another may follow."""
        asked = self._asked
        bodiless = asked.method == "HEAD" or status in _BODILESS or status < _FINAL
        if "Content-Length" in headers:
            self._left = 0 if bodiless else int(headers["Content-Length"])
        elif not bodiless and asked.version == "HTTP/1.1":
            self._chunked = True
            headers["Transfer-Encoding"] = "chunked"
        elif not bodiless:
            self.keep_alive = False  # its end is the connection's
        if "Connection" in headers and headers["Connection"].lower() == "close":
            self.keep_alive = False
        elif not self.keep_alive:
            headers["Connection"] = "close"
        elif asked.version == "HTTP/1.0":
            headers["Connection"] = "keep-alive"

    def _framed(self, chunk: bytes) -> bytes:
        if self._chunked:
            return b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunk else b""  # an empty one would be the last
        if self._left is not None:
            if len(chunk) > self._left:
                self._line.close()
                raise HTTPOutputError("more bytes than the Content-Length of the answer")
            self._left -= len(chunk)
        return chunk
