"""Gateways as a machine has them: `serve` in a data folder of its own, its workers, and what can happen to them."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.crash.replica_set import free_port
from tests.serving import environment

PLANTED = Path(__file__).parent / "planted"
SETTINGS = """
[limits]
ip_per_minute = 1000000
key_per_minute = 1000000
[money]
lease_seconds = 6.0
reclaim_after = {reclaim}
[[upstreams]]
name = "paid"
vendor = "openai"
base_url = "http://127.0.0.1:{upstream}/v1"
keys = ["sk-up"]
[[models]]
name = "m"
price = {{ input = "1", output = "1" }}
routes = [{{ upstream = "paid", model = "m" }}]
"""
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Node:
    """One `serve`. `bug`: which of the planted bugs its processes have; empty: none."""

    def __init__(self, folder: Path, mongo_url: str, upstream: int, workers: int, bug: str, reclaim: float) -> None:
        self.data, self.port = folder / "data", free_port()
        self.data.mkdir(parents=True)
        self.settings, self.log = folder / "settings.toml", folder / "log"
        self.settings.write_text(SETTINGS.format(upstream=upstream, reclaim=reclaim))
        self._words = ["--port", str(self.port), "--workers", str(workers)]
        self._environment = environment(TORNADOGW_MONGO__URL=mongo_url, TORNADOGW_MONGO__TIMEOUT_MS="1500")
        if bug:
            python = os.pathsep.join([str(PLANTED), str(Path.cwd())])
            self._environment |= {"PYTHONPATH": python, "CRASH_BUG": bug}
        self.process: subprocess.Popen[str] | None = None

    def use_database(self, name: str) -> None:
        self._environment["TORNADOGW_MONGO__DATABASE"] = name

    def is_ready(self) -> bool:
        """Whether it serves."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                ready: bool = answer.status == 200
                return ready
        except OSError:
            return False

    def journaled(self) -> list[Path]:
        """Segments of its journals: there are none once all is booked."""
        return sorted(self.data.glob("journal/slot-*/*.segment"))

    def share_secret(self, other: Node) -> None:
        """Machines on one database have one secret."""
        shutil.copy(other.data / "secret", self.data / "secret")

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tornadogw", *self._global(), "serve", *self._words],
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
                env=self._environment,
                start_new_session=True,
            )

    def _global(self) -> list[str]:
        return ["--data", str(self.data), "--settings", str(self.settings)]

    def run(self, *words: str) -> Any:
        """A command beside it; its JSON, whatever its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "tornadogw", *self._global(), *words, "--json"],
            capture_output=True,
            text=True,
            env=self._environment | {"CRASH_BUG": "", "TORNADOGW_MONGO__TIMEOUT_MS": "20000"},
            check=False,
            timeout=120,
        )
        if not done.stdout:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def workers(self) -> list[int]:
        """Process ids of those that serve: the children of `serve`, or itself."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            found = [int(each) for each in children.read_text().split()]
        except OSError:
            return []
        return [pid for pid in found if is_worker(pid)] or [self.process.pid]

    def kill_worker(self, rng: random.Random) -> None:
        """-9 to one that serves; if that is `serve` itself, it comes back after a while (see `revive`)."""
        if workers := self.workers():
            try:
                os.kill(rng.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                return

    def fill_disk(self, rng: random.Random) -> int:
        """One worker's files can grow no more; its pid."""
        pid = rng.choice(self.workers())
        limit_files(pid, (1000, resource.RLIM_INFINITY))
        return pid

    def revive(self) -> None:
        """Start it again if it has ended."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(60)
        finally:
            self.kill()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def is_worker(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"tornadogw" in words and b"mongod" not in words.split(b"\0")[0]


def limit_files(pid: int, limits: tuple[int, int]) -> None:
    try:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    except ProcessLookupError:
        return
