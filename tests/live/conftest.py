"""A real engine, llama.cpp with a tiny model of random weights, behind a real `serve`; both end with the tests.

Its answers are gibberish, its tokens, streams, limits and aborts are real. The same gateway has the model `echo`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.shared import lacking, shared
from tests.threaded import free_port

PACKAGES = ("xllamacpp", "gguf", "numpy", "requests", "langchain_openai")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
LIFE = 900
"""Seconds after which the engine ends by itself, should the tests be killed."""
SETTINGS = """
[limits]
key_per_minute = 100000
ip_per_minute = 100000

[defaults]
max_tokens = 60

[[upstreams]]
name = "engine"
vendor = "llamacpp"
base_url = "{engine}/v1"

[[upstreams]]
name = "echo"
vendor = "echo"

[[models]]
name = "tiny"
auto = 1
price = {{ input = "2", output = "6" }}
routes = [{{ upstream = "engine", model = "tiny-random" }}]

[[models]]
name = "echo"
price = {{ input = "1", output = "1" }}
routes = [{{ upstream = "echo", model = "echo" }}]
"""
INPUT, OUTPUT = 2, 6
"""Micro-units a token of `tiny`."""


class Absent(pytest.Module):
    """A test module that cannot be imported here, for want of packages."""

    def collect(self) -> NoReturn:
        lacking(f"no {', '.join(MISSING)}: install the extra `live`")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    return Absent.from_parent(parent, path=module_path) if MISSING else None


def waited(what: str, true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Engine:
    """llama.cpp's own HTTP server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def answers(self) -> bool:
        try:
            return bool(json.loads(self.get("/health"))["status"] == "ok")
        except OSError:
            return False

    def metric(self, name: str) -> float:
        lines = (line.partition(" ") for line in self.get("/metrics").splitlines())
        return next(float(value) for key, _, value in lines if key == f"llamacpp:{name}")

    def is_idle(self) -> bool:
        return not any(slot["is_processing"] for slot in json.loads(self.get("/slots")))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder, port = tmp_path_factory.mktemp("engine"), free_port()
    command = [sys.executable, str(shared("tools/tiny_llama.py")), str(folder / "tiny.gguf"), str(port), str(LIFE)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        engine = Engine(f"http://127.0.0.1:{port}")
        try:
            waited("the engine starts", lambda: process.poll() is not None or engine.answers(), 60)
            assert process.poll() is None, (folder / "log").read_text(errors="replace")
            yield engine
        finally:
            process.terminate()


class Gateway:
    """A running `serve`: its address, its owner's key, and its command line beside it."""

    def __init__(self, folder: Path, settings: str, log: Any) -> None:
        (folder / "settings.toml").write_text(settings, encoding="utf-8")
        places = ["--data", str(folder / "data"), "--settings", str(folder / "settings.toml")]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TORNADOGW_")}
        self._command = [sys.executable, "-W", "error", "-m", "tornadogw", *places]
        self._environ = {**kept, "LANG": "en_US.UTF-8"}
        self.process = subprocess.Popen(
            [*self._command, "serve", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            env=self._environ,
        )

    def begin(self) -> None:
        """Read what the first start says, and pay something in."""
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if line.startswith("}"):
                break
        first = json.loads(said)
        self.url, self.curl = first["url"], first["welcome"]["curl"]
        self.key, self.owner = first["welcome"]["key"], first["welcome"]["email"]
        self.headers = {"Authorization": f"Bearer {self.key}"}
        self.run("account", "credit", self.owner, "100", "--ref", "live")

    def run(self, *words: str) -> Any:
        """What a command beside the running gateway says."""
        done = subprocess.run(
            [*self._command, *words, "--json"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=self._environ,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def account(self) -> dict[str, Any]:
        """Once nothing is held any more: a client that left settles just after it is gone."""
        said: dict[str, Any] = {}

        def is_settled() -> bool:
            said.update(self.run("account", "show", self.owner))
            return bool(said["held"] == 0)

        waited("every hold is settled", is_settled)
        return said

    def spent(self) -> int:
        """Micro-units so far."""
        return int(self.account()["spent"])

    def check_books(self) -> None:
        """Every micro-unit is somewhere, and the rows of usage tell where."""
        account = self.account()
        assert account["balance"] + account["spent"] == account["credited"] == 100_000_000
        rows = self.run("usage", self.owner)["rows"]
        assert sum(row["cost"] for row in rows) == account["spent"] > 0
        for row in rows:
            paid = {"tiny": (INPUT, OUTPUT), "echo": (1, 1)}[row["model"]]
            assert row["cost"] == row["prompt_tokens"] * paid[0] + row["completion_tokens"] * paid[1], row


@pytest.fixture(scope="session")
def gateway(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """At the end its books must be right, its log without a warning, and its stop clean."""
    folder = tmp_path_factory.mktemp("gateway")
    with (folder / "log").open("wb") as log:
        gateway = Gateway(folder, SETTINGS.format(engine=engine.url), log)
        try:
            gateway.begin()
            yield gateway
            gateway.check_books()
        finally:
            gateway.process.terminate()
            code = gateway.process.wait(60)
            assert gateway.process.stdout is not None
            gateway.process.stdout.close()
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert code == 0, lines
    assert [line for line in lines if line["level"] not in {"debug", "info"}] == []
