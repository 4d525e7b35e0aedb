"""One worker process as its supervisor sees it."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from tornadogw.server import child as room
from tornadogw.server.child import Child
from tornadogw.server.serving import Failed, Ready
from tornadogw.settings import load

REPORTS = """
import os, pickle, sys
path, job = pickle.load(sys.stdin.buffer)
sys.path[:] = path
job = pickle.loads(job)
url = pickle.load(sys.stdin.buffer)
os.write(job.report, {said!r}.replace(b"URL", url.encode()))
os.close(job.report)
sys.stdin.read()
"""


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """A worker that says these bytes once it knows the database, and ends when its pipe does."""
    children = []

    def begin(said):
        script = tmp_path / "worker.py"
        script.write_text(REPORTS.format(said=said))
        monkeypatch.setattr(room.worker_exec, "__file__", str(script))
        child = Child(0, load(None, tmp_path, {}, {}), 0)
        children.append(child)
        child.start(tmp_path, (), log_json=False)
        return child

    yield begin
    for child in children:
        child.close()


def heard(child):
    """Its report; None: it ended the pipe without one."""
    report = None
    while child.fileno() >= 0:
        assert select.select([child], [], [], 20)[0]
        report = child.listen()
    return report


def test_a_worker_that_answers(begin):
    child = begin(b'{"type":"ready","plugins":[],"models":["URL"],"welcome":null}')
    assert child.listen() is None
    child.go("mongodb://here")
    assert heard(child) == Ready((), ("mongodb://here",), None) == child.ready
    assert child.answers_since <= time.monotonic()
    assert child.ended() is None
    before = time.monotonic()
    child.stop(5)
    child.stop(50)  # it was told already
    assert before + 5 <= child.kill_at <= time.monotonic() + 5
    child.close()
    assert child.ended() == -signal.SIGTERM
    assert not Path(f"/proc/{child.pid}").exists()


def test_a_worker_that_cannot(begin):
    child = begin(b'{"type":"failed","why":"no URL"}')
    child.go("there")
    assert heard(child) == Failed("no there")
    assert (child.failed, child.ready) == ("no there", None)


@pytest.mark.parametrize("said", [b"", b'{"type":"rea', b"[]"])
def test_a_worker_that_says_nothing_useful(begin, said):
    child = begin(said)
    child.go("there")
    assert heard(child) is None
    assert (child.failed, child.ready, child.fileno()) == ("", None, -1)


def test_a_worker_that_has_gone(begin):
    child = begin(b"")
    end = os.pidfd_open(child.pid)
    child.kill()
    assert select.select([end], [], [], 20)[0]
    os.close(end)
    child.go("there")  # does not fail: its end tells
    assert child.ended() == -signal.SIGKILL


def test_the_interpreter_is_started_as_ours_was(monkeypatch):
    monkeypatch.setattr(sys, "warnoptions", ["error", "ignore:x"])
    assert room._interpreter() == ["-Werror", "-Wignore:x", "-P"]
