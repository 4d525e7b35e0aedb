from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.limits.addresses import client_address, networks, real_address

TRUSTED = networks(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "real", "subject"),
    [
        ("203.0.113.7", None, "203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7", "203.0.113.7"),  # the peer is no proxy of ours
        ("10.0.0.1", None, "10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.1", "10.0.0.1"),  # nobody but proxies
        ("10.0.0.1", "1.1.1.1, unknown, 10.0.0.2", "10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1,", "10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1", "2001:db8::/64"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.7", None, "203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", None, "fe80::1", "fe80::/64"),
        ("fd00::1", "2001:db8:1:2::9", "2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", None, "", ""),
        ("unix", "198.51.100.1", "unix", "unix"),
    ],
)
def test_client_address(peer, forwarded, real, subject):
    assert real_address(peer, forwarded, TRUSTED) == real
    assert client_address(peer, forwarded, TRUSTED) == subject


def test_without_trusted_proxies_no_header_is_read():
    assert client_address("10.0.0.1", "198.51.100.1", ()) == "10.0.0.1"


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_header_is_survived(peer, forwarded):
    assert isinstance(client_address(peer, forwarded, TRUSTED), str)
    assert client_address("10.0.0.1", forwarded, TRUSTED)
