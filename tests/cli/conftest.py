"""The real command line as subprocesses, warnings being errors, beside a MongoDB of its own or the suite's."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.serving import Gateway, environment
from tornadogw.__main__ import serve
from tornadogw.cli import main


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Done]


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
            timeout=120,
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
    where = {"TORNADOGW_MONGO__URL": mongod.url, "TORNADOGW_MONGO__DATABASE": mongo.database.name}

    def run(*words: str, stdin: str = "", **extra: str) -> Done:
        monkeypatch.setattr(os, "environ", environment(**where, **extra))
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(serve, ["--data", str(tmp_path / "data"), *words])
        out, err = capfdbinary.readouterr()
        return Done(code, out.decode(), err.decode())

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts `serve` on a free port with a private MongoDB; what still runs is stopped at the end of the test."""
    started: list[Gateway] = []

    def run(*words: str, **extra: str) -> Gateway:
        started.append(Gateway(tmp_path / "data", words, extra))
        return started[-1]

    yield run
    for gateway in started:
        gateway.end()
