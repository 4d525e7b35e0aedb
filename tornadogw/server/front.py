"""The HTTP server: sockets that listen, and the connections that they bring, swept while they idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from socket import socket

from tornado.httputil import HTTPMessageDelegate
from tornado.web import Application

from tornadogw.server.http_connection import Connection
from tornadogw.server.http_exchange import HttpExchange

__all__ = ["BACKLOG", "Front"]

BACKLOG = 128
"""Connections that may wait to be accepted."""
GREETING = 1.0
"""Seconds that who has just connected has for a request when a front stops."""
GLANCE = 0.01
"""Seconds between two looks at who still waits, while stopping."""
SWEEPS = 15
"""Sweeps within the time that a connection may idle: none is much late."""


class Front:
    """Serves an application on sockets that listen already. Made inside the running loop.

    `max_header`, `max_body`: bytes. `idle`: seconds that a connection may wait for the whole head of a request.
    """

    def __init__(self, app: Application, *, max_header: int, max_body: int, idle: float) -> None:
        self.max_header, self.max_body = max_header, max_body
        self.start: Callable[[object, HttpExchange], HTTPMessageDelegate] = app.start_request
        self.connections: set[Connection] = set()
        self.stopping = False
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._servers: list[asyncio.Server] = []
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, sockets: Iterable[socket]) -> None:
        """Accept from now on."""
        for each in sockets:
            self._servers.append(await self._loop.create_server(self._connection, sock=each, backlog=BACKLOG))
        self._sweep()

    def stop(self) -> None:
        """Accept nothing more; who waits for nothing is told so. Answers that are running go on.

        Who has just connected is let ask once: the request may be on its way, and would not be repeated.
        """
        self.stopping = True
        for server in self._servers:
            server.close()
        self._servers.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self.connections):
            connection.close_if_idle()

    async def answered(self) -> None:
        """After `stop`: wait for the requests of those who had just connected, and for short answers. A second at most.

        Then nobody is let ask any more; what is still being answered goes on.
        """
        for _ in range(round(GREETING / GLANCE)):  # cheaper than a word from each connection at all times
            if not any(each.owed for each in self.connections):
                break
            await asyncio.sleep(GLANCE)
        for connection in list(self.connections):
            connection.close_if_idle(fresh=True)

    async def close(self) -> None:
        """End every connection, and wait until the loop knows of none: seconds at most, while last bytes leave."""
        self.stop()
        for connection in list(self.connections):
            connection.close()
        await self._deserted.wait()

    def joined(self, connection: Connection) -> None:
        """A client has come."""
        self.connections.add(connection)
        self._deserted.clear()

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self._deserted.set()

    def _connection(self) -> Connection:
        return Connection(self)

    def _sweep(self) -> None:
        """Close who has waited for too long, and come back."""
        border = self._loop.time() - self._idle
        for connection in list(self.connections):
            if connection.waiting_since is not None and connection.waiting_since < border:
                connection.close()
        self._sweeper = self._loop.call_later(self._idle / SWEEPS, self._sweep)
