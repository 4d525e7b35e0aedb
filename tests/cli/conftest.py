"""The real command line as subprocesses, warnings being errors, beside a MongoDB of its own or the suite's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tornadogw.__main__ import serve
from tornadogw.cli import main

LANGUAGE = ("LC_ALL", "LC_MESSAGES", "LANG")


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Done]


def environment(**extra: str) -> dict[str, str]:
    """Ours, without what the developer's own gateway may have set, in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TORNADOGW_", *LANGUAGE))}
    return {**kept, "LANG": "en_US.UTF-8", **extra}


@pytest.fixture
def alone(tmp_path: Path) -> Cli:
    """Runs `tornadogw --data tmp/data ...` with a private MongoDB of its own."""

    def run(*words: str, stdin: str = "", **extra: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "tornadogw", "--data", str(tmp_path / "data"), *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            input=stdin,
            timeout=60,
            check=False,
            env=environment(**extra),
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def cli(alone: Cli, mongod, mongo) -> Cli:
    """The same on the suite's MongoDB, in a database of this test alone: no server to start for each command."""
    where = {"TORNADOGW_MONGO__URL": mongod.url, "TORNADOGW_MONGO__DATABASE": mongo.database.name}

    def run(*words: str, stdin: str = "", **extra: str) -> Done:
        return alone(*words, stdin=stdin, **where, **extra)

    return run


@pytest.fixture
def inside(mongod, mongo, tmp_path: Path, monkeypatch, capfdbinary) -> Cli:
    """As `cli`, but in this process: for the many small cases that need no process of their own."""
    environ = environment(TORNADOGW_MONGO__URL=mongod.url, TORNADOGW_MONGO__DATABASE=mongo.database.name)
    monkeypatch.setattr(os, "environ", environ)

    def run(*words: str) -> Done:
        code = main(serve, ["--data", str(tmp_path / "data"), *words])
        out, err = capfdbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return run


class Gateway:
    """A running `serve`."""

    def __init__(self, data: Path, words: tuple[str, ...], extra: dict[str, str]) -> None:
        self.log = data.with_suffix(".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tornadogw", "--data", str(data), "serve", "--port", "0", *words],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=environment(**extra),
            )

    def read_until(self, end: str) -> str:
        """What it says up to the line that starts with `end`, which it flushes while it runs on."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith(end):
                return "".join(lines)
        raise AssertionError(f"it ended early: {''.join(lines)} {self.log.read_text()}")

    def stop(self) -> int:
        assert self.process.stdout is not None
        self.process.terminate()
        code = self.process.wait(30)
        self.process.stdout.close()
        return code


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts `serve` on a free port with a private MongoDB; what still runs is stopped at the end of the test."""
    started: list[Gateway] = []

    def run(*words: str, **extra: str) -> Gateway:
        started.append(Gateway(tmp_path / "data", words, extra))
        return started[-1]

    yield run
    for gateway in started:
        if gateway.process.poll() is None:
            gateway.stop()
