"""Where the gateway listens: an address that is its own, and a socket for each worker at it.

The supervisor makes the sockets and keeps them; workers inherit them. So a worker that takes another's place finds in
the queue who has connected meanwhile, and nobody is refused.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tornadogw.errors import UsageError

__all__ = ["BACKLOG", "Place", "Sockets", "claim", "close", "listening", "refused"]

BACKLOG = 128
"""Connections that may wait to be accepted."""
_SHARES = sys.platform == "linux"
"""Whether the kernel shares connections out between sockets of SO_REUSEPORT; elsewhere workers have one in common."""

Sockets = tuple[socket.socket, ...]
"""One for each address that the host's name has."""


class Place:
    """The addresses of a gateway. Made by `claim`."""

    def __init__(self, sockets: Sockets) -> None:
        self.port: int = sockets[0].getsockname()[1]
        self._first: Sockets = sockets
        self._addresses = tuple((each.family, each.getsockname()) for each in sockets)

    def share(self) -> Sockets:
        """The sockets of one more worker. Those of the first listen; the others do once their worker is ready.

        The kernel knows no socket that does not listen: nobody waits there for a worker that is still starting.
        """
        if not _SHARES:
            return tuple(each.dup() for each in self._first)
        first, self._first = self._first, ()
        return first or self._more()

    def close(self) -> None:
        """Give up what no worker has taken."""
        close(self._first)

    def _more(self) -> Sockets:
        with ExitStack() as stack:
            made = []
            for family, address in self._addresses:
                one = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(address)
                one.setblocking(False)
                made.append(one)
            _ = stack.pop_all()
        return tuple(made)


def listening(host: str, port: int) -> Sockets:
    """Sockets that listen at each address of `host`, on one free port if `port` is 0. Raises OSError."""
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in sorted({(each[0], each[4]) for each in found}):
            free = sockets[0].getsockname()[1] if sockets else port  # 0: one free port for all addresses
            one = socket.create_server((address[0], free, *address[2:]), family=family, backlog=BACKLOG)
            sockets.append(stack.enter_context(one))
            one.setblocking(False)
        _ = stack.pop_all()
    return tuple(sockets)


def refused(host: str, port: int, error: OSError, setting: str) -> UsageError:
    """Why nobody can listen there, in a sentence."""
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return UsageError(f"cannot listen on {host}:{port} ({why}): choose another {setting}")


@contextmanager
def claim(host: str, port: int) -> Iterator[Place]:
    """Listen at `host`, on a free port if `port` is 0. Raises UsageError when somebody else does.

    The first sockets are bound and listen without SO_REUSEPORT: that is refused, at once and without a gap, where
    another program or another gateway listens. Sharing is allowed afterwards, and only our own user can join.
    """
    try:
        sockets = listening(host, port)
    except OSError as error:
        raise refused(host, port, error, "--port") from None
    try:
        if _SHARES:
            for one in sockets:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield Place(sockets)
    finally:
        close(sockets)


def close(sockets: Sockets) -> None:
    """Close all of them; one that is closed stays so."""
    for one in sockets:
        one.close()
