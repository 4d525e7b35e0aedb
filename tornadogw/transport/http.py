"""The HTTP engine: connections that wait in a pool, and requests that take them out."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Self

from tornadogw.transport.base import TransportError, Upstream, read_body
from tornadogw.transport.http_answer import Answer
from tornadogw.transport.http_connection import Connection, Key
from tornadogw.transport.http_dial import dial
from tornadogw.transport.http_wire import Address, parse_proxy, parse_url, request_head
from tornadogw.types import UpstreamRequest

__all__ = ["HttpPool"]

READ = 65536
"""Bytes that one read of a socket may bring."""
STALE = 0.5
"""Seconds within which a pooled connection that the server had closed shows it."""
RESTED = 1.0
"""Seconds that a connection has waited at least for its loss to mean that the server had closed it: sooner, the loss
is the answer to the request.
"""
POOL_SECONDS = 30.0
"""How long an idle connection is kept. Servers that keep it shorter are met by the one silent retry."""


class HttpPool:
    """The connections. Made inside the running loop. It has no limit: the gateway's own decide how many calls run."""

    def __init__(self, tls: ssl.SSLContext | None, user_agent: str) -> None:
        self.user_agent = user_agent
        self._loop = asyncio.get_running_loop()
        self._tls = tls if tls is not None else ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._buffer = memoryview(bytearray(READ))
        self._all: set[Connection] = set()
        self._idle: dict[Key, list[Connection]] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    def send(self, request: UpstreamRequest, connect: float, proxy: str) -> AbstractAsyncContextManager[Upstream]:
        return _HttpUpstream(self, request, connect, proxy)

    async def close(self) -> None:
        """Abort every connection; who waits for one or reads gets a reset."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._idle.clear()
        for connection in list(self._all):
            connection.abort()
        await asyncio.sleep(0)  # the loop closes the sockets

    def idle(self, key: Key) -> Connection | None:
        """A waiting connection: the one that waits since the shortest time, so that the others can grow old."""
        waiting = self._idle.get(key, [])
        while waiting:
            connection = waiting.pop()
            if not connection.has_news():
                return connection
            connection.abort()
        return None

    async def dial(self, address: Address, proxy: str, seconds: float) -> Connection:
        """A new connection."""
        make = partial(Connection, (address.origin, proxy), self._forget, self._buffer)
        connection = await dial(make, address, parse_proxy(proxy) if proxy else None, self._tls, seconds)
        if self._closed:
            connection.abort()
            raise TransportError("reset", f"{address.place}: the transport was closed")
        if not connection.gone:
            self._all.add(connection)
        return connection

    def put_back(self, connection: Connection) -> None:
        """A connection after its answer; it waits for the next request if it can carry one."""
        if not connection.release() or self._closed:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        self._idle.setdefault(connection.key, []).append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_at(connection.idle_since + POOL_SECONDS, self._sweep)

    def _forget(self, connection: Connection) -> None:
        """The connection is of no use any more."""
        self._all.discard(connection)
        waiting = self._idle.get(connection.key, [])
        if connection in waiting:
            waiting.remove(connection)

    def _sweep(self) -> None:
        """Close what has waited too long, and come back when the next one will have."""
        border = self._loop.time() - POOL_SECONDS
        kept: dict[Key, list[Connection]] = {}
        for key, waiting in self._idle.items():
            for connection in waiting:
                if connection.idle_since <= border:
                    connection.abort()
                else:
                    kept.setdefault(key, []).append(connection)
        self._idle = kept
        self._sweeping = None
        if kept:
            oldest = min(waiting[0].idle_since for waiting in kept.values())
            self._sweeping = self._loop.call_at(oldest + POOL_SECONDS, self._sweep)


class _HttpUpstream:
    """One request and its answer."""

    def __init__(self, pool: HttpPool, request: UpstreamRequest, connect: float, proxy: str) -> None:
        self._pool = pool
        self._request = request
        self._connect = connect
        self._proxy = proxy
        self._place = ""
        self._connection: Connection | None = None
        self._answer: Answer | None = None
        self._headers: dict[str, str] | None = None

    async def __aenter__(self) -> Self:
        request, pool = self._request, self._pool
        address = parse_url(request.url)
        proxy = parse_proxy(self._proxy) if self._proxy else None
        self._place = address.place
        head = request_head(request.method, address, request.headers, len(request.body), pool.user_agent, proxy)
        connection = pool.idle((address.origin, self._proxy))
        if connection is not None and await self._answered(connection, head):
            return self
        fresh = await pool.dial(address, self._proxy, self._connect)
        try:
            await self._answered(fresh, head)
        except TransportError as error:
            if connection is None or error.kind != "reset":
                raise
            raise TransportError("lost", str(error)) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.put_back(connection)

    async def _answered(self, connection: Connection, head: bytes) -> bool:
        """Whether the head of an answer came.

        The server may have closed a connection that waited in the pool while we picked it: then the end shows at once
        and no byte came, so nobody has worked, and another connection may be asked. An end after `STALE` seconds may
        follow work, and a reset alone is an answer to the request: whoever closes for other reasons says so before.
        """
        clock = asyncio.get_running_loop().time
        asked = clock()
        fresh = not connection.used or asked - connection.idle_since < RESTED
        answer = connection.ask(head, self._request.body, head_only=self._request.method == "HEAD")
        try:
            while not (answer.headed or answer.over):
                await connection.news()
        except BaseException:
            connection.abort()
            raise
        if answer.headed:
            self._connection, self._answer = connection, answer
            return True
        closed = connection.ended
        connection.abort()
        if fresh or not closed or answer.heard or clock() - asked > STALE:
            raise self._told(answer)
        return False

    @property
    def status(self) -> int:
        return self._answer.status if self._answer is not None else 0

    @property
    def headers(self) -> dict[str, str]:
        if self._headers is None:
            self._headers = self._answer.headers() if self._answer is not None else {}
        return self._headers

    async def read(self) -> bytes:
        connection, answer = self._connection, self._answer
        if connection is None or answer is None:
            raise RuntimeError("an answer is read inside its block")
        while not answer.unread:
            if answer.fault is not None:
                raise self._told(answer)
            if answer.whole:
                return b""
            await connection.news()
        data = answer.take()
        connection.relax()
        return data

    async def body(self, limit: int) -> bytes:
        return await read_body(self, limit)

    def _told(self, answer: Answer) -> TransportError:
        kind, words = answer.fault or ("reset", "the connection was lost")
        return TransportError(kind, f"{self._place}: {words}")
