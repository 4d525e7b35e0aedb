"""HTTP to the upstreams: the one room with sockets to vendors, and one way in, `Transport.send`.

It sends what a vendor wrote and nothing more: no cookies, no redirects (a 3xx is an answer), no compression, no proxy
or netrc out of the environment. Only `connect` is a deadline here; the others belong to the caller, who wraps the
awaits in `asyncio.timeout`. Leaving the block of `send` before the end of the body aborts the TCP connection at once:
the upstream must stop generating. After a clean end the connection waits in the pool.

`http` is the engine, replaceable by measurement; `loop` answers `loop://` in the process.
"""

from __future__ import annotations

import ssl
from contextlib import AbstractAsyncContextManager

from tornadogw.transport.base import TransportError, Upstream
from tornadogw.transport.http import HttpPool
from tornadogw.transport.loop import LoopUpstream
from tornadogw.types import UpstreamRequest

__all__ = ["Transport", "TransportError", "Upstream"]


class Transport:
    """All connections to all upstreams. `tls` replaces the system's trusted authorities (a private one, tests)."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, user_agent: str = "tornadogw") -> None:
        self._tls = tls
        self._user_agent = user_agent
        self._pool: HttpPool | None = None

    async def open(self) -> None:
        """Make the pool; needs the running loop. Connections are made when they are needed."""
        self._pool = HttpPool(self._tls, self._user_agent)

    async def close(self) -> None:
        """Close every connection. Answers that are still being read end by an error."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    def send(
        self, request: UpstreamRequest, *, connect: float, proxy: str = ""
    ) -> AbstractAsyncContextManager[Upstream]:
        """Send `request`; the block gets the answer once its headers are there.

        :param connect: seconds for name lookup, TCP, proxy and TLS; only where no pooled connection is at hand.
        :param proxy: URL of an HTTP proxy; https upstreams are reached through a tunnel.
        :raise TransportError: entering and every read may; the message holds no credential and no query.
        """
        if request.url.startswith("loop:"):
            return LoopUpstream(request)
        if self._pool is None:
            raise RuntimeError("the transport is not open")
        return self._pool.send(request, connect, proxy)
