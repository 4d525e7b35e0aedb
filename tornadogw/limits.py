"""Requests per minute, exact on one process: a sliding log per subject. And who the subject of an address is."""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

import msgspec

__all__ = ["Network", "Verdict", "Windows", "client_address", "format_reset", "networks", "real_address"]

Network: TypeAlias = IPv4Network | IPv6Network
_Address: TypeAlias = IPv4Address | IPv6Address


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Whether a request may pass, and what the rate-limit headers say of it."""

    allowed: bool
    limit: int
    remaining: int
    """Requests that may still pass at once."""
    reset: float
    """Seconds until a full window."""
    retry_after: int
    """Whole seconds after which a request will pass if none comes before; 0 when this one did."""


class Windows:
    """How many requests each subject has made within the last `window` seconds. Never more than its limit pass.

    Requests that were refused do not count. Subjects that have been silent for a window are forgotten as requests come
    in, so memory holds the requests of about one window.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, window: float = 60.0) -> None:
        self._clock = clock
        self._window = window
        self._passed: OrderedDict[str, list[float]] = OrderedDict()  # in order of the latest passed request

    def __len__(self) -> int:
        """Subjects in memory."""
        return len(self._passed)

    def take(self, subject: str, limit: int) -> Verdict:
        """Count a request of `subject`, who may make `limit` of them per window."""
        if limit < 1:
            return Verdict(False, limit, 0, self._window, max(1, math.ceil(self._window)))
        now = self._clock()
        log = self._passed.get(subject)
        if log is None:
            log = []
        elif log[0] <= now - self._window:
            del log[: bisect_right(log, now - self._window)]
        used = len(log)
        if used >= limit:
            return self._refused(log, limit, now)
        log.append(now)
        self._passed[subject] = log
        self._passed.move_to_end(subject)
        self._forget(now)
        return Verdict(True, limit, limit - used - 1, self._window, 0)

    def _refused(self, log: Sequence[float], limit: int, now: float) -> Verdict:
        free_at = log[len(log) - limit] + self._window
        return Verdict(False, limit, 0, log[-1] + self._window - now, max(1, math.ceil(free_at - now)))

    def _forget(self, now: float) -> None:
        """Drop the two longest silent subjects if they are idle: more than can come in, so idle ones run out."""
        for _ in range(2):
            subject = next(iter(self._passed))
            if self._passed[subject][-1] > now - self._window:
                return
            del self._passed[subject]


def format_reset(seconds: float) -> str:
    """`12s`, `1m3s`: whole seconds, rounded up."""
    minutes, rest = divmod(math.ceil(max(0.0, seconds)), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


# --- addresses -----------------------------------------------------------------------------------------------------


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of `server.trusted_proxies`. Raises `ValueError`."""
    return tuple(ip_network(text, strict=False) for text in texts)


def client_address(peer: str, forwarded: str | None, trusted: Sequence[Network]) -> str:
    """The subject whose limit a request counts against; arguments as in `real_address`."""
    address = _real(peer, forwarded, trusted)
    return peer if address is None else _subject(address)


def real_address(peer: str, forwarded: str | None, trusted: Sequence[Network]) -> str:
    """The client's address: `peer`, or, if that is a trusted proxy, the rightmost address of `forwarded` that is not.

    `forwarded` is `X-Forwarded-For`, several of them joined by commas. What stands left of something unreadable may be
    the client's own invention and is not read. A peer that is no address, such as a unix socket's, stays as it is.
    """
    address = _real(peer, forwarded, trusted)
    return peer if address is None else str(address)


def _real(peer: str, forwarded: str | None, trusted: Sequence[Network]) -> _Address | None:
    address = _parsed(peer)
    if not forwarded or address is None or not _within(address, trusted):
        return address
    for text in reversed(forwarded.split(",")):
        hop = _parsed(text.strip())
        if hop is None:
            break
        if not _within(hop, trusted):
            return hop
    return address


def _subject(address: _Address) -> str:
    """IPv4 as it is, IPv6 by its /64, which is what one subscriber gets."""
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


@lru_cache(maxsize=4096)
def _parsed(text: str) -> _Address | None:
    """The address in `text`, which may have a port, brackets or a zone."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _within(address: _Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
