"""What plugin authors test with: a fake upstream on a real socket, and a way to read bytes through a vendor."""

from __future__ import annotations

from tornadogw.testing.fake_upstream import Answer, FakeUpstream, Received
from tornadogw.testing.reading import read_all

__all__ = ["Answer", "FakeUpstream", "Received", "read_all"]
