"""Which addresses may be asked on a client's word: public ones only. Pure.

A client that names an address makes us its hands inside our own network: loopback, private ranges, a cloud's metadata
service. What counts is the address that the connection goes to, in whichever form it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["is_public"]

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""The middle of addresses that end in an IPv4 one (RFC 5214)."""
_SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Protocol assignments, one cloud's metadata service among them; once the anycast relays of 6to4 (RFC 7526)."""


def is_public(text: str) -> bool:
    """Whether anybody on the internet could reach this address as well, through no gateway of ours."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(each) for each in (address, *_inside(address)))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, IPv6Address):
        return not (address.is_site_local or address.is_link_local)
    return not any(address in network for network in _SPECIAL)


def _inside(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address]:
    """IPv4 addresses that an IPv6 one leads to, by one translation or another."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped or address in _COMPATIBLE or any(address in network for network in _NAT64):
        yield last
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield last
    if (outer := address.sixtofour) is not None:
        yield outer
    if (teredo := address.teredo) is not None:
        yield from teredo
