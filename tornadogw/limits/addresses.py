"""Who the subject of a request's address is: the socket's peer, or what a trusted proxy says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

__all__ = ["Network", "client_address", "networks", "real_address"]

Network: TypeAlias = IPv4Network | IPv6Network
_Address: TypeAlias = IPv4Address | IPv6Address


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
