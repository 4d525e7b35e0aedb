"""One client's connection: bytes in, requests to Tornado's `Application`, bytes out; one request at a time.

Stands where Tornado's `HTTP1Connection` and `IOStream` would (measured in bench/README.md) and calls the application
through its public `start_request`. A client that asks ahead waits in a bounded buffer. Who is slow is met by the
kernel: reading pauses while the buffer is full, writes wait while the client does not read.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from tornado.httputil import HTTPInputError, HTTPMessageDelegate
from tornado.iostream import StreamClosedError
from typing_extensions import override

from tornadogw.server.http_body import Body, body_of
from tornadogw.server.http_exchange import Context, HttpExchange
from tornadogw.server.http_head import Head, read_head

__all__ = ["Connection", "Front"]

log = logging.getLogger(__name__)

AHEAD = 65536
"""Bytes that may wait while a request is being answered."""
CLOSING = 5.0
"""Seconds within which a closed connection's last bytes must have left."""
_BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Front(Protocol):
    """What connections share."""

    max_header: int
    max_body: int
    start: Callable[[object, HttpExchange], HTTPMessageDelegate]
    """`Application.start_request`."""
    stopping: bool
    """Each request is the last of its connection."""

    def joined(self, connection: Connection) -> None:
        """A client has come."""

    def left(self, connection: Connection) -> None:
        """A connection is gone."""


class Connection(asyncio.Protocol):
    """The state of one connection. `waiting_since` is the loop's time since which a request's head is awaited."""

    def __init__(self, front: Front) -> None:
        self.context = Context("0.0.0.0")  # noqa: S104 -- for a socket without addresses, as Tornado says it
        self.waiting_since: float | None = None
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._arrived = bytearray()
        self._scanned = 0  # bytes of `_arrived` that hold no end of a head
        self._paused = False
        self._fresh = True  # nothing was asked yet
        self._exchange: HttpExchange | None = None
        self._delegate: HTTPMessageDelegate | None = None  # while the request is on its way
        self._body: Body | None = None  # once the handler wants it
        self._continues = False
        self._full = False  # the client does not read
        self._writers: list[Future[None]] = []  # who waits for it
        self._closing: asyncio.TimerHandle | None = None
        self._ready = self._loop.create_future()
        self._ready.set_result(None)

    # --- for exchanges -----------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> Future[None]:
        """Write; the result is done once there is room for more."""
        transport = self._transport
        if transport is None or transport.is_closing():
            nobody: Future[None] = self._loop.create_future()
            _fail(nobody, StreamClosedError())
            return nobody
        transport.write(data)
        if not self._full:
            return self._ready
        room = self._loop.create_future()  # one each: who gives up waiting cancels it
        self._writers.append(room)
        return room

    def answered(self) -> None:
        """The answer is written; the next request's turn, or the end."""
        exchange = self._exchange
        if exchange is None:
            return
        ends = not exchange.keep_alive or self._front.stopping
        if ends or self._delegate is not None:  # an unread body ends the connection, too
            self.close()
            return
        self._exchange = None
        self._wait()
        if self._arrived:
            self._loop.call_soon(self._advance)

    def close(self) -> None:
        """No more requests; what was written still leaves, for a while."""
        transport = self._transport
        if transport is None or self._closing is not None:
            return
        self._closing = self._loop.call_later(CLOSING, transport.abort)
        transport.close()

    @property
    def owed(self) -> bool:
        """Whether a request is being read or answered, or the first one may be on its way."""
        return self._fresh or self._exchange is not None

    def close_if_idle(self, *, fresh: bool = False) -> None:
        """Close unless a request is being read or answered; `fresh`: also if none was sent yet."""
        if self._exchange is None and (fresh or not self._fresh):
            self.close()

    # --- called by the loop ------------------------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.context = Context(peer[0])
        self._front.joined(self)
        self._wait()

    @override
    def data_received(self, data: bytes) -> None:
        self._arrived += data
        if self._closing is None:
            self._advance()
            if len(self._arrived) > AHEAD + self._front.max_header and not self._paused:
                self._pause()
        else:
            self._arrived.clear()  # nobody reads what comes after the end

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._front.left(self)
        self.waiting_since = None
        if self._closing is not None:
            self._closing.cancel()
        self._transport = None
        self._arrived.clear()
        for room in self._writers:
            _fail(room, StreamClosedError(exc))
        exchange, delegate = self._exchange, self._delegate
        self._exchange = self._delegate = self._body = None
        if delegate is not None:  # it waits for the rest of its body
            delegate.on_connection_close()
        elif exchange is not None:
            exchange.lost()

    @override
    def pause_writing(self) -> None:
        self._full = True

    @override
    def resume_writing(self) -> None:
        self._full = False
        for room in self._writers:
            if not room.done():
                room.set_result(None)
        self._writers.clear()

    # --- reading -----------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """As far as what has arrived goes."""
        try:
            while self._step():
                pass
        except Exception as error:  # noqa: BLE001 -- whatever it is, it ends this connection and no other
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        """A client that does not speak HTTP is told so; our own bug ends the connection."""
        if isinstance(error, HTTPInputError):
            log.info("malformed request from %s: %s", self.context.remote_ip, error)
            self._refuse(_BAD)
        else:
            log.error("a request could not be handled", exc_info=error)
            self._refuse(b"")

    def _step(self) -> bool:
        """One part of one request; False: more must come, or somebody is to be waited for."""
        if self._closing is not None or self._transport is None:
            return False
        if self._exchange is None:
            return self._read_head()
        return self._body is not None and self._read_body(self._body)

    def _read_head(self) -> bool:
        arrived = self._arrived
        while arrived.startswith(b"\r\n"):  # some clients end a body with one too many
            del arrived[:2]
        end = arrived.find(b"\r\n\r\n", self._scanned)
        if end < 0 or end > self._front.max_header:
            self._scanned = max(0, len(arrived) - 3)
            if len(arrived) > self._front.max_header:
                self._refuse(_TOO_LARGE)
            return False
        head = read_head(bytes(arrived[:end]))
        del arrived[: end + 4]
        self._scanned = 0
        self.waiting_since = None
        self._begin(head)
        return True

    def _begin(self, head: Head) -> None:
        """The application takes the request; its body is read once the application is ready for it."""
        self._fresh = False
        self._exchange = exchange = HttpExchange(self, head, self._front.max_body)
        if self._front.stopping:
            exchange.keep_alive = False
        self._delegate = delegate = self._front.start(self, exchange)
        self._continues = head.continues
        ready = delegate.headers_received(head.start, head.headers)
        body = body_of(head.length)
        if ready is None:
            self._open(exchange, head, body)
        else:
            self._after(ready, lambda: self._open(exchange, head, body))

    def _open(self, exchange: HttpExchange, head: Head, body: Body) -> None:
        if self._exchange is not exchange or self._delegate is None:
            return
        if head.length is not None and head.length > exchange.max_body:
            raise HTTPInputError("Content-Length too long")
        if head.continues and not exchange.finished and not self._arrived and not body.done:
            _ = self.send(_CONTINUE)
        self._body = body

    def _read_body(self, body: Body) -> bool:
        delegate, exchange = self._delegate, self._exchange
        if delegate is None or exchange is None:
            return False
        if not body.done:
            data = body.take(self._arrived)
            exchange.max_body -= len(data)
            if exchange.max_body < 0:
                raise HTTPInputError("the body is too large")
            self._resume()
            if data and (busy := delegate.data_received(data)) is not None:
                self._body = None
                self._after(busy, lambda: self._go_on(body))
                return False
        if self._delegate is None or not body.done:
            return False
        self._delegate = self._body = None
        delegate.finish()
        return True

    def _go_on(self, body: Body) -> None:
        if self._delegate is not None:
            self._body = body

    def _after(self, ready: Awaitable[None], then: Callable[[], None]) -> None:
        """Go on once the application is ready."""

        def go_on(waited: Future[None]) -> None:
            if self._transport is None:
                return
            try:
                waited.result()
                then()
            except Exception as error:  # noqa: BLE001 -- likewise
                self._fault(error)
            self._advance()

        asyncio.ensure_future(ready).add_done_callback(go_on)

    def _refuse(self, answer: bytes) -> None:
        """The connection ends; the application, if it has begun, is told that its client has gone."""
        delegate = self._delegate
        self._exchange = self._delegate = self._body = None
        if answer:
            _ = self.send(answer)
        self.close()
        if delegate is not None:
            delegate.on_connection_close()

    # --- parts -------------------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """For the next request."""
        self.waiting_since = self._loop.time()
        self._resume()

    def _pause(self) -> None:
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and len(self._arrived) <= AHEAD:
            self._paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()


def _fail(room: Future[None], error: StreamClosedError) -> None:
    """Not everybody who writes waits for it: the error counts as seen."""
    if not room.done():
        room.set_exception(error)
        room.exception()
