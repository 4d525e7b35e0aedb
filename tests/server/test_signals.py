"""Signals as something to wait for."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from tornadogw.server.signals import Signals


def test_they_are_collected_and_the_former_handlers_come_back():
    before = signal.getsignal(signal.SIGUSR1)
    with Signals(signal.SIGUSR1, signal.SIGUSR2) as signals:
        assert signals.take() == ()
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)
        assert select.select([signals], [], [], 5)[0]
        assert signals.take() == (signal.SIGUSR1, signal.SIGUSR2)
        assert not signals.ignored(signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) == before


def test_the_end_of_a_child_is_one():
    with Signals(signal.SIGCHLD) as signals, subprocess.Popen([sys.executable, "-c", ""]) as child:
        assert select.select([signals], [], [], 20)[0]
        assert child.wait(5) == 0


def test_what_was_ignored_before():
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with Signals(signal.SIGUSR1) as signals:
            assert signals.ignored(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
