"""A promise of room is kept, and a segment is used again only when the database has all of it."""

from __future__ import annotations

import errno
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornadogw.journal import segment as segments
from tornadogw.journal.segment import LONGEST, read_segment
from tornadogw.journal.slot import take_slot
from tornadogw.journal.writer import Journal

LARGEST = LONGEST - 8


@pytest.fixture
def journal(tmp_path):
    made = Journal(take_slot(tmp_path), "d" * 32, "s" * 16)
    yield made
    made.close()


def on_disk(folder) -> list[bytes]:
    """Every record that a replay would find."""
    found = [read_segment(path.read_bytes()) for path in sorted(folder.glob("slot-*/*.segment"))]
    return [payload for each in sorted(filter(None, found), key=lambda each: each[0].number) for payload in each[1]]


def test_records_stand_in_their_order(tmp_path, journal):
    for number in range(500):
        assert journal.promise()
        journal.append(b"%04d" % number + bytes(2000))
    assert [int(payload[:4]) for payload in on_disk(tmp_path)] == list(range(500))
    assert journal.unacknowledged == 500


def test_under_steady_load_the_files_are_few(tmp_path, journal):
    for _ in range(3000):
        assert journal.promise()
        journal.acknowledge(journal.append(bytes(3000)))
    assert len(list(tmp_path.glob("slot-0/*"))) <= 4
    assert journal.unacknowledged == 0


def test_what_is_not_acknowledged_is_not_overwritten(tmp_path, journal):
    journal.promise()
    kept = journal.append(b"precious")
    for _ in range(1000):
        journal.promise()
        journal.acknowledge(journal.append(bytes(3000)))
    assert b"precious" in on_disk(tmp_path)
    journal.acknowledge(kept)
    for _ in range(200):
        journal.promise()
        journal.acknowledge(journal.append(bytes(3000)))
    assert b"precious" not in on_disk(tmp_path)


def test_a_full_disk_refuses_and_keeps_its_promises(tmp_path, monkeypatch, claim_log):
    claim_log("tornadogw.journal.writer", "refused until there is room")
    journal = Journal(take_slot(tmp_path), "d" * 32, "s" * 16)
    real, left = os.posix_fallocate, [2]

    def fallocate(descriptor, at, size):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        real(descriptor, at, size)

    monkeypatch.setattr(segments.os, "posix_fallocate", fallocate)
    promised = 0
    while journal.promise():
        promised += 1
    assert promised >= 100
    assert not journal.promise()
    numbers = [journal.append(bytes([1]) * LARGEST) for _ in range(promised)]
    assert len(on_disk(tmp_path)) == promised
    assert not journal.promise()
    for number in numbers:
        journal.acknowledge(number)
    assert journal.promise()
    journal.withdraw()
    assert len(list(tmp_path.glob("slot-0/*.segment"))) == 2
    journal.close()


def test_closing_leaves_what_the_database_does_not_have(tmp_path):
    journal = Journal(take_slot(tmp_path), "d" * 32, "s" * 16)
    journal.promise()
    journal.append(b"left")
    journal.close()
    assert on_disk(tmp_path) == [b"left"]
    again = Journal(take_slot(tmp_path), "d" * 32, "t" * 16)
    again.promise()
    again.acknowledge(again.append(b"done"))
    again.close()
    assert on_disk(tmp_path) == [b"left"]


STEPS = st.lists(st.sampled_from(["promise", "withdraw", "append", "acknowledge"]), max_size=200)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, sizes=st.lists(st.integers(1, LARGEST), min_size=1, max_size=10))
def test_whatever_happens_what_is_not_acknowledged_is_there(tmp_path_factory, steps, sizes):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(take_slot(folder), "d" * 32, "s" * 16)
    promised, kept, count = 0, [], 0
    for step in steps * 3:
        if step == "promise":
            assert journal.promise()
            promised += 1
        elif step == "withdraw" and promised:
            journal.withdraw()
            promised -= 1
        elif step == "append" and promised:
            payload = b"%06d" % count + bytes(max(0, sizes[count % len(sizes)] - 6))
            kept.append((journal.append(payload), payload))
            promised, count = promised - 1, count + 1
        elif step == "acknowledge" and kept:
            journal.acknowledge(kept.pop(count % len(kept))[0])
    assert {payload for _, payload in kept} <= set(on_disk(folder))
    journal.close()
    assert {payload for _, payload in kept} <= set(on_disk(folder))
