"""Becomes a worker: the step between a new interpreter and the gateway's own code.

Run as a file, so it imports nothing of ours before it has its supervisor's `sys.path`: a worker finds the same gateway
and the same plugins, however that was started, and never what happens to stand in the current folder.
"""

from __future__ import annotations

import pickle
import signal
import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Standard input is the supervisor's pipe: it says where code is and what to do, and ends with the supervisor."""
    for number in (signal.SIGHUP, signal.SIGINT):  # the supervisor's to hear
        _ = signal.signal(number, signal.SIG_IGN)
    path, job = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own supervisor's pipe, which nobody else can write to
    sys.path[:] = path
    from tornadogw.server.worker import work  # noqa: PLC0415 - as said above

    sys.exit(work(job, sys.stdin.buffer))


if __name__ == "__main__":
    main()
