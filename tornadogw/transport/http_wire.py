"""What the HTTP engine writes: addresses taken apart, the head of a request. Pure; nothing here knows a socket.

A URL goes out exactly as the vendor wrote it: a signature may cover it, and names of models hold encoded slashes.
Everything that could end a line or start a second request is refused, never mended.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from tornadogw.transport.base import TransportError

__all__ = ["Address", "Proxy", "connect_head", "parse_proxy", "parse_url", "request_head"]

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:(?P<user>[A-Za-z0-9._~!$&'()*+,;=:%-]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-~]*)?(?P<rest>[?#][!-~]*)?",
    re.IGNORECASE,
)
"""Visible ASCII only: who wants a name in another script writes its punycode."""
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What must not stand in the value of a header; a tab may."""
LABEL, LAST_PORT = 63, 65535
"""Characters between two dots of a name."""
_PORTS = {"http": 80, "https": 443}
_OURS = frozenset(
    "accept-encoding connection content-length expect host keep-alive proxy-authorization proxy-connection te trailer "
    "transfer-encoding upgrade".split()
)
"""Headers that belong to the connection and not to the vendor: its own are left out."""
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods whose empty body needs no `Content-Length: 0`."""


class Address(msgspec.Struct, frozen=True):
    """Where a request goes."""

    origin: tuple[str, str, int]
    """Scheme, host and port: what a connection is made for."""
    authority: str
    """The `Host` header."""
    target: str
    """Path and query as they were written."""
    authorization: str
    """From the URL's user and password; empty without them."""

    @property
    def secure(self) -> bool:
        return self.origin[0] == "https"

    @property
    def host(self) -> str:
        return self.origin[1]

    @property
    def port(self) -> int:
        return self.origin[2]

    @property
    def place(self) -> str:
        """Host and port, as messages and proxies name it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Proxy(msgspec.Struct, frozen=True):
    """An HTTP proxy; `secure` if it is reached by TLS itself."""

    secure: bool
    host: str
    port: int
    authorization: str


@lru_cache(maxsize=1024)
def parse_url(url: str) -> Address:
    """The parts of an upstream's URL. Raises TransportError without quoting it."""
    found = _match(url)
    if found is None:
        raise TransportError("protocol", "upstream: the URL is not valid")
    scheme, host, port = _origin(found)
    path, rest = found["path"] or "/", found["rest"] or ""
    name = f"[{host}]" if ":" in host else host
    return Address(
        origin=(scheme, host, port),
        authority=name if port == _PORTS[scheme] else f"{name}:{port}",
        target=(path + rest).split("#", 1)[0],
        authorization=_basic(found["user"]),
    )


@lru_cache(maxsize=64)
def parse_proxy(url: str) -> Proxy:
    """The parts of a proxy's URL. Raises TransportError without quoting it."""
    found = _match(url)
    if found is None:
        raise TransportError("protocol", "the URL of the proxy is not valid")
    scheme, host, port = _origin(found)
    return Proxy(scheme == "https", host, port, _basic(found["user"]))


def request_head(
    method: str,
    address: Address,
    headers: Mapping[str, str],
    size: int,
    user_agent: str,
    proxy: Proxy | None = None,
) -> bytes:
    """The head of a request whose body has `size` bytes. Raises TransportError for what cannot be written as HTTP.

    With a proxy, a plain upstream is asked for by its whole address; a tunnel does not see this head.
    """
    if _TOKEN.fullmatch(method) is None:
        raise _unwritable(address)
    target = address.target
    lines = _theirs(address, headers)
    lines.setdefault("user-agent", f"User-Agent: {user_agent}")
    lines["accept-encoding"] = "Accept-Encoding: identity"
    if address.authorization:
        if "authorization" in lines:  # two credentials: nobody could say which one counts
            raise _unwritable(address)
        lines["authorization"] = f"Authorization: {address.authorization}"
    if proxy is not None and not address.secure:
        target = f"http://{address.authority}{target}"
        if proxy.authorization:
            lines["proxy-authorization"] = f"Proxy-Authorization: {proxy.authorization}"
    if size or method not in _BODILESS:
        lines["content-length"] = f"Content-Length: {size}"
    text = f"{method} {target} HTTP/1.1\r\nHost: {address.authority}\r\n" + "\r\n".join(lines.values()) + "\r\n\r\n"
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        raise _unwritable(address) from None


def connect_head(address: Address, proxy: Proxy) -> bytes:
    """What asks a proxy for a tunnel."""
    place = address.place
    authorization = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    return f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{authorization}\r\n".encode()


def _theirs(address: Address, headers: Mapping[str, str]) -> dict[str, str]:
    """The vendor's header lines by lower-case name."""
    lines: dict[str, str] = {}
    for name, value in headers.items():
        if _TOKEN.fullmatch(name) is None or _CONTROL.search(value) is not None:
            raise _unwritable(address)
        lower = name.lower()
        if lower not in _OURS:
            lines[lower] = f"{name}: {value}"
    return lines


def _match(url: str) -> re.Match[str] | None:
    found = _URL.fullmatch(url)
    if found is None or int(found["port"] or 1) > LAST_PORT or not _speakable(found["host"]):
        return None
    return found


def _speakable(host: str) -> bool:
    """Whether a resolver takes the name: it would not fail, but raise."""
    return host.startswith("[") or all(0 < len(label) <= LABEL for label in host.removesuffix(".").split("."))


def _origin(found: re.Match[str]) -> tuple[str, str, int]:
    scheme = found["scheme"].lower()
    return scheme, found["host"].strip("[]").lower(), int(found["port"] or _PORTS[scheme])


def _basic(user: str | None) -> str:
    if not user:
        return ""
    name, _, password = user.partition(":")
    pair = f"{unquote(name)}:{unquote(password)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _unwritable(address: Address) -> TransportError:
    return TransportError("protocol", f"{address.place}: a header or the URL cannot be sent")
