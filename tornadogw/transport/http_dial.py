"""How a connection comes to be: name lookup, TCP, a proxy's tunnel, TLS - one deadline over all of it."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from itertools import zip_longest
from typing import Any, TypeVar, cast

from typing_extensions import override

from tornadogw.transport.base import TransportError, reason
from tornadogw.transport.http_connection import Connection
from tornadogw.transport.http_wire import Address, Proxy, connect_head

__all__ = ["dial"]

_P = TypeVar("_P", bound=asyncio.BaseProtocol)
_Reached = tuple[asyncio.Transport, _P]

EYEBALLS = 0.25
"""Seconds that an address of a name gets before the next one is tried beside it."""
TUNNEL_HEAD = 16384
"""Bytes of a proxy's answer to CONNECT."""
_NEVER = 86400.0
"""Seconds."""
_YES = range(200, 300)
_NOTHING = 0
"""For a status: there was none to understand."""
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")


async def dial(
    make: Callable[[], Connection],
    address: Address,
    proxy: Proxy | None,
    tls: ssl.SSLContext,
    seconds: float,
    *,
    at: str = "",
) -> Connection:
    """Connect to the upstream within `seconds`. Raises TransportError; nothing is left open then.

    `at`: the IP address to go to, for a name that was looked up before. TLS verifies the name all the same.
    """
    try:
        async with asyncio.timeout(seconds):
            if proxy is None:
                return await _direct(make, address.host, address.port, tls if address.secure else None, at=at)
            if address.secure:
                return await _tunnelled(make, address, proxy, tls)
            return await _direct(make, proxy.host, proxy.port, tls if proxy.secure else None)
    except (OSError, UnicodeError) as error:  # the second: a name that no resolver can be asked for
        raise _told(error, address, proxy) from None


async def _direct(make: Callable[[], _P], host: str, port: int, tls: ssl.SSLContext | None, *, at: str = "") -> _P:
    if tls is None:
        _, protocol = await _reach(make, at or host, port)
        return protocol
    transport, _ = await _reach(asyncio.Protocol, at or host, port)
    return await _secured(make, transport, tls, host)


async def _tunnelled(make: Callable[[], Connection], address: Address, proxy: Proxy, tls: ssl.SSLContext) -> Connection:
    tunnel = await _direct(_Tunnel, proxy.host, proxy.port, tls if proxy.secure else None)
    transport = await tunnel.opened(address, proxy)
    return await _secured(make, transport, tls, address.host)


async def _secured(make: Callable[[], _P], transport: asyncio.Transport, tls: ssl.SSLContext, name: str) -> _P:
    """TLS over a connection that stands. The deadline is the caller's; asyncio's own is put out of the way."""
    protocol = make()
    try:
        secured = await asyncio.get_running_loop().start_tls(
            transport, protocol, tls, server_hostname=name, ssl_handshake_timeout=_NEVER
        )
    except BaseException:
        transport.abort()
        raise
    if secured is None:  # the connection went away with the last byte of the handshake
        raise ConnectionResetError
    protocol.connection_made(secured)
    return protocol


# --- names ----------------------------------------------------------------------------------------------------------


async def _reach(make: Callable[[], _P], host: str, port: int) -> _Reached[_P]:
    """TCP to a name or an address. Not every loop races addresses by itself, so that is done here."""
    loop = asyncio.get_running_loop()
    if _ADDRESS.fullmatch(host):
        return await loop.create_connection(make, host, port)
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    places = _in_turns([(family, str(where[0])) for family, _, _, _, where in found])
    if len(places) == 1:
        return await loop.create_connection(make, places[0], port)
    return await _race([partial(loop.create_connection, make, place, port) for place in places])


def _in_turns(found: list[tuple[int, str]]) -> list[str]:
    """Addresses of two families one by one, beginning with the family that the resolver prefers."""
    families: dict[int, list[str]] = {}
    for family, place in found:
        families.setdefault(family, []).append(place)
    turns = zip_longest(*families.values())
    return [place for turn in turns for place in turn if place is not None]


async def _race(attempts: Iterable[Callable[[], Coroutine[Any, Any, _Reached[_P]]]]) -> _Reached[_P]:
    """The first connection that stands; each attempt has a moment alone, or until it fails."""
    waiting = deque(attempts)
    running: set[asyncio.Task[_Reached[_P]]] = set()
    first: BaseException | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(waiting.popleft()()))
            done, _ = await asyncio.wait(
                running, timeout=EYEBALLS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                running.discard(task)
                if (error := task.exception()) is None:
                    return task.result()
                first = first or error
    finally:
        await _give_up(running)
    raise first or OSError


async def _give_up(running: set[asyncio.Task[_Reached[_P]]]) -> None:
    """Those that came second are closed."""
    for task in running:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(outcome, BaseException):
            outcome[0].abort()


# --- proxies --------------------------------------------------------------------------------------------------------


class _Tunnel(asyncio.Protocol):
    """Asks a proxy for a way to an upstream."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._head = b""

    async def opened(self, address: Address, proxy: Proxy) -> asyncio.Transport:
        """The connection once the proxy has said yes; raises TransportError when it says anything else."""
        if self._transport is None:
            raise ConnectionResetError
        try:
            self._transport.write(connect_head(address, proxy))
            status = await self._status
        except BaseException:
            self._transport.abort()
            raise
        if status not in _YES:
            self._transport.abort()
            told = f" ({status})" if status else ""
            raise TransportError("connect", f"{address.place}: the proxy refused the tunnel{told}")
        return self._transport

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0 and len(self._head) <= TUNNEL_HEAD:
            return
        found = _STATUS.match(self._head) if end >= 0 else None
        status = int(found[1]) if found is not None else _NOTHING
        # In TLS the client speaks first: whatever follows a yes is not from the upstream.
        spoke = len(self._head) > end + len(b"\r\n\r\n")
        self._answered(_NOTHING if spoke and status in _YES else status)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._answered(_NOTHING)

    def _answered(self, status: int) -> None:
        if not self._status.done():
            self._status.set_result(status)


def _told(error: Exception, address: Address, proxy: Proxy | None) -> TransportError:
    """The failure in words that are safe to log: the upstream's place and the system's reason."""
    place = address.place
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError("tls", f"{place}: the certificate was not accepted{reason(error)}")
    if isinstance(error, ssl.SSLError):
        return TransportError("tls", f"{place}: the TLS handshake failed")
    if isinstance(error, TimeoutError):
        return TransportError("connect", f"{place}: no connection in time")
    if proxy is not None:
        return TransportError("connect", f"{place}: no connection through the proxy{reason(error)}")
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return TransportError("connect", f"{place}: the name was not found")
    return TransportError("connect", f"{place}: no connection{reason(error)}")
