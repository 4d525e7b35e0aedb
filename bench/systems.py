"""The systems under measurement: how each is started, counted and stopped. Loopback only, all in one folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from pymongo import MongoClient

__all__ = ["MODELS", "PLACES", "NotThere", "System", "gateway", "hello", "mock", "nginx"]

HERE = Path(__file__).resolve().parent
HERE_FIRST = os.environ | {"PYTHONPATH": str(HERE.parent)}
"""A checkout is measured as it is, installed or not."""
START_SECONDS = 60.0
STOP_SECONDS = 15.0
TICKS = os.sysconf("SC_CLK_TCK")
PLACES = ("loop", "driver", "mongod")
OPERATIONS = ("aggregate", "commitTransaction", "count", "delete", "find", "findAndModify", "insert", "update")
MODELS = ("json", "sse-4000", "paced-100")
"""What the mock answers to; the gateway knows each as a free and as a priced model."""

GATEWAY_SETTINGS = """
[server]
host = "127.0.0.1"
[limits]
ip_per_minute = 1000000000
key_per_minute = 1000000000
[[upstreams]]
name = "mock"
vendor = "openai"
base_url = "http://127.0.0.1:{port}/v1"
keys = ["sk-mock"]
"""
MODEL_SETTINGS = """
[[models]]
name = "{name}"
price = {{ input = "{price}", output = "{price}" }}
routes = [{{ upstream = "mock", model = "{model}" }}]
"""
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000000;
  upstream mock {{ server 127.0.0.1:{mock}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""


class NotThere(Exception):
    """The system cannot be measured here; the sentence says why."""


class System:
    """A running program that answers on `port` to `key`."""

    def __init__(
        self, name: str, process: subprocess.Popen[bytes], port: int, key: str = "none", data: Path | None = None
    ) -> None:
        """`data`: the folder of its private MongoDB, if it has one."""
        self.name, self.process, self.port, self.key, self.data = name, process, port, key, data

    def operations(self) -> int:
        """What MongoDB was asked to do until now: reads and writes, not the polls of the change stream."""
        if self.data is None:
            return 0
        path = quote_plus(json.loads((self.data / "mongod.json").read_bytes())["socket"])
        with MongoClient[dict[str, Any]](f"mongodb://{path}/?directConnection=true") as client:
            commands = client.admin.command("serverStatus")["metrics"]["commands"]
        return sum(int(commands[name]["total"]) for name in OPERATIONS)

    def cpu(self) -> dict[str, float]:
        return cpu_by_place(self.process.pid)

    def stop(self) -> None:
        """Ends the program and all that it started."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def cpu_by_place(pid: int) -> dict[str, float]:
    """Seconds of user and system time of a process and its descendants (`/proc/PID/task/TID/stat`), by place.

    `loop`: the main threads. `driver`: their other threads, in which the database driver does its work. `mongod`.
    """
    seconds = dict.fromkeys(PLACES, 0.0)
    for one in _family(pid):
        for task in Path(f"/proc/{one}/task").glob("*"):
            with contextlib.suppress(OSError):
                rest = (task / "stat").read_text().rpartition(")")[2]
                fields = rest.split()
                place = "loop" if task.name == str(one) else "driver"
                place = "mongod" if Path(f"/proc/{one}/comm").read_text().strip() == "mongod" else place
                seconds[place] += (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(int(child))


def pinned(core: int) -> list[str]:
    """The head of a command line that keeps a program on one core, where there is more than one."""
    cores = sorted(os.sched_getaffinity(0))
    tool = shutil.which("taskset")
    return [tool, "-c", str(cores[core % len(cores)])] if tool and len(cores) > 1 else []


def start(
    folder: Path, name: str, core: int, pattern: str, *command: str, without: str = ""
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a program in a group of its own and wait until `pattern` is found in what it prints: (process, output).

    `without`: what a gateway leaves out, see bench/without.
    """
    environment = HERE_FIRST
    if without:
        path = os.pathsep.join((str(HERE / "without"), str(HERE.parent)))
        environment = HERE_FIRST | {"PYTHONPATH": path, "BENCH_WITHOUT": without}
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*pinned(core), *command],
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=HERE.parent,
            env=environment,
        )
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        said = log.read_text(errors="replace")
        if re.search(pattern, said):
            return process, said
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    raise NotThere(f"{name} did not start: {' '.join(command)}\n{log.read_text(errors='replace')[-2000:]}")


def mock(folder: Path) -> System:
    """The upstream of all others, on the load's core."""
    process, said = start(folder, "mock", 1, r"\d+\n", sys.executable, str(HERE / "mock.py"))
    return System("mock", process, int(said))


def hello(folder: Path, _upstream: System) -> System:
    """The bare Tornado application; it asks no upstream."""
    process, said = start(folder, "hello", 0, r"\d+\n", sys.executable, str(HERE / "hello.py"))
    return System("Tornado hello", process, int(said))


def nginx(folder: Path, upstream: System) -> System:
    """A plain reverse proxy, if it is installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise NotThere("nginx is not installed")
    home = folder / "nginx"
    home.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = home / "nginx.conf"
    config.write_text(NGINX.format(folder=home, mock=upstream.port, port=port))
    process, _ = start(folder, "nginx-out", 0, r"^", program, "-c", str(config), "-e", str(home / "error.log"))
    system = System("nginx", process, port)
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return system
        time.sleep(0.05)
    system.stop()
    raise NotThere(f"nginx does not answer: {(home / 'error.log').read_text()[-500:]}")


def gateway(folder: Path, upstream: System) -> System:
    """The gateway with everything on: authentication, limits, ledger, usage. Each model is there free and priced."""
    return _gateway(folder, upstream, "gateway")


def dry(folder: Path, upstream: System) -> System:
    """The same without the ledger's database work (bench/without)."""
    return _gateway(folder, upstream, "dry", without="database")


def bare(folder: Path, upstream: System) -> System:
    """The same without a ledger."""
    return _gateway(folder, upstream, "bare", without="ledger")


def _gateway(folder: Path, upstream: System, name: str, without: str = "") -> System:
    settings, data = folder / f"{name}.toml", folder / name
    text = GATEWAY_SETTINGS.format(port=upstream.port)
    for model in MODELS:
        for priced, price in ((model, "0"), (f"{model}-priced", "1")):
            text += MODEL_SETTINGS.format(name=priced, model=model, price=price)
    settings.write_text(text)
    base = (sys.executable, "-m", "tornadogw", "--data", str(data), "--settings", str(settings))
    process, said = start(folder, name, 0, r"curl .*\n", *base, "serve", "--port", "0", without=without)
    system = System(name, process, int(re.search(r"127\.0\.0\.1:(\d+)", said)[1]), data=data)  # type: ignore[index]  # start() waited for it
    try:
        _told(base, "account", "create", "bench@example.com")
        _told(base, "account", "credit", "bench@example.com", "100000")
        system.key = str(_told(base, "key", "create", "bench@example.com")["key"])
    except BaseException:
        system.stop()
        raise
    return system


def _told(base: tuple[str, ...], *command: str) -> dict[str, object]:
    """The JSON document that a command of the gateway prints."""
    done = subprocess.run(
        [*base, *command, "--json"], capture_output=True, text=True, timeout=START_SECONDS, check=False, env=HERE_FIRST
    )
    if done.returncode:
        raise NotThere(f"{' '.join(command)}: {done.stderr[-500:]}{done.stdout[-500:]}")
    document: dict[str, object] = json.loads(done.stdout)
    return document
