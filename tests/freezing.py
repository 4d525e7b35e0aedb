"""A process that is stopped where it stands, every thread of it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def freeze(pid: int) -> None:
    """Stop it, and return when it stands: kill() returns before, and a thread that runs may answer once more."""
    os.kill(pid, signal.SIGSTOP)
    limit = time.monotonic() + 10
    while not _stands(pid):
        assert time.monotonic() < limit, f"process {pid} does not stop"
        os.sched_yield()


def thaw(pid: int) -> None:
    """Let it go on."""
    os.kill(pid, signal.SIGCONT)


def _stands(pid: int) -> bool:
    threads = list(Path(f"/proc/{pid}/task").glob("*/stat"))
    return bool(threads) and all(stat.read_text().rpartition(") ")[2].startswith("T") for stat in threads)
