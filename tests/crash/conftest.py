"""One replica set and one upstream for all crash tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.replica_set import ReplicaSet


@pytest.fixture(scope="session")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with ReplicaSet(tmp_path_factory.mktemp("set")) as found:
        yield found


@pytest.fixture(scope="session")
def upstream() -> Iterator[int]:
    """Its port."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "upstream.py")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()
