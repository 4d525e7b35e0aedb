"""The client as the exchange sees it: bytes go out and wait for the socket, or are held back, or have no reader."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tornado.iostream import StreamClosedError

from tornadogw.attempt import Drain
from tornadogw.handlers.base import BaseHandler
from tornadogw.relay.pump import ClientGone

__all__ = ["BUFFERED", "BufferedClient", "HttpClient"]

STALLED = 60.0
"""Seconds that a client may leave its receive window closed before it counts as gone."""
BUFFERED = "X-Gateway-Buffer"
"""Asked for with `full`, and said back where it is done."""


class HttpClient:
    """A `Client` at the other end of a handler's connection."""

    def __init__(self, handler: BaseHandler) -> None:
        self._handler = handler
        self.started = False
        self.gone = False
        self._drain: Drain | None = None
        self._enough = 0
        """Tokens at which an answer that nobody reads is long enough."""

    def announce(self, *, stream: bool, headers: Mapping[str, str], drain: Drain | None = None) -> None:
        handler = self._handler
        self._drain = drain
        handler.clear_header("X-Gateway-Dropped")  # of a route that failed before this one
        for name, value in headers.items():
            handler.fields[name] = value
        if stream:
            handler.fields["Content-Type"] = "text/event-stream; charset=utf-8"
            handler.fields["Cache-Control"] = "no-cache"
            handler.fields["X-Accel-Buffering"] = "no"
        else:
            handler.fields["Content-Type"] = "application/json; charset=utf-8"

    def read_nothing_on(self) -> None:
        """There is no time for answers without a reader."""
        self._drain = None

    def leaves(self) -> float:
        """The client has gone. Seconds for which its answer is read to its end all the same; 0: it is not."""
        if self._drain is None:
            return 0.0
        self.gone = True
        self._enough = self._drain.produced() + self._drain.tokens
        return self._drain.seconds

    async def write(self, data: bytes) -> None:
        if self.gone:
            self._unread()
            return
        self.started = True
        self._handler.write(data)
        await self._sent(self._handler.flush())

    async def finish(self, data: bytes) -> None:
        if self.gone:
            return
        if not self.started:
            self._handler.fields["Content-Length"] = str(len(data))
        self.started = True
        await self._sent(self._handler.finish(data))

    def _unread(self) -> None:
        """Raises ClientGone when enough was read for nobody."""
        if self._drain is None or self._drain.produced() >= self._enough:
            raise ClientGone

    async def _sent(self, future: asyncio.Future[None]) -> None:
        """Waits until the bytes have left; the fast way when they already have."""
        try:
            if future.done():
                future.result()
                return
            async with asyncio.timeout(STALLED):
                await future
        except (StreamClosedError, TimeoutError):
            if not self.gone:  # else it left while it was waited for, and the answer is read on
                raise ClientGone from None


class BufferedClient:
    """Holds a stream back until it is whole, so that any fault of an upstream can be hidden.

    Only so much of it: a longer one goes out from there on, as ever.
    """

    def __init__(self, client: HttpClient, most: int) -> None:
        """`most`: bytes."""
        self._client, self._most = client, most
        self._held: list[bytes] = []
        self._size = 0

    @property
    def started(self) -> bool:
        return self._client.started

    @property
    def gone(self) -> bool:
        return self._client.gone

    def announce(self, *, stream: bool, headers: Mapping[str, str], drain: Drain | None = None) -> None:
        self._take()  # of a route that failed before this one
        self._client.announce(stream=stream, headers={**headers, BUFFERED: "full"}, drain=drain)

    async def write(self, data: bytes) -> None:
        self._held.append(data)
        self._size += len(data)
        if self.started or self.gone or self._size > self._most:
            await self._client.write(self._take())

    async def finish(self, data: bytes) -> None:
        await self._client.finish(self._take() + data)

    def _take(self) -> bytes:
        held = b"".join(self._held)
        self._held.clear()
        self._size = 0
        return held
