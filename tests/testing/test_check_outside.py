"""Each rule about errors, secrets and the outside world goes red on a vendor that breaks it."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess

import msgspec
import pytest

from tests.testing.toy import Toy, red
from tornadogw.errors import Cannot
from tornadogw.testing import Fault
from tornadogw.testing.check_outside import watched
from tornadogw.types import Failure, UpstreamRequest


class Wrong401(Toy):
    def failure(self, status, headers, body, now):
        said = super().failure(status, headers, body, now)
        return msgspec.structs.replace(said, kind="client") if status == 401 else said


class NoWait(Toy):
    def failure(self, status, headers, body, now):
        return msgspec.structs.replace(super().failure(status, headers, body, now), seconds=20.0)


class Endless(Toy):
    def failure(self, status, headers, body, now):
        said = super().failure(status, headers, body, now)
        return msgspec.structs.replace(said, seconds=float(headers.get("retry-after") or "1")) if headers else said


class NoStatus(Toy):
    def failure(self, status, headers, body, now):
        return msgspec.structs.replace(super().failure(status, headers, body, now), status=0)


class SlipsOnPages(Toy):
    def failure(self, status, headers, body, now):
        self.parse(body or b"{}")
        return super().failure(status, headers, body, now)


class KeyInAddress(Toy):
    def request(self, call, credential, now):
        request = super().request(call, credential, now)
        return UpstreamRequest(f"{request.url}?key={credential.secret}", request.headers, request.body)


class KeyInLog(Toy):
    def request(self, call, credential, now):
        logging.getLogger("toy").debug("asking with %s", credential.secret)
        return super().request(call, credential, now)


class KeyInRefusal(Toy):
    def request(self, call, credential, now):
        if call.draft.params.get("n"):
            raise Cannot("n", f"not with {credential.secret}")
        return super().request(call, credential, now)


class KeyKept(Toy):
    def request(self, call, credential, now):
        self.last = credential.secret
        return super().request(call, credential, now)


class Calling(Toy):
    def request(self, call, credential, now):
        with contextlib.suppress(Exception):
            socket.getaddrinfo("toy.example", 443)
        return super().request(call, credential, now)


class Dialling(Toy):
    def end(self, memo):
        with contextlib.suppress(Exception), socket.socket() as dialled:
            dialled.connect(("127.0.0.1", 9))
        return super().end(memo)


@pytest.mark.parametrize(
    ("rule", "vendor"),
    [
        ("failures", Wrong401),
        ("failures", NoWait),
        ("failures", Endless),
        ("failures", NoStatus),
        ("failures", SlipsOnPages),
        ("secrets", KeyInAddress),
        ("secrets", KeyInLog),
        ("secrets", KeyInRefusal),
        ("secrets", KeyKept),
        ("no_io", Calling),
        ("no_io", Dialling),
    ],
)
def test_a_broken_vendor_is_seen(rule, vendor):
    assert red(rule, vendor=vendor)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (Fault(status=429, kind="disable"), "kind is 'cool', not 'disable'"),
        (Fault(status=429, kind="cool", scope="key"), "scope is 'key+model', not 'key'"),
        (Fault(status=429, kind="cool", seconds=5), "seconds is 20.0, not 5"),
        (Fault(status=400, kind="client", code="x"), "code is '', not 'x'"),
    ],
)
def test_a_declared_error_is_compared(fault, complaint):
    assert red(faults=(fault,)) == {"failures": (f"fault 0 ({fault.status}): {complaint}",)}
    assert red(faults=(Fault(status=429, headers={"retry-after": "3"}, kind="cool", seconds=3),)) == {}


def test_another_meaning_of_a_status_may_be_declared():
    assert not red("failures", vendor=Wrong401, statuses={401: ("client",)})


def test_the_watch_ends():
    with watched() as seen:
        with pytest.raises(PermissionError):
            subprocess.run(["true"], check=False)
        with pytest.raises(PermissionError):
            socket.create_connection(("127.0.0.1", 9))
    assert seen[0] == "subprocess.Popen"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
    assert isinstance(Toy().failure(500, {}, b"", 0.0), Failure)
