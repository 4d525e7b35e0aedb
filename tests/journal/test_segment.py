"""What is read back after any crash is a beginning of what was written, and nothing else."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornadogw.journal import segment as room
from tornadogw.journal.segment import HEAD, LONGEST, SIZE, Head, Segment, read_segment

HEAD_1 = Head(1, "d" * 32, "s" * 16)


def written(path: Path, payloads: list[bytes], head: Head = HEAD_1) -> bytes:
    segment = Segment.made(path)
    segment.begin(head)
    for payload in payloads:
        assert segment.fits(payload)
        segment.append(payload)
    segment.close()
    data = path.read_bytes()
    path.unlink()
    return data


def read(data: bytes) -> tuple[Head, list[bytes]] | None:
    found = read_segment(data)
    return found and (found[0], list(found[1]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(payloads=st.lists(st.binary(min_size=1, max_size=200), max_size=20))
def test_what_was_written_is_read(tmp_path, payloads):
    data = written(tmp_path / "one", payloads)
    assert len(data) == SIZE
    assert read(data) == (HEAD_1, payloads)


def test_a_fresh_file_has_no_head(tmp_path):
    segment = Segment.made(tmp_path / "one")
    segment.close()
    assert read((tmp_path / "one").read_bytes()) is None
    assert read(b"") is None
    assert read(os.urandom(SIZE)) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(payloads=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=6), seed=st.integers())
def test_a_torn_end_is_dropped_and_nothing_before_it(tmp_path, payloads, seed):
    """The file ends anywhere, or one byte of it is another: records up to there are read, none is invented."""
    data = written(tmp_path / "one", payloads)
    used = HEAD + sum(8 + len(payload) for payload in payloads)
    at = random.Random(seed).randrange(HEAD, used)
    for torn in (data[:at], data[:at] + bytes(SIZE - at), data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
        found = read(torn)
        assert found is not None
        whole, end = 0, HEAD
        while whole < len(payloads) and end + 8 + len(payloads[whole]) <= at:
            end, whole = end + 8 + len(payloads[whole]), whole + 1
        assert found[1][:whole] == payloads[:whole]
        assert found[1] == payloads[: len(found[1])]


def test_a_head_that_is_torn_is_none(tmp_path):
    data = written(tmp_path / "one", [b"x"])
    for at in range(HEAD):
        assert read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) is None


def test_what_an_earlier_use_left_is_no_record(tmp_path):
    segment = Segment.made(tmp_path / "one")
    segment.begin(HEAD_1)
    for number in range(10):
        segment.append(b"old%d" % number)
    segment.begin(Head(2, "d" * 32, "s" * 16))
    segment.append(b"new0")
    segment.close()
    assert read((tmp_path / "one").read_bytes()) == (Head(2, "d" * 32, "s" * 16), [b"new0"])


def test_room_is_for_the_longest(tmp_path):
    segment = Segment.made(tmp_path / "one")
    assert segment.room == 0
    segment.begin(HEAD_1)
    promised = segment.room
    assert promised == (SIZE - HEAD) // LONGEST
    for _ in range(promised):
        payload = bytes(LONGEST - 8)
        assert segment.fits(payload)
        segment.append(payload)
    assert segment.room == 0
    assert not segment.fits(bytes(LONGEST - 8))
    segment.close()


def test_there_is_no_half_a_file_on_a_full_disk(tmp_path):
    """A limit on the size of files is met like a full disk: by an error, and by no file at all."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, before[1]))
    try:
        with pytest.raises(OSError) as full:
            Segment.made(tmp_path / "one")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert full.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_record_out(tmp_path, monkeypatch):
    segment = Segment.made(tmp_path / "one")
    segment.begin(HEAD_1)
    segment.append(b"first")
    with monkeypatch.context() as broken:
        broken.setattr(room.os, "pwrite", lambda *_: 3)
        with pytest.raises(OSError, match="3 of"):
            segment.append(b"second")
    segment.append(b"third")
    segment.close()
    found = read((tmp_path / "one").read_bytes())
    assert found is not None
    assert found[1] == [b"first", b"third"]
