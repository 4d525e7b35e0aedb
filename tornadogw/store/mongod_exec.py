"""Becomes mongod: the step between our process and the server that makes the server die with us.

Run as a file by an isolated Python, so it imports nothing of ours. It asks the kernel for SIGTERM at the death of its
parent, makes sure that the parent did not die before that, and replaces itself by the command it was given. Doing this
between fork and exec in our own process would not be safe once there are threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import NoReturn

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent ends. Survives exec. Linux only."""


def main(argv: list[str]) -> NoReturn:
    """`argv`: this file, the parent's pid, then the command. Ends with status 1 if the parent has gone."""
    parent, command = int(argv[1]), argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - a command line from our own process


if __name__ == "__main__":
    main(sys.argv)
