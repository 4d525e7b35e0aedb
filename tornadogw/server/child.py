"""One worker process as its supervisor sees it: a pipe of orders, a pipe for its report, and its end."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from tornadogw.server import worker_exec
from tornadogw.server.serving import Failed, Job, Ready, Report
from tornadogw.server.sockets import Sockets
from tornadogw.settings import Loaded

__all__ = ["Child"]

_STDERR = 2
_ROOM = 65536


class Child:
    """A worker that was started, by exec: nothing of what its supervisor has open or in memory is left in it.

    It drains and ends when the pipe of orders does, and so when the supervisor has gone without a word. It has a
    process group of its own, so that Ctrl-C reaches the supervisor alone.
    """

    def __init__(self, index: int, loaded: Loaded, version: int) -> None:
        self.index, self.loaded, self.version = index, loaded, version
        self.ready: Ready | None = None
        self.answers_since: float | None = None
        """Monotonic seconds."""
        self.told_to_stop = False
        self.kill_at: float | None = None
        self.failed = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._report = -1
        self._said = b""

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self, data: Path, sockets: Sockets, metrics: Sockets = (), *, log_json: bool) -> None:
        """Start it; it prepares what it can before `go`. Raises OSError."""
        self._report, theirs = os.pipe()
        try:
            os.set_blocking(self._report, False)
            numbers, aside = (tuple(each.fileno() for each in some) for some in (sockets, metrics))
            job = Job(self.index, self.loaded, data, log_json, numbers, theirs, aside)
            self._process = subprocess.Popen(  # noqa: S603 - our own file
                [sys.executable, *_interpreter(), worker_exec.__file__, str(self.index)],
                stdin=subprocess.PIPE,
                stdout=_STDERR,  # standard output is the command line's: a document for programs, maybe
                pass_fds=(theirs, *numbers, *aside),
                process_group=0,
            )
        except BaseException:
            self.close()
            raise
        finally:
            os.close(theirs)
        self._order((sys.path, pickle.dumps(job)))

    def go(self, mongo_url: str) -> None:
        """The database is there."""
        self._order(mongo_url)

    def listen(self) -> Report | None:
        """Its report, if that has come now. Does not wait."""
        while self._report >= 0:
            try:
                data = os.read(self._report, _ROOM)
            except BlockingIOError:
                return None
            if data:
                self._said += data
            else:
                os.close(self._report)
                self._report = -1
                return self._reported()
        return None

    def ended(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll() if self._process else 1

    def stop(self, patience: float) -> None:
        """Let it drain, for `patience` seconds at most."""
        if not self.told_to_stop:
            self.told_to_stop = True
            self.kill_at = time.monotonic() + patience
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Leave nothing behind: no process, no zombie, no pipe."""
        if self._report >= 0:
            os.close(self._report)
            self._report = -1
        if self._process is not None:
            self.kill()
            with contextlib.suppress(OSError):  # what it did not read
                self._process.stdin.close()  # type: ignore[union-attr] # it is a pipe
            _ = self._process.wait()

    def fileno(self) -> int:
        """Where its report comes from."""
        return self._report

    def _order(self, what: object) -> None:
        """A worker that is gone is noticed by its end, not here."""
        assert self._process is not None  # noqa: S101 - told to the type checker
        assert self._process.stdin is not None  # noqa: S101 - likewise
        with contextlib.suppress(BrokenPipeError):
            pickle.dump(what, self._process.stdin)
            self._process.stdin.flush()

    def _reported(self) -> Report | None:
        """None: it ended without a word."""
        try:
            report: Report = msgspec.json.decode(self._said, type=Ready | Failed)
        except msgspec.DecodeError:
            return None
        if isinstance(report, Ready):
            self.ready, self.answers_since = report, time.monotonic()
        else:
            self.failed = report.why
        return report

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)  # does nothing once it has ended


def _interpreter() -> list[str]:
    """As ours was started, and without the current folder as a place for code."""
    warnings = [f"-W{each}" for each in sys.warnoptions]
    return [*warnings, "-I" if sys.flags.isolated else "-P"]
