"""An address that is the gateway's own, and the sockets that share it."""

from __future__ import annotations

import select
import socket
from contextlib import closing

import pytest

from tests.ports import free_ports
from tornadogw.errors import UsageError
from tornadogw.server.sockets import claim, close


def connected(port):
    """Sixty clients."""
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]


def accepted(number, *shares):
    """How many each has to accept: so many altogether, which may come a moment after their clients have connected."""
    found = [0] * len(shares)
    while True:
        ready, _, _ = select.select([each[0] for each in shares], [], [], 10 if sum(found) < number else 0)
        if not ready:
            return found
        for at, each in enumerate(shares):
            if each[0] in ready:
                each[0].accept()[0].close()
                found[at] += 1


def test_who_listens_shares_and_who_does_not_has_nobody_waiting():
    with claim("127.0.0.1", 0) as place:
        first, second = place.share(), place.share()
        clients = connected(place.port)
        assert accepted(60, first) == [60]
        second[0].listen()
        clients += connected(place.port)
        shares = accepted(60, first, second)
        assert sum(shares) == 60
        assert min(shares) > 0
        close(first)
        clients += connected(place.port)
        assert accepted(60, second) == [60]
        for each in clients:
            each.close()
        close(second)


@pytest.mark.parametrize("reuse", [False, True])
def test_a_port_of_somebody_else_also_of_one_who_would_share(reuse):
    with (
        closing(socket.create_server(("127.0.0.1", 0), reuse_port=reuse)) as taken,
        pytest.raises(UsageError, match=r"cannot listen on 127.0.0.1:\d+ \(Address already in use\)"),
        claim("127.0.0.1", taken.getsockname()[1]),
    ):
        pass


def test_a_port_is_kept_while_one_listens():
    with claim("127.0.0.1", free_ports()) as place:
        first, second = place.share(), place.share()
        second[0].listen()
        close(first)
        with pytest.raises(UsageError, match="cannot listen"), claim("127.0.0.1", place.port):
            pass
        close(second)
        with claim("127.0.0.1", place.port):
            pass


def test_all_addresses_of_a_name_have_one_port():
    with claim("localhost", 0) as place:
        first, second = place.share(), place.share()
        for each in (*first, *second):
            assert each.getsockname()[1] == place.port
        close(second)
        close(first)


def test_nobody_listens_at_a_name_that_is_none():
    with pytest.raises(UsageError, match="cannot listen on no"), claim("no.such.name.invalid", 0):
        pass


def test_elsewhere_workers_have_one_socket_in_common(monkeypatch):
    monkeypatch.setattr("tornadogw.server.sockets._SHARES", False)
    with claim("127.0.0.1", 0) as place:
        first, second = place.share(), place.share()
        clients = connected(place.port)
        close(first)
        assert accepted(60, second) == [60]
        for each in clients:
            each.close()
        close(second)
