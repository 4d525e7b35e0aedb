"""What plugin authors test with: a fake upstream on a real socket, recorded traffic, and a way to read bytes."""

from __future__ import annotations

from tornadogw.testing.fake_upstream import Answer, FakeUpstream, Received
from tornadogw.testing.reading import read_all
from tornadogw.testing.recordings import MissingRecordings, Recording, find_recordings, load_recordings

__all__ = [
    "Answer",
    "FakeUpstream",
    "MissingRecordings",
    "Received",
    "Recording",
    "find_recordings",
    "load_recordings",
    "read_all",
]
