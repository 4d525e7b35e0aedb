"""`tornadogw serve` as a subprocess, warnings being errors, on a free port, and a client of it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socket import create_connection
from typing import Any
from urllib.parse import urlsplit

CHAT = {"messages": [{"role": "user", "content": "Hello"}]}
LANGUAGE = ("LC_ALL", "LC_MESSAGES", "LANG")


def environment(**extra: str) -> dict[str, str]:
    """Ours, without what the developer's own gateway may have set, in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TORNADOGW_", *LANGUAGE))}
    return {**kept, "LANG": "en_US.UTF-8", **extra}


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
        code = self.process.wait(60)
        self.process.stdout.close()
        return code

    def end(self) -> None:
        """However a test has left it: nothing of it is left."""
        assert self.process.stdout is not None
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def children(self) -> dict[int, str]:
        """The program's name of each process that the supervisor has started, zombies as `zombie`."""
        pid, found = self.process.pid, {}
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            try:
                state = Path(f"/proc/{child}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):  # it has ended since, maybe between open and read
                continue
            name, state = state.partition("(")[2].rpartition(")")[::2]
            found[int(child)] = "zombie" if state.split()[0] == "Z" else name
        return found

    def workers(self) -> set[int]:
        return {pid for pid, name in self.children().items() if name not in ("mongod", "zombie")}

    def mongod(self) -> int:
        (pid,) = (pid for pid, name in self.children().items() if name == "mongod")
        return pid


class Client:
    """Somebody with the owner's key."""

    def __init__(self, gateway: Gateway) -> None:
        self.said = said = json.loads(gateway.read_until("}"))
        self.gateway, self.place, self.key = gateway, urlsplit(said["url"]), said["welcome"]["key"]

    def connect(self) -> http.client.HTTPConnection:
        assert self.place.hostname is not None
        return http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=30)

    @contextmanager
    def ask(self, body: Any) -> Iterator[http.client.HTTPResponse]:
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        with closing(self.connect()) as connection:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            yield connection.getresponse()

    def slow(self, words: int, **more: Any) -> Any:
        """A stream of that many words, a tenth of a second each; it has begun."""
        content = "echo:slow 100\n" + " ".join(f"w{number}" for number in range(words))
        return self.ask({"stream": True, "messages": [{"role": "user", "content": content}], **more})

    def status(self) -> tuple[int, Any]:
        with self.ask(CHAT) as response:
            return response.status, json.load(response)

    def models(self) -> tuple[set[int], set[str]]:
        """Over a connection of its own: who answers, and the models that it knows."""
        with closing(self.connect()) as connection:
            connection.request("GET", "/v1/models", headers={"X-API-Key": self.key})
            ours = connection.sock.getsockname()[1]  # a worker that stops closes the connection with its answer
            response = connection.getresponse()
            served = self.server(ours)
            assert response.status == 200
            return served, {each["id"] for each in json.load(response)["data"]}

    def server(self, ours: int) -> set[int]:
        """The process at the other end of the connection from our port; none if it is closed. Found by the socket's
        number in its table of open files.
        """
        ends = {(self.place.port, ours)}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if (int(words[1][-4:], 16), int(words[2][-4:], 16)) in ends:
                link = f"socket:[{words[9]}]"
                return {pid for pid in self.gateway.workers() if link in _links(pid)}
        return set()

    def can_connect(self) -> bool:
        try:
            with create_connection((self.place.hostname, self.place.port), timeout=5):
                return True
        except (ConnectionRefusedError, ConnectionResetError):  # the second: it was in the queue of a closing socket
            return False


def _links(pid: int) -> set[str]:
    found = set()
    with suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # closed since
                found.add(str(each.readlink()))
    return found
