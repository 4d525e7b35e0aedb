"""AWS event streams: messages made here, any split, any damage."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.errors import Unreadable
from tornadogw.eventstream import EventStream
from tornadogw.types import Frame


def message(payload: bytes, kind: str = "event", name: str = "chunk", extra: bytes = b"") -> bytes:
    label = {"event": ":event-type", "exception": ":exception-type", "error": ":error-code"}[kind]
    headers = b"".join(
        struct.pack(">B", len(key)) + key.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for key, value in ((":message-type", kind), (label, name))
    )
    headers += extra
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def read(body: bytes, size: int) -> list[Frame]:
    stream = EventStream()
    frames = [frame for at in range(0, len(body), size) for frame in stream.feed(body[at : at + size])]
    return frames + stream.end()


BODY = message(b'{"a":1}') + message(b"", "exception", "throttlingException") + message(b"x", "error", "Internal")
FRAMES = [Frame(b'{"a":1}', "chunk"), Frame(b"", "throttlingException"), Frame(b"x", "Internal")]


@pytest.mark.parametrize("size", range(1, len(BODY) + 1))
def test_same_frames_for_any_split(size):
    assert read(BODY, size) == FRAMES


def test_headers_that_are_no_strings_are_skipped():
    extra = b"\x01a\x00" + b"\x01b\x04\x00\x00\x00\x01" + b"\x01c\x06\x00\x02zz" + b"\x01d\x09" + bytes(16)
    assert read(message(b"y", extra=extra), 3) == [Frame(b"y", "chunk")]


@pytest.mark.parametrize("place", range(len(BODY)))
def test_one_wrong_byte_is_unreadable_after_the_frames_before_it(place):
    broken = bytearray(BODY)
    broken[place] ^= 0x40
    stream = EventStream()
    with pytest.raises(Unreadable):
        frames = stream.feed(bytes(broken))
        assert frames == FRAMES[: len(frames)]
        stream.end()


@pytest.mark.parametrize("cut", range(len(BODY)))
def test_an_unfinished_message_is_no_frame(cut):
    frames = read(BODY[:cut], 7)
    assert frames == FRAMES[: len(frames)]
    assert len(frames) < len(FRAMES)


def test_a_size_above_the_limit_is_refused_before_its_bytes_come():
    prelude = struct.pack(">II", 2**32 - 1, 0)
    with pytest.raises(Unreadable):
        EventStream().feed(prelude + struct.pack(">I", zlib.crc32(prelude)))


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_unreadable(data):
    try:
        read(data, 5)
    except Unreadable:
        return


@given(st.binary(max_size=200))
def test_any_headers_are_frames_or_unreadable(data):
    try:
        frames = read(message(b"z", extra=data), 9)
    except Unreadable:
        return
    assert [frame.data for frame in frames] == [b"z"]
