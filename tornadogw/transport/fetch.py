"""Fetching what a client points at: a document of bounded size, from a public address, and from nowhere else.

The name is looked up once, every address that it has is checked, and the connection goes to one of these very
addresses: a name that changes its mind between check and connection gains nothing. TLS still verifies the name. Each
redirect is checked alike. No cookie, no credential, no proxy.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from urllib.parse import urljoin

from tornadogw.transport.base import TransportError
from tornadogw.transport.guard import is_public
from tornadogw.transport.http_answer import Answer
from tornadogw.transport.http_connection import Connection
from tornadogw.transport.http_dial import dial
from tornadogw.transport.http_wire import Address, parse_url, request_head
from tornadogw.types import Value

__all__ = ["Fetcher", "Limits", "NotFetched", "Resolve", "TooLarge"]

REDIRECTS = 3
READ = 65536
"""Bytes that one read of a socket may bring."""
_PORTS = frozenset({80, 443})
_MOVED = frozenset({301, 302, 303, 307, 308})
_SUCCESS = 200

Resolve = Callable[[str, int], Awaitable[Collection[str]]]
"""A name and a port to addresses. Raises OSError."""


class NotFetched(Exception):
    """It was not to be had. Why is not told: who asks must not learn what our network looks like from inside."""


class TooLarge(NotFetched):
    """It was there, on a public address, but larger than what is taken."""


class Limits(Value, frozen=True):
    """`allow`: hosts, or `host:port`, that may be asked wherever they lie. `size`: bytes. `seconds`: for all of it."""

    allow: frozenset[str] = frozenset()
    size: int = 10_485_760
    seconds: float = 10.0


class Fetcher:
    """Fetches documents. `tls` and `resolve` replace the system's (tests)."""

    def __init__(self, limits: Limits, *, tls: ssl.SSLContext | None = None, resolve: Resolve | None = None) -> None:
        self.limits = limits
        self._tls = tls
        self._resolve = resolve or _look_up

    async def fetch(self, url: str, size: int | None = None) -> bytes:
        """The document, at most `size` bytes of it (the limit, if that is less). Raises NotFetched."""
        most = self.limits.size if size is None else min(size, self.limits.size)
        try:
            async with asyncio.timeout(self.limits.seconds):
                for _ in range(1 + REDIRECTS):
                    answer = await self._ask(url, most)
                    if isinstance(answer, bytes):
                        return answer
                    url = answer
        except (TransportError, OSError, UnicodeError):  # TimeoutError is an OSError
            raise NotFetched from None
        raise NotFetched

    async def _ask(self, url: str, most: int) -> bytes | str:
        """The document, or where else to look for it."""
        address = parse_url(url)
        if address.authorization:
            raise NotFetched
        connection = await self._connected(address)
        try:
            answer = connection.ask(request_head("GET", address, {"accept": "*/*"}, 0, "tornadogw"), b"")
            while not (answer.headed or answer.over):
                await connection.news()
            if answer.status in _MOVED and (place := answer.headers().get("location")):
                return urljoin(url, place)
            if not answer.headed or answer.status != _SUCCESS:
                raise NotFetched
            return await _body(connection, answer, most)
        finally:
            connection.abort()

    async def _connected(self, address: Address) -> Connection:
        """A connection to an address of that name that was checked."""
        places = await self._checked(address)
        make = partial(Connection, (address.origin, ""), _forgotten, memoryview(bytearray(READ)))
        tls = self._tls if self._tls is not None else ssl.create_default_context()
        for place in places[:-1]:
            try:
                return await dial(make, address, None, tls, self.limits.seconds / len(places), at=place)
            except TransportError:
                continue
        return await dial(make, address, None, tls, self.limits.seconds, at=places[-1])

    async def _checked(self, address: Address) -> list[str]:
        """The addresses of that name. One that is not public spoils them all."""
        allowed = not self.limits.allow.isdisjoint({address.host, f"{address.host}:{address.port}"})
        if not allowed and address.port not in _PORTS:
            raise NotFetched
        places = list(await self._resolve(address.host, address.port))
        if not places or (not allowed and not all(is_public(place) for place in places)):
            raise NotFetched
        return places


async def _body(connection: Connection, answer: Answer, most: int) -> bytes:
    told = answer.headers().get("content-length", "")
    if told.isdecimal() and int(told[:18]) > most:
        raise TooLarge
    pieces: list[bytes] = []
    left = most
    while True:
        while not answer.unread:
            if answer.fault is not None:
                raise NotFetched
            if answer.whole:
                return b"".join(pieces)
            await connection.news()
        pieces.append(answer.take())
        connection.relax()
        left -= len(pieces[-1])
        if left < 0:
            raise TooLarge


async def _look_up(host: str, port: int) -> Collection[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for _, _, _, _, where in found))


def _forgotten(_connection: Connection) -> None:
    """Nobody keeps it."""
