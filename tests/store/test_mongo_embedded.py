from __future__ import annotations

import json
import os
import select
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.freezing import freeze
from tornadogw.store import mongo_embedded
from tornadogw.store.mongo_embedded import MongodFailed, PrivateMongod, open_private
from tornadogw.store.mongo_wire import command

OWNER = """
import sys
from pathlib import Path
from tornadogw.store import mongo_embedded, mongod_exec
if sys.argv[3:] == ["no-death-signal"]:
    plain = Path(sys.argv[1]).with_name("plain.py")
    plain.write_text("import os, sys; os.execv(sys.argv[2], sys.argv[2:])")
    mongod_exec.__file__ = str(plain)
private = mongo_embedded.open_private(Path(sys.argv[1]), sys.argv[2])
print(private.pid, private.url, flush=True)
if sys.argv[3:] == ["write"]:
    from pymongo import MongoClient
    things = MongoClient(private.url, w="majority", journal=True).t.things
    n = 0
    while True:
        things.insert_one({"_id": n})
        print(n, flush=True)
        n += 1
sys.stdin.read()
private.stop()
"""
"""A process that owns the server of a data folder until its standard input ends, or it is killed."""


class Owner:
    def __init__(self, data: Path, role: str, *how: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(data), role, *how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        pid, self.url = self.process.stdout.readline().split()
        self.mongod = int(pid)
        self.ended = os.pidfd_open(self.mongod)

    def kill(self) -> list[str]:
        """Kill -9; gives back what it said."""
        self.process.kill()
        said = self.process.stdout.read().splitlines()
        self.process.wait()
        return said

    def mongod_ends(self, seconds: float) -> bool:
        return bool(select.select([self.ended], [], [], seconds)[0])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.ended, signal.SIGKILL)
        os.close(self.ended)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Callable[..., Owner]]:
    owners: list[Owner] = []

    def start(role: str, *how: str) -> Owner:
        owners.append(Owner(tmp_path / "data", role, *how))
        return owners[-1]

    yield start
    for each in owners:
        each.close()


@pytest.fixture
def open_here(tmp_path: Path) -> Iterator[Callable[..., PrivateMongod]]:
    """`open_private` of this process on the same data folder; what it started is gone at the end."""
    with ExitStack() as stack:

        def start(role: mongo_embedded.Role = "command", wait: float = 60.0) -> PrivateMongod:
            private = open_private(tmp_path / "data", role, wait=wait)
            stack.callback(stop_at_once, private)
            return private

        yield start


def stop_at_once(private: PrivateMongod) -> None:
    """A clean stop takes a second and has its own test."""
    if private.pid:
        os.kill(private.pid, signal.SIGKILL)
    private.stop()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def things(url: str) -> list[int]:
    with MongoClient(url, timeoutMS=10_000) as client:
        return [each["_id"] for each in client.t.things.find().sort("_id")]


def add(url: str, number: int) -> None:
    with MongoClient(url, timeoutMS=10_000, w="majority") as client:
        client.t.things.insert_one({"_id": number})


# --- owning ----------------------------------------------------------------------------------------------------------


def test_a_server_is_started_used_and_stopped(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with open_private(data, "serve") as private:
        pid, socket = private.pid, Path(private.socket)
        assert private.owned
        assert private.binary is not None
        assert json.loads((data / "mongod.json").read_text()) == {
            "owner": "serve",
            "pid": os.getpid(),
            "socket": str(socket),
        }
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert os.getsid(pid) == pid, "Ctrl-C would reach it"
        assert not listens_on_tcp(pid)
        arguments = command(str(socket), {"getCmdLineOpts": 1})["parsed"]
        assert arguments["net"]["compression"]["compressors"] == "disabled"
        with MongoClient(private.url, timeoutMS=5000) as client, client.start_session() as session:
            session.with_transaction(lambda s: client.t.things.insert_one({"_id": 1}, session=s))
            with client.t.watch(max_await_time_ms=10) as stream:
                assert stream.try_next() is None
        assert private.revive() is False
    assert not Path(f"/proc/{pid}").exists()
    assert not (data / "mongod.json").exists()
    assert not socket.parent.exists()
    private.stop()


def listens_on_tcp(pid: int) -> bool:
    ours = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            ours.add(str(each.readlink()).removeprefix("socket:[").removesuffix("]"))
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return any(fields[9] in ours and fields[3] == "0A" for fields in lines)


def test_the_socket_may_move(open_here, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_here()
    add(first.url, 1)
    stop_at_once(first)
    with tempfile.TemporaryDirectory(prefix="Other") as runtime:  # short: a socket's path is, and tmp_path may not be
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        second = open_here()
        assert second.socket.startswith(runtime)
        assert second.socket != first.socket
        add(second.url, 2)
        assert things(second.url) == [1, 2]


def test_a_server_that_died_is_revived(open_here) -> None:
    private = open_here("serve")
    add(private.url, 1)
    former = private.pid
    os.kill(former, signal.SIGKILL)
    until(private.revive)
    assert private.pid != former
    until(lambda: mongo_embedded._is_primary(private.socket))
    assert things(private.url) == [1]


def test_another_thread_may_not_start_it(tmp_path: Path) -> None:
    caught: list[Exception] = []

    def start() -> None:
        try:
            open_private(tmp_path, "serve")
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "die with that thread" in str(caught[0])


# --- a start that fails ----------------------------------------------------------------------------------------------


def test_a_server_that_does_not_start_tells_why_and_leaves_the_folder_free(
    open_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "mongod"
    error = '{"s":"F","msg":"Wrong mongod version","attr":{"error":"UPGRADE PROBLEM"}}'
    fake.write_text(f"#!/bin/sh\n[ $1 = --version ] && echo 'db version v9.0.0' && exit\necho '{error}'\nexit 62\n")
    fake.chmod(0o755)
    monkeypatch.setenv("TORNADOGW_MONGOD", str(fake))
    with pytest.raises(MongodFailed, match=r"status 62: Wrong mongod version UPGRADE PROBLEM \(log: .*mongod\.log\)"):
        open_here()
    monkeypatch.delenv("TORNADOGW_MONGOD")
    assert open_here().owned


def test_a_server_that_never_answers_is_ended(open_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "mongod"
    fake.write_text("#!/bin/sh\n[ $1 = --version ] && echo 'db version v9.0.0' && exit\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("TORNADOGW_MONGOD", str(fake))
    monkeypatch.setattr(mongo_embedded, "START_SECONDS", 0.5)
    started, spawn = [], mongo_embedded.Server._spawn

    def spawning(self: mongo_embedded.Server) -> subprocess.Popen[bytes]:
        started.append(spawn(self))
        return started[-1]

    monkeypatch.setattr(mongo_embedded.Server, "_spawn", spawning)
    with pytest.raises(MongodFailed, match="did not answer within"):
        open_here()
    [fake_server] = started
    assert not Path(f"/proc/{fake_server.pid}").exists()


# --- several processes -----------------------------------------------------------------------------------------------


def test_beside_a_running_serve_a_command_uses_its_server_and_a_second_serve_gives_up(owner, open_here) -> None:
    serve = owner("serve")
    private = open_here("command")
    assert (private.owned, private.url, private.pid, private.binary) == (False, serve.url, None, None)
    add(private.url, 1)
    assert private.revive() is False
    private.stop()
    assert things(serve.url) == [1]
    with pytest.raises(MongodFailed, match=rf"in use by `tornadogw serve` \(process {serve.process.pid}\)"):
        open_here("serve", wait=0.1)


def test_beside_a_command_everybody_waits(owner, open_here) -> None:
    running = owner("command")
    for role in ("command", "serve"):
        with pytest.raises(MongodFailed, match=rf"in use by another command \(process {running.process.pid}\)"):
            open_here(role, wait=0.1)
    running.process.stdin.close()  # it stops its server, and then lets go
    assert open_here("serve").owned


# --- crashes ---------------------------------------------------------------------------------------------------------


def test_a_killed_owner_takes_the_server_with_it_and_nothing_acknowledged_is_lost(owner, open_here) -> None:
    writer = owner("serve", "write")
    until(lambda: len(things(writer.url)) > 20)
    acknowledged = [int(line) for line in writer.kill()]
    private = open_here("serve")  # waits for the former server
    assert writer.mongod_ends(0)
    assert len(acknowledged) >= 20  # the last write that was seen may have been killed before it was acknowledged
    assert things(private.url)[: len(acknowledged)] == acknowledged


def test_a_server_that_outlived_its_owner_is_stopped_first(owner, open_here) -> None:
    former = owner("command", "no-death-signal")
    add(former.url, 1)
    former.kill()
    assert not former.mongod_ends(0.2), "it died by itself: this test shows nothing"
    private = open_here()
    assert former.mongod_ends(0)
    assert things(private.url) == [1]


def test_a_former_server_that_does_not_stop_is_named(owner, open_here, monkeypatch: pytest.MonkeyPatch) -> None:
    former = owner("command", "no-death-signal")
    former.kill()
    freeze(former.mongod)
    monkeypatch.setattr(mongo_embedded, "FORMER_SECONDS", 0.1)
    with pytest.raises(MongodFailed, match=rf"former mongod \(process {former.mongod}\)"):
        open_here()


def test_a_pid_that_now_belongs_to_another_program_is_left_alone(open_here, tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as innocent:
        folder = tmp_path / "data" / "mongod"
        folder.mkdir(parents=True)
        (folder / "mongod.lock").write_text(f"{innocent.pid}\n")
        assert open_here().owned
        assert innocent.poll() is None


def test_a_server_still_reading_its_replica_set_is_asked_again(mongod, monkeypatch) -> None:
    """Just started it says that it has none, and refuses to be given one: code 23, from the real server here."""
    server, asked = mongod._server, []

    def ask(document):
        asked.append(next(iter(document)))
        if len(asked) == 1:
            return {"ok": 0, "code": 94, "errmsg": "no replset config has been received"}
        return command(server.socket, document)

    monkeypatch.setattr(server, "_ask", ask)
    server._make_primary()
    assert asked == ["replSetGetConfig", "replSetInitiate", "replSetGetConfig"]


def test_other_refusals_are_told(mongod, monkeypatch) -> None:
    monkeypatch.setattr(mongod._server, "_ask", lambda _: {"ok": 0, "code": 94, "errmsg": "never"})
    with pytest.raises(MongodFailed, match="refused replSetInitiate: never"):
        mongod._server._make_primary()
