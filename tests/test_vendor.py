"""The base of every vendor: what holds until somebody says otherwise."""

from __future__ import annotations

import asyncio

import pytest

from tornadogw.errors import Unreadable
from tornadogw.types import Call, Credential, Draft, Frame, Traits
from tornadogw.vendor import Vendor


@pytest.fixture
def call():
    return Call("id", Draft("chat", "m"), "m-1", "https://x.test")


def test_what_a_vendor_need_not_say(call):
    vendor = Vendor()
    assert vendor.traits("m-1") == Traits()
    assert vendor.memo(call).call is call
    assert vendor.memo(call) is not vendor.memo(call)
    assert not vendor.expires(Credential("a", "secret"))


def test_what_a_vendor_must_write(call):
    vendor, memo = Vendor(), Vendor().memo(call)
    for unwritten in (
        lambda: vendor.request(call, Credential("a"), 0.0),
        lambda: vendor.read(Frame(b"{}"), memo),
        lambda: vendor.end(memo),
        lambda: vendor.failure(500, {}, b"", 0.0),
    ):
        with pytest.raises(NotImplementedError):
            unwritten()
    with pytest.raises(NotImplementedError):
        asyncio.run(vendor.refresh(None, Credential("a"), 0.0))


def test_a_vendor_that_only_streams_reads_no_json(call):
    with pytest.raises(Unreadable):
        Vendor().read_whole(b"{}", Vendor().memo(call))


def test_a_careful_vendor_is_the_default():
    """What nobody recorded is translated, and asked for as a stream."""
    traits = Traits()
    assert (traits.relay, traits.json, traits.completion) == ("translated", "stream", "chat")
