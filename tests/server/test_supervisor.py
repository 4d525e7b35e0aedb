"""The supervisor: its workers share a port, die and come back, are reloaded and stopped. Real processes and signals."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.ports import free_ports
from tests.serving import environment
from tornadogw.server.supervisor import Supervisor

MODEL = """
[[upstreams]]
name = "nowhere"
vendor = "openai"
base_url = "http://127.0.0.1:1"
keys = ["sk-none"]

[[models]]
name = "{name}"
price = {{ input = "1", output = "1" }}
[[models.routes]]
upstream = "nowhere"
model = "any"
"""


def settle(client, done):
    """Ask over new connections until `done(process, models)`; each is answered."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        served, models = client.models()
        if done(served, models):
            return
    lines = client.gateway.log.read_text().splitlines()
    raise AssertionError("\n".join(line for line in lines if '"access"' not in line))


def answering(client, count, former=frozenset()):
    """The processes of so many workers beside `former`, each of which was seen to answer."""
    seen = set()

    def all_seen(served, _):
        seen.intersection_update(client.gateway.workers())
        seen.update(served - former)
        return len(seen) == count

    settle(client, all_seen)
    return seen


def logged(client, text):
    """Asks on until the log says so."""
    settle(client, lambda *_: text in client.gateway.log.read_text())


def gone(pids, seconds):
    """Whether each of the processes ends within that time. Opened before they are told to."""
    ends = [os.pidfd_open(pid) for pid in pids]

    def wait():
        left = set(ends)
        while left:
            ended, _, _ = select.select(list(left), [], [], seconds)
            if not ended:
                break
            left -= set(ended)
        for end in ends:
            os.close(end)
        return not left

    return wait


def refused(client):
    """It accepts nobody more, once its signal was heard."""
    end = time.monotonic() + 60
    while client.can_connect():
        assert time.monotonic() < end, "it goes on accepting"


def kill(pid):
    """Until then it may accept one connection more, which it never answers."""
    end = gone([pid], 60)
    os.kill(pid, signal.SIGKILL)
    assert end()


def test_workers_share_a_port_and_the_dead_are_replaced(launch):
    gateway, client = launch("--workers", "3")
    first = answering(client, 3)
    assert first == gateway.workers()
    victim = min(first)
    kill(victim)
    second = answering(client, 3)
    assert first - second == {victim}
    assert "zombie" not in gateway.children().values()
    assert "ended by SIGKILL; another is started in 0 s" in gateway.log.read_text()
    assert gateway.stop() == 0


def test_nobody_survives_a_killed_supervisor(launch):
    """Also with an answer under way; the private mongod goes, too, and the next start finds all it needs."""
    gateway, client = launch("--workers", "2", own=True)
    everybody = gone([*answering(client, 2), gateway.mongod()], 60)
    with client.slow(1200) as response:
        assert response.readline().startswith(b"data: {")
        gateway.process.kill()
        gateway.process.wait(10)
        assert everybody()
    assert not client.can_connect()


@pytest.mark.parametrize(("stop", "workers", "own"), [(signal.SIGTERM, 2, True), (signal.SIGINT, 1, False)])
def test_a_stop_lets_running_answers_finish_and_accepts_no_more(launch, stop, workers, own):
    gateway, client = launch("--workers", str(workers), own=own)
    answering(client, workers)
    with ExitStack() as stack:
        streams = [stack.enter_context(client.slow(10)) for _ in range(4 * workers - 3)]
        for response in streams:
            assert response.readline().startswith(b"data: {")
        gateway.process.send_signal(stop)
        refused(client)
        for response in streams:
            assert response.read().endswith(b"data: [DONE]\n\n")
    assert gateway.process.wait(60) == 0
    assert not (gateway.log.parent / "data" / "mongod.json").exists()
    assert all(json.loads(line) for line in gateway.log.read_text().splitlines())


def test_the_second_signal_waits_for_nobody(launch):
    gateway, client = launch()
    workers = gone(gateway.workers(), 20)
    with client.slow(600) as response:
        assert response.readline().startswith(b"data: {")
        gateway.process.terminate()
        refused(client)
        gateway.process.terminate()
        assert gateway.process.wait(20) == 1
    assert workers()
    assert "stopping at once" in gateway.log.read_text()


def test_new_settings_without_a_refused_connection(launch, tmp_path):
    """Every connection of `settle` is a new one, and none is refused or broken off."""
    file = tmp_path / "data" / "settings.toml"
    file.parent.mkdir()
    file.write_text("[server]\nworkers = 2\n")
    gateway, client = launch()
    former = answering(client, 2)
    with client.slow(30) as response:
        assert response.readline().startswith(b"data: {")
        file.write_text("[server]\nworkers = 3\n" + MODEL.format(name="new"))
        gateway.process.send_signal(signal.SIGHUP)
        settle(client, lambda _, models: "new" in models)
        now = answering(client, 3, former)
        assert response.read().endswith(b"data: [DONE]\n\n")
    settle(client, lambda *_: gateway.workers() == now)

    file.write_text("[server\n")
    gateway.process.send_signal(signal.SIGHUP)
    logged(client, "the settings are not read again: ")
    file.write_text(MODEL.format(name="other").replace("openai", "nobody"))
    gateway.process.send_signal(signal.SIGHUP)
    logged(client, "the new settings cannot be served, the former ones are kept: ")
    file.write_text("[server]\nhost = '::1'\n")
    gateway.process.send_signal(signal.SIGHUP)
    logged(client, "server.host changes by a restart only")
    kill(min(now))
    assert len(answering(client, 3) & now) == 2
    assert "new" in client.models()[1]
    file.write_text("[server]\nworkers = 1\n")
    gateway.process.send_signal(signal.SIGHUP)
    settle(client, lambda _, models: "echo" in models and len(gateway.workers()) == 1)
    assert gateway.stop() == 0


def figures(port, name):
    """The values of a figure at such an address, by the worker that tells them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    found = {}
    for worker, value in re.findall(rf'^{name}{{.*worker="(\d+)".*}} (\S+)$', text, re.MULTILINE):
        found[worker] = found.get(worker, 0) + float(value)
    return found


def test_each_worker_is_asked_for_its_own_figures(launch, tmp_path):
    port = free_ports(2)
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "settings.toml"
    file.write_text(f"[server]\nworkers = 2\n[metrics]\nport = {port}\n")
    gateway, client = launch()
    assert client.said["metrics"] == [f"http://127.0.0.1:{port + at}/metrics" for at in range(2)]
    former = answering(client, 2)
    for _ in range(20):
        assert client.status()[0] == 200
    calls = [figures(port + at, "tornadogw_requests_total") for at in range(2)]
    assert [set(each) <= {str(at)} for at, each in enumerate(calls)] == [True, True]
    assert sum(each.get(str(at), 0) for at, each in enumerate(calls)) == 20

    file.write_text(f"[server]\nworkers = 2\n[metrics]\nport = {port + 1}\n")
    gateway.process.send_signal(signal.SIGHUP)
    logged(client, "metrics.port changes by a restart only")
    file.write_text(f"[server]\nworkers = 2\n[metrics]\nport = {port}\n" + MODEL.format(name="new"))
    gateway.process.send_signal(signal.SIGHUP)
    settle(client, lambda _, models: "new" in models)
    fresh = answering(client, 2, former)
    settle(client, lambda *_: gateway.workers() == fresh)
    assert [figures(port + at, "tornadogw_requests_total") for at in range(2)] == [{}, {}]
    assert [figures(port + at, "tornadogw_info") for at in range(2)] == [{"0": 1}, {"1": 1}]

    file.write_text(f"[server]\nworkers = 1\n[metrics]\nport = {port}\n")
    gateway.process.send_signal(signal.SIGHUP)
    settle(client, lambda _, models: "echo" in models and len(gateway.workers()) == 1)
    assert figures(port, "tornadogw_info") == {"0": 1}
    with pytest.raises(urllib.error.URLError, match="refused"):
        figures(port + 1, "tornadogw_info")
    assert gateway.stop() == 0


def test_a_taken_port_for_figures_ends_the_start(tmp_path):
    """That of the second worker, too: nobody finds out later that its figures are missing."""
    port = free_ports(2)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.toml").write_text(f"[metrics]\nport = {port}\n")
    with socket.create_server(("127.0.0.1", port + 1)):
        done = run(tmp_path, "--port", "0", "--workers", "2")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port + 1} (Address already in use): choose another metrics.port" in done.stderr
    assert not (tmp_path / "data" / "mongod").exists()


def test_one_worker_is_reloaded_as_well(launch, tmp_path):
    gateway, client = launch()
    (former,) = gateway.workers()
    (tmp_path / "data" / "settings.toml").write_text(MODEL.format(name="new"))
    gateway.process.send_signal(signal.SIGHUP)
    settle(client, lambda served, models: "new" in models and served == gateway.workers())
    assert gateway.workers() != {former}
    assert gateway.stop() == 0


def test_a_dead_mongod_is_revived(launch):
    gateway, client = launch(own=True)
    assert client.status()[0] == 200
    former = gateway.mongod()
    os.kill(former, signal.SIGKILL)
    while "was started again" not in gateway.log.read_text():
        assert client.status()[0] in {200, 429, 503}  # a free call needs no database
    while not (fresh := {pid for pid, name in gateway.children().items() if name == "mongod"} - {former}):
        time.sleep(0.01)  # until it has become one
    assert fresh
    assert gateway.stop() == 0
    assert all(json.loads(line) for line in gateway.log.read_text().splitlines())


def test_a_mongod_that_cannot_be_started_is_tried_again(claim_log):
    claim_log("tornadogw.server.supervisor", "cannot be started again yet: no memory")
    claim_log("tornadogw.server.supervisor", "was started again")
    supervisor = object.__new__(Supervisor)
    supervisor._private = Mock(revive=Mock(side_effect=[OSError("no memory"), True, False]))
    for _ in range(3):
        supervisor._revive()


def run(tmp_path, *words):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tornadogw", "--data", str(tmp_path / "data"), "serve", *words],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_taken_port_costs_nothing_but_a_sentence(launch, tmp_path):
    """The login of the first start is told once: it must not be made by a start that fails."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(tmp_path, "--port", str(taken.getsockname()[1]), "--workers", "2")
    assert done.returncode == 1
    assert "cannot listen on 127.0.0.1" in done.stderr
    assert not (tmp_path / "data" / "mongod").exists()
    gateway, client = launch(own=True)
    assert client.key.startswith("sk-")
    assert client.status()[0] == 200
    assert run(tmp_path, "--port", str(client.place.port)).returncode == 1
    assert gateway.stop() == 0


def test_settings_with_which_no_worker_starts_end_it(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.toml").write_text(MODEL.format(name="other").replace("openai", "nobody"))
    done = run(tmp_path, "--port", "0", "--workers", "2")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert "nobody" in done.stderr
    assert not (tmp_path / "data" / "mongod.json").exists()


def test_it_stops_when_its_terminal_is_closed(tmp_path):
    """SIGHUP comes from there, too."""
    pid, terminal = os.forkpty()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
        words = ["-m", "tornadogw", "--data", str(tmp_path / "data"), "serve", "--port", "0"]
        os.execve(sys.executable, [sys.executable, *words], environment())
    said = b""
    while b"ready in" not in said:
        said += os.read(terminal, 4096)
    end = os.pidfd_open(pid)
    os.close(terminal)
    assert select.select([end], [], [], 60)[0]
    os.close(end)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not (Path(tmp_path) / "data" / "mongod.json").exists()
