"""The HTTP engine: a pool on aiohttp, cut down to what a gateway needs."""

from __future__ import annotations

import asyncio
import contextvars
import io
import os
import ssl
import weakref
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import aiohttp
from multidict import CIMultiDict
from typing_extensions import override
from yarl import URL

from tornadogw.transport.base import Kind, TransportError, Upstream, read_body
from tornadogw.types import UpstreamRequest

__all__ = ["HttpPool"]

READ_BUFFER = 65536
"""Bytes. Above twice of it an unread answer pauses its socket; below it reading goes on."""
HEADER_LINE = 16384
"""Bytes of one response header, or of the status line."""
HEADER_COUNT = 128
LARGE_BODY = 1 << 19
"""Bytes."""
POOL_SECONDS = 30.0
"""How long an idle connection is kept. Servers that keep it shorter are met by the one silent retry."""
DNS_SECONDS = 30


class HttpPool:
    """The connections. Made inside the running loop."""

    def __init__(self, tls: ssl.SSLContext | None, user_agent: str) -> None:
        self._session = aiohttp.ClientSession(
            connector=_Connector(
                ssl=tls if tls is not None else True,
                limit=0,  # the gateway's own limits decide how many calls run; a queue here would hide their wait
                keepalive_timeout=POOL_SECONDS,
                ttl_dns_cache=DNS_SECONDS,
            ),
            headers={"User-Agent": user_agent},
            skip_auto_headers=("Accept", "Content-Type"),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=READ_BUFFER,
            max_line_size=HEADER_LINE,
            max_field_size=HEADER_LINE,
            max_headers=HEADER_COUNT,
        )

        self._running: set[_HttpUpstream] = set()

    def send(self, request: UpstreamRequest, connect: float, proxy: str) -> AbstractAsyncContextManager[Upstream]:
        return _HttpUpstream(self._session, self._running, request, connect, proxy)

    async def close(self) -> None:
        for upstream in self._running:
            upstream.abort()  # aiohttp would leave its readers waiting
        await asyncio.sleep(0)
        await self._session.close()


class _Connector(aiohttp.TCPConnector):
    """Hands the connection of a request to its `_HttpUpstream`, and weeds out pooled ones that cannot be trusted."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: weakref.WeakSet[Any] = weakref.WeakSet()

    @override
    async def connect(self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout) -> Any:
        upstream = _CURRENT.get()
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            reused = protocol in self._used
            # `should_close` on a pooled connection: bytes came while it was idle, and they would be read as the
            # answer of this request. They belong to nobody.
            if reused and protocol is not None and (upstream.only_fresh or protocol.should_close):
                connection.close()
                continue
            self._used.add(protocol)
            upstream.wire, upstream.reused = connection.transport, reused
            return connection


class _HttpUpstream:
    def __init__(
        self,
        session: aiohttp.ClientSession,
        running: set[_HttpUpstream],
        request: UpstreamRequest,
        connect: float,
        proxy: str,
    ) -> None:
        self._session = session
        self._running = running
        self._request = request
        self.status = 0
        self._connect = connect
        self._proxy = proxy
        self._response: aiohttp.ClientResponse | None = None
        self._failure: TransportError | None = None
        self.wire: asyncio.Transport | None = None
        self.reused = False
        self.only_fresh = False

    async def __aenter__(self) -> Self:
        token = _CURRENT.set(self)
        try:
            self._response = await self._sent()
        except BaseException as error:
            self.abort()
            if isinstance(error, _FAULTS):
                raise _told(error, self._request.url) from None  # the cause may quote the URL or a header
            raise
        finally:
            _CURRENT.reset(token)
        self.status = self._response.status
        self._running.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.discard(self)
        response = self._response
        if response is not None and response.connection is not None:
            self.abort()
            response.close()

    async def _sent(self) -> aiohttp.ClientResponse:
        try:
            return await self._attempt()
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, OSError) as error:
            if not self.reused or _partly_answered(error):
                raise
        # The server closed an idle connection while we picked it: no byte of an answer came, so nobody has worked.
        self.only_fresh = True
        self.abort()
        return await self._attempt()

    async def _attempt(self) -> aiohttp.ClientResponse:
        request = self._request
        headers = CIMultiDict(request.headers)
        headers["Accept-Encoding"] = "identity"
        return await self._session.request(
            request.method,
            _address(request.url),
            data=_payload(request.body),
            headers=headers,
            allow_redirects=False,
            proxy=self._proxy or None,
            timeout=_timeout(self._connect),
        )

    def abort(self) -> None:
        """Close the TCP connection now: aiohttp's own `close` would first flush what is not yet written."""
        wire, self.wire = self.wire, None
        if wire is not None:
            wire.abort()

    @property
    def headers(self) -> dict[str, str]:
        response = self._response
        if response is None:
            return {}
        found: dict[str, str] = {}
        for name, value in response.headers.items():
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return found

    async def read(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._response is None:
            raise RuntimeError("not sent")
        content = self._response.content
        try:
            return await content.readany()
        except _FAULTS as error:
            self._failure = _told(error, self._request.url)
        # What came before the failure is still the reader's; the failure waits for the next read.
        content.set_exception(None)  # type: ignore[arg-type]  # aiohttp has no other way to get at its buffer
        rest = content.read_nowait()
        if rest:
            return rest
        raise self._failure

    async def body(self, limit: int) -> bytes:
        return await read_body(self, limit)


_CURRENT: contextvars.ContextVar[_HttpUpstream] = contextvars.ContextVar("tornadogw_upstream")
"""Whose connection is being looked for: aiohttp passes nothing of ours through to its connector."""

_FAULTS = (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, ValueError)
"""What aiohttp raises for a connection or an answer, and (ValueError) for headers and URLs that cannot be sent."""

_WORDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Kind, str], ...] = (
    (aiohttp.ClientConnectorCertificateError, "tls", "the certificate was not accepted"),
    (aiohttp.ClientSSLError, "tls", "the TLS handshake failed"),
    (aiohttp.ClientConnectorDNSError, "connect", "the name was not found"),
    (aiohttp.ClientProxyConnectionError, "connect", "the proxy was not reached"),
    (aiohttp.ClientConnectorError, "connect", "no connection"),
    (aiohttp.ClientHttpProxyError, "connect", "the proxy refused the tunnel"),
    (TimeoutError, "connect", "no connection in time"),
    (aiohttp.ClientPayloadError, "reset", "the answer ended before its end"),
    ((aiohttp.ClientConnectionError, OSError), "reset", "the connection was lost"),
    (aiohttp.InvalidURL, "protocol", "the URL is not valid"),
    (ValueError, "protocol", "a header or the URL cannot be sent"),
    (Exception, "protocol", "the answer is not HTTP"),
)
"""From the special to the general: the first that fits."""


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    """A large body is written piece by piece, so that it does not hold the loop."""
    return io.BytesIO(body) if len(body) > LARGE_BODY else body or None


def _partly_answered(error: Exception) -> bool:
    """Whether a part of the response's head had come before the connection was lost."""
    return isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)


def _told(error: Exception, url: str) -> TransportError:
    """The failure in words that are safe to log: host and the system's reason, never path, query, header or cause."""
    kind, words = next((kind, words) for fits, kind, words in _WORDS if isinstance(error, fits))
    return TransportError(kind, f"{_place(url)}: {words}{_reason(error)}")


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f" ({error.status})"
    cause = error.__cause__ if isinstance(error, aiohttp.ClientConnectionError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f" ({cause.verify_message})"
    if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
        return f" ({os.strerror(cause.errno)})"
    return ""


def _place(url: str) -> str:
    try:
        found = URL(url, encoded=True)
        return f"{found.host}:{found.port}"
    except ValueError:
        return "upstream"


@lru_cache(maxsize=64)
def _timeout(connect: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect)


@lru_cache(maxsize=1024)
def _address(url: str) -> URL:
    """The URL exactly as the vendor wrote it: a signature covers it, and model names hold encoded slashes."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("not a URL")
    return URL(url, encoded=True)
