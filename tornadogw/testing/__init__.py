"""What plugin authors test with: the conformance suite, a fake upstream on a real socket, recorded traffic."""

from __future__ import annotations

from tornadogw.testing.fake_upstream import Answer, FakeUpstream, Received
from tornadogw.testing.material import Fault, Golden, Sample
from tornadogw.testing.reading import read_all
from tornadogw.testing.recordings import (
    MissingRecordings,
    Recording,
    find_recordings,
    load_recordings,
    needed_recordings,
)
from tornadogw.testing.rules import RULES
from tornadogw.testing.suite import Line, VendorSuite

__all__ = [
    "RULES",
    "Answer",
    "FakeUpstream",
    "Fault",
    "Golden",
    "Line",
    "MissingRecordings",
    "Received",
    "Recording",
    "Sample",
    "VendorSuite",
    "find_recordings",
    "load_recordings",
    "needed_recordings",
    "read_all",
]
