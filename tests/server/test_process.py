"""The serving process: how it stops, and what it does when its MongoDB dies. Real processes, real signals."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serving import Gateway, environment
from tornadogw.server import process as server

CHAT = {"messages": [{"role": "user", "content": "Hello"}]}


class Client:
    """One connection to a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        said = json.loads(gateway.read_until("}"))
        self.place, self.key = urlsplit(said["url"]), said["welcome"]["key"]

    @contextmanager
    def ask(self, body):
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        with closing(http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=30)) as connection:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            yield connection.getresponse()

    def slow(self, words, **more):
        """A stream of that many words, a tenth of a second each; it has begun."""
        content = "echo:slow 100\n" + " ".join(f"w{number}" for number in range(words))
        return self.ask({"stream": True, "messages": [{"role": "user", "content": content}], **more})

    def status(self):
        with self.ask(CHAT) as response:
            return response.status, json.load(response)

    def can_connect(self):
        try:
            with socket.create_connection((self.place.hostname, self.place.port), timeout=5):
                return True
        except ConnectionRefusedError:
            return False


@pytest.fixture
def start(tmp_path):
    started = []

    def start(**settings):
        settings = {f"TORNADOGW_{name.upper()}": str(value) for name, value in settings.items()}
        started.append(Gateway(tmp_path / "data", ("--json",), settings))
        return started[-1], Client(started[-1])

    yield start
    for gateway in started:
        if gateway.process.poll() is None:
            gateway.stop()
        gateway.process.stdout.close()


def first_event(response):
    """The line with the first useful event: the answer has begun."""
    line = response.readline()
    assert line.startswith(b"data: {"), line
    return line


def mongod_of(gateway: Gateway) -> int:
    """The process of the private server: the gateway's only child."""
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    (child,) = children
    return int(child)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_running_answers_finish_and_accepts_no_more(start, stop):
    gateway, client = start()
    with client.slow(10) as response:
        first_event(response)
        gateway.process.send_signal(stop)
        rest = response.read()
        assert not client.can_connect()
    assert rest.endswith(b"data: [DONE]\n\n")
    assert gateway.process.wait(20) == 0
    assert not (gateway.log.parent / "data" / "mongod.json").exists()


def test_a_stop_cuts_what_takes_too_long(start):
    gateway, client = start(server__drain="0.3")
    with client.slow(300) as response:
        first_event(response)
        gateway.process.terminate()
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
    assert b"[DONE]" not in caught.value.partial
    assert gateway.process.wait(20) == 0
    assert "1 answers are cut short" in gateway.log.read_text()


def test_a_dead_mongod_is_revived(start):
    gateway, client = start()
    assert client.status()[0] == 200
    former = mongod_of(gateway)
    os.kill(former, signal.SIGKILL)
    while "was started again" not in (log := gateway.log.read_text()):
        assert client.status()[0] in {200, 429, 503}  # a free call needs no database
    assert mongod_of(gateway) != former
    assert all(json.loads(line) for line in log.splitlines())
    assert gateway.stop() == 0


def test_mongod_dies_with_a_killed_gateway(start):
    gateway, _ = start()
    mongod = os.pidfd_open(mongod_of(gateway))
    gateway.process.kill()
    gateway.process.wait(10)
    ended, _, _ = select.select([mongod], [], [], 20)
    os.close(mongod)
    assert ended


def test_a_taken_port_costs_nothing_but_a_sentence(start, tmp_path):
    """The login of the first start is told once: it must not be made by a start that fails."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ("--data", str(tmp_path / "data"), "serve", "--port", str(taken.getsockname()[1]))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "tornadogw", *words],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
            timeout=30,
        )
    assert done.returncode == 1
    assert "cannot listen on 127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data" / "mongod").exists()
    gateway, client = start()
    assert client.key.startswith("sk-")
    assert client.status()[0] == 200
    assert gateway.stop() == 0


async def test_a_mongod_that_cannot_be_started_is_tried_again(monkeypatch, claim_log):
    claim_log("tornadogw.server.process", "cannot be started again yet: no memory")
    claim_log("tornadogw.server.process", "was started again")
    monkeypatch.setattr(server, "REVIVE", 0.0)
    revived = asyncio.Event()

    class Private:
        looks = 0

        def revive(self):
            self.looks += 1
            if self.looks == 1:
                raise OSError("no memory")
            if self.looks == 3:
                revived.set()
            return self.looks == 2

    process = object.__new__(server._Process)
    process._private = Private()
    guard = asyncio.create_task(process._guard_mongod())
    async with asyncio.timeout(5):
        await revived.wait()
    guard.cancel()
    await asyncio.wait({guard})
