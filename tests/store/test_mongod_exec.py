from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from tornadogw.store import mongod_exec

HELPER = [sys.executable, "-I", "-S", mongod_exec.__file__]
PARENT = """
import os, subprocess, sys
child = subprocess.Popen([*sys.argv[1:5], str(os.getpid()), "/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(b"up")
child.stdin.flush()
child.stdout.read(2)
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_it_becomes_the_command() -> None:
    code = "import os, sys; print(os.getpid()); sys.exit(7)"
    child = subprocess.Popen([*HELPER, str(os.getpid()), sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    said, _ = child.communicate(timeout=20)
    assert (int(said), child.returncode) == (child.pid, 7)


def test_it_ends_when_its_parent_has_gone_already() -> None:
    done = subprocess.run([*HELPER, "1", "/bin/echo", "alive"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def test_the_command_ends_with_its_parent_even_when_that_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *HELPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    ended = os.pidfd_open(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    readable, _, _ = select.select([ended], [], [], 10)
    os.close(ended)
    assert readable, "the child lives on"


def test_it_needs_nothing_of_ours() -> None:
    assert "tornadogw" not in Path(mongod_exec.__file__).read_text().split('"""', 2)[2]
