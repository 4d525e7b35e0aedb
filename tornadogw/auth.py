"""API key to caller. A hot key costs no database read; a change to it or its account drops it at once.

Also the form of a key: `sk-`, 40 random letters and digits, 6 of check sum. Text that is not of this form is refused
unread. Keys are stored and looked up as a keyed hash (HMAC-SHA256), never as text.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import string
import time
import zlib
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec
from cachetools import TTLCache

from tornadogw.errors import InvalidKey, Unavailable
from tornadogw.store.ports import Found, KeyStore, StoreUnavailable
from tornadogw.types import Caller

__all__ = ["Auth", "KeyHasher", "Network", "derived_key", "new_key", "parse_network", "well_formed"]

Network = IPv4Network | IPv6Network

_ALPHABET = string.digits + string.ascii_letters
_RANDOM, _CHECK = 40, 6
_LENGTH = len("sk-") + _RANDOM + _CHECK
_DOUBT = 1.0
"""Seconds that a cached key is believed while changes may go untold, and that asking again may take."""
_FORM = re.compile(rf"sk-([0-9A-Za-z]{{{_RANDOM}}})([0-9A-Za-z]{{{_CHECK}}})", re.ASCII)


def _check_sum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECK):
        number, rest = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[rest] + digits
    return digits


def new_key() -> str:
    """A key's text, 238 bits of chance."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return f"sk-{text}{_check_sum(text)}"


def derived_key(material: bytes) -> str:
    """The text of a key that follows from 30 secret bytes: always the same."""
    number, text = int.from_bytes(material), ""
    for _ in range(_RANDOM):
        number, rest = divmod(number, len(_ALPHABET))
        text += _ALPHABET[rest]
    return f"sk-{text}{_check_sum(text)}"


def well_formed(key: str) -> bool:
    """Whether the text can be a key at all."""
    found = _FORM.fullmatch(key)
    return found is not None and _check_sum(found[1]) == found[2]


class KeyHasher:
    """Turns a key's text into the 32 bytes that are stored. `secret` derives from the server's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def digest(self, key: str) -> bytes:
        return hmac.digest(self._secret, key.encode(), "sha256")


def parse_network(text: str) -> Network:
    """An address or network, IPv4-mapped as IPv4. Raises ValueError."""
    network = ip_network(text.partition("%")[0], strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None:
        return network
    return ip_network((mapped, max(network.prefixlen - 96, 0)), strict=False)


def _within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether the address (or, for a network, all of it) lies in one of `networks`."""
    try:
        here = parse_network(address)
    except ValueError:
        return False
    return any(_part_of(here, network) for network in networks)


def _part_of(here: Network, network: Network) -> bool:
    if isinstance(here, IPv4Network):
        return isinstance(network, IPv4Network) and here.subnet_of(network)
    return isinstance(network, IPv6Network) and here.subnet_of(network)


class _Known(msgspec.Struct, frozen=True):
    """A key as it is cached: what changes with time and address is judged at each use."""

    caller: Caller
    usable: bool
    expires: float | None
    networks: tuple[Network, ...]


def _known(found: Found, now: float) -> _Known:
    key = found.key
    caller = Caller(
        account_id=key.account_id,
        key_id=key.id,
        label=key.label,
        rpm=key.rpm,
        models=None if key.models is None else frozenset(key.models),
        stream_default=key.stream_default,
        language=found.language,
        terms=tuple(each for each in found.terms if each.until > now),
        time_zone=found.time_zone,
        budget_daily=key.budget_daily,
        budget_total=key.budget_total,
        tokens_per_minute=key.tokens_per_minute,
        concurrent=key.concurrent,
    )
    usable = found.account_active and not key.disabled
    return _Known(caller, usable, key.expires, tuple(parse_network(text) for text in key.ips))


class Auth:
    """Knows the callers, one object per process.

    `drop` and `drop_all` are called when the database says that something changed.
    """

    def __init__(  # noqa: PLR0913 -- each is a measure of its own
        self,
        keys: KeyStore,
        hasher: KeyHasher,
        *,
        ttl: float = 30.0,
        unknown_ttl: float = 5.0,
        size: int = 20_000,
        deadline: float = 3.0,
        fresh: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`ttl` and `unknown_ttl`: seconds that a key, or the absence of one, is believed without asking again.

        `fresh`: whether changes are told now. While they are not, a cached key is asked for again once a second.
        """
        self._keys, self._hasher, self._deadline, self._now = keys, hasher, deadline, now
        self._fresh = fresh
        self._cache: TTLCache[bytes, _Known] = TTLCache(size, ttl, timer=clock)
        self._unknown: TTLCache[bytes, bool] = TTLCache(size, unknown_ttl, timer=clock)
        self._checked: TTLCache[bytes, bool] = TTLCache(size, _DOUBT, timer=clock)
        self._changes = 0

    async def caller(self, key: str | None, address: str) -> Caller:
        """Who asks with this key from this address.

        Raises `InvalidKey`, all reasons alike, or `Unavailable` when an unknown key meets a database that is away.
        """
        if not key or len(key) != _LENGTH:
            raise InvalidKey
        digest = self._hasher.digest(key)
        if digest not in self._cache and not well_formed(key):  # the hash of a hot key costs less than its check sum
            raise InvalidKey
        return await self.caller_of(digest, address)

    async def caller_of(self, digest: bytes, address: str) -> Caller:
        """As `caller`, by what the key is known by: for who has shown otherwise that the key is theirs."""
        known = self._cache.get(digest)
        if known is None:
            known = await self._look_up(digest)
        elif not self._fresh() and digest not in self._checked:
            known = await self._check(digest)
        if known is None or not known.usable:
            raise InvalidKey
        if known.expires is not None and known.expires <= self._now():
            raise InvalidKey
        if known.networks and not _within(address, known.networks):
            raise InvalidKey
        return known.caller

    async def _look_up(self, digest: bytes) -> _Known | None:
        if digest in self._unknown:
            return None
        try:
            return await self._read(digest, self._deadline)
        except (StoreUnavailable, TimeoutError):
            raise Unavailable(retry_after=1) from None

    async def _check(self, digest: bytes) -> _Known | None:
        """Ask again for a cached key; while the database is away too, the cache is all there is."""
        self._checked[digest] = True  # now: whoever comes meanwhile need not wait
        try:
            return await self._read(digest, min(self._deadline, _DOUBT))
        except (StoreUnavailable, TimeoutError):
            self._checked[digest] = True  # counted from here, or every request would wait for a silent database
            known = self._cache.get(digest)
            if known is None:  # its time is over, or it was dropped
                raise Unavailable(retry_after=1) from None
            return known

    async def _read(self, digest: bytes, deadline: float) -> _Known | None:
        """What the database says, remembered. Raises StoreUnavailable, TimeoutError."""
        changes = self._changes
        async with asyncio.timeout(deadline):
            found = await self._keys.find(digest)
        known = None if found is None else _known(found, self._now())
        if changes != self._changes:
            return known  # read before a change that has been told already: good for this request, not for the cache
        if known is None:
            self._unknown[digest] = True
            self._cache.pop(digest, None)
        else:
            self._cache[digest] = known
            self._checked[digest] = True
        return known

    def drop(self, *, key_id: str = "", account_id: str = "") -> None:
        """Forget this key, or every key of this account."""
        self._changes += 1
        self._unknown.clear()
        for digest, known in list(self._cache.items()):
            if known.caller.key_id == key_id or known.caller.account_id == account_id:
                self._cache.pop(digest, None)

    def drop_all(self) -> None:
        """Forget everything: changes may have been missed."""
        self._changes += 1
        self._unknown.clear()
        self._cache.clear()
