"""Ports for servers that are told theirs: nobody takes one between here and its use."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

__all__ = ["free_ports"]

_given: set[int] = set()
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int = 1) -> int:
    """The first of so many free ports of the loopback, one after the other.

    They lie below those that the kernel hands out by itself: every connection of every process takes one of these.
    """
    end = int(RANGE.read_text().split()[0]) if RANGE.exists() else 32_768
    while True:
        first = random.SystemRandom().randrange(end // 2, end - count)
        if not _given.isdisjoint(ports := range(first, first + count)):
            continue  # who was given it may not listen yet
        with ExitStack() as stack, suppress(OSError):
            for port in ports:
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            _given.update(ports)
            return first
