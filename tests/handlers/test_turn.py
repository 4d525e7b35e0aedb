"""A handler's turn, called as a server calls it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPInputError, RequestStartLine
from tornado.web import Application

from tornadogw.errors import RateLimited
from tornadogw.handlers.base import BaseHandler
from tornadogw.handlers.turn import SHORT, Turn

SERVER = SimpleNamespace(language="en", body_timeout=60)


class Connection(HTTPConnection):
    """Keeps what is written."""

    context = SimpleNamespace(remote_ip="127.0.0.1", protocol="http")

    def __init__(self):
        self.status, self.body, self.finished, self.closed, self.broken = 0, b"", False, False, False

    def set_close_callback(self, callback):
        """Nobody leaves by this way."""

    def set_max_body_size(self, size):
        """There is none."""

    def write_headers(self, start_line, headers, chunk=None):
        if self.broken:
            raise ValueError("a header of the answer holds a line break")
        self.status, self.headers = start_line.code, headers
        return self.write(chunk or b"")

    def write(self, chunk):
        self.body += chunk
        written = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written

    def finish(self):
        self.finished = True

    def close(self):
        self.closed = True


class Handler(BaseHandler):
    """Says what it was given. Its checks wait until they may pass."""

    verbs = ("POST",)

    def initialize(self, parts):
        super().initialize(parts)
        self.got, self.told, self.posted = b"", asyncio.Event(), False
        self.error = None

    async def check(self):
        await self.told.wait()
        await super().check()
        if self.error is not None:
            raise self.error

    def data_received(self, chunk):
        self.got += chunk

    async def post(self, *rest):
        self.posted = True
        self.write(b"%d %s" % (len(self.got), " ".join(rest).encode()))


class Quick(Handler):
    def post(self, *rest):
        """Leaves the answer's end to others."""


def begun(kind=Handler, verb="POST", **headers):
    """A turn whose head has come, its handler, its connection, and what the server is to wait for."""
    parts = SimpleNamespace(settings=SimpleNamespace(server=SERVER), ready=SimpleNamespace(draining=False))
    connection, app = Connection(), Application(date=lambda: "today", log_function=lambda _: None)
    turn = Turn(lambda request: (kind(app, request, parts=parts), ["rest"]), object(), connection)
    sent = HTTPHeaders({"Host": "x"} | {name.replace("_", "-"): value for name, value in headers.items()})
    ready = turn.headers_received(RequestStartLine(verb, "/x", "HTTP/1.1"), sent)
    return turn, turn._handler, connection, ready


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", [Handler, Quick])
async def test_a_short_body_comes_beside_the_checks(kind):
    turn, handler, connection, ready = begun(kind, Content_Length="4")
    assert ready is None
    turn.data_received(b"bo")
    turn.data_received(b"dy")
    turn.finish()
    await settled()
    assert (handler.got, connection.finished) == (b"", False)  # not before the checks
    handler.told.set()
    await settled()
    assert (handler.got, connection.status, connection.finished) == (b"body", 200, True)
    assert connection.body == (b"4 rest" if kind is Handler else b"")


async def test_the_end_of_a_body_is_waited_for():
    turn, handler, connection, _ = begun(Content_Length="4")
    handler.told.set()
    turn.data_received(b"bo")
    await settled()
    assert (handler.got, handler.posted) == (b"bo", False)
    turn.data_received(b"dy")
    turn.finish()
    await settled()
    assert connection.body == b"4 rest"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Length": str(SHORT + 1)},
        {"Content_Length": "9" * 5000},
        {"Content_Length": "\u00b2"},
        {"Transfer_Encoding": "chunked"},
        {"Content_Length": "4", "Expect": "100-continue"},
    ],
)
async def test_any_other_body_waits_for_the_checks(headers):
    turn, handler, connection, ready = begun(**headers)
    await settled()
    assert not ready.done()
    handler.told.set()
    await ready
    turn.data_received(b"body")
    assert handler.got == b"body"
    turn.finish()
    await settled()
    assert connection.body == b"4 rest"


async def test_a_refusal_after_a_whole_body_keeps_the_connection():
    turn, handler, connection, _ = begun(Content_Length="4")
    turn.data_received(b"body")
    turn.finish()
    handler.error = RateLimited(retry_after=1)
    handler.told.set()
    await settled()
    assert (connection.status, connection.finished, handler.posted) == (429, True, False)
    assert "Connection" not in connection.headers


async def test_a_refusal_before_the_body_ends_the_connection():
    turn, handler, connection, ready = begun(Content_Length=str(SHORT + 1))
    handler.error = RateLimited(retry_after=1)
    handler.told.set()
    await ready
    assert (connection.status, connection.headers["Connection"]) == (429, "close")
    assert (connection.finished, handler.posted) == (False, False)  # what is on its way is read and dropped
    turn.data_received(b"x" * (SHORT + 1))
    turn.finish()
    await settled()
    assert (connection.finished, connection.closed, handler.posted) == (True, True, False)


@pytest.mark.parametrize("when", ["checks", "body"])
async def test_who_leaves_is_not_answered(when):
    turn, handler, connection, _ = begun(Content_Length="4")
    if when == "body":
        handler.told.set()
    await settled()
    turn.on_connection_close()
    handler.told.set()
    await settled()
    assert turn._task.done()
    assert (handler.posted, connection.status) == (False, 0)


async def test_a_bug_is_told_once(claim_log):
    claim_log("tornadogw.handlers", "failed")
    turn, handler, connection, _ = begun()
    turn.finish()
    handler.error = ZeroDivisionError()
    handler.told.set()
    await settled()
    assert (connection.status, connection.finished, turn._task.exception()) == (500, True, None)


async def test_an_answer_that_cannot_be_written_ends_the_connection(claim_log):
    claim_log("tornadogw.handlers", "cannot be answered")
    turn, handler, connection, _ = begun()
    turn.finish()
    connection.broken, handler.error = True, RateLimited(retry_after=1)
    handler.told.set()
    await settled()
    assert (connection.closed, turn._task.exception()) == (True, None)


async def test_a_task_that_is_cancelled_answers_and_ends():
    turn, _, connection, _ = begun(Content_Length="4")
    await settled()
    turn._task.cancel()
    await settled()
    assert turn._task.cancelled()
    assert (connection.status, connection.headers["Connection"]) == (500, "close")
    turn.on_connection_close()


async def test_a_head_that_is_refused_has_no_handler_to_tell():
    turn = Turn(None, None, Connection())
    with pytest.raises(HTTPInputError):
        turn.headers_received(RequestStartLine("GET", "/", "HTTP/1.1"), HTTPHeaders({"Host": "a/b"}))
    turn.on_connection_close()
