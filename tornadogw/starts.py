"""Which processes run, and how many: each registers a start and renews it by a heartbeat.

The first version held money call by call, under the start's name. Such holds of dead starts are given back when a
process starts: a crash costs the operator the calls in flight, never the customer. Whom only a recent heartbeat speaks
for then, is judged once more when it must have beaten again. Nothing is given back for its age alone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

import msgspec

from tornadogw.store.ports import Released, Start, StartStore, StoreUnavailable

__all__ = ["Process", "Starts", "alive", "this_process"]

log = logging.getLogger(__name__)

_ROUNDING = 0.1
"""Seconds by which the clocks of database and process may differ over one silence."""


class Process(msgspec.Struct, frozen=True):
    """One process of one machine; fields as in `Start`."""

    host: str
    pid: int
    began: str


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _began(pid: int) -> str:
    """Clock ticks from boot to the start of the process; empty where there is no telling or it does not run."""
    # After the name, which may hold anything: the state, and 18 fields later the beginning.
    state, *fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split() or ("Z",)
    return "" if state in {"Z", "X"} else fields[18]


def _host() -> str:
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return " ".join((socket.gethostname(), _read("/proc/sys/kernel/random/boot_id"), namespace))


def this_process() -> Process:
    return Process(_host(), os.getpid(), _began(os.getpid()))


def alive(process: Process) -> bool:
    """Whether a process of this machine still runs."""
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's: it runs, and its beginning tells whether it is the one
    return _began(process.pid) == process.began


class Starts:
    """This process's start, and the judge of the others. `begin` before the first hold."""

    def __init__(
        self, store: StartStore, process: Process | None = None, *, every: float = 5.0, silence: float = 30.0
    ) -> None:
        """`every`: seconds between heartbeats; `silence`: seconds without one that end a start of another machine."""
        self._store, self._every, self._silence = store, every, silence
        self._tasks: set[asyncio.Task[None]] = set()
        self._judging = False
        self._alive = 1
        process = process or this_process()
        self.start = Start(secrets.token_hex(8), process.host, process.pid, process.began)

    @property
    def id(self) -> str:
        """The start's id, for the ledger."""
        return self.start.id

    @property
    def processes(self) -> int:
        """Processes that share the database, this one included, as of its last heartbeat."""
        return self._alive

    async def begin(self) -> None:
        """Register, and keep registered until `end`. Raises `StoreUnavailable`."""
        await self._beat()
        self._tasks.add(asyncio.create_task(self._keep_beating(), name="heartbeat"))

    async def end(self) -> None:
        """Stop and forget the start; what it still holds is given back by the next one."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks.clear()
        with suppress(StoreUnavailable):
            await self._store.end(self.id)

    async def release_dead_starts(self) -> Released:
        """Give back what dead starts hold; once more later, if a start of another machine may have just died.

        Raises `StoreUnavailable`; safe to repeat. A container that was restarted is another machine to its own past.
        """
        released, undecided = await self._judge()
        if undecided and not self._judging:
            self._judging = True
            self._tasks.add(asyncio.create_task(self._judge_again(), name="judge of starts"))
        return released

    async def _judge(self) -> tuple[Released, bool]:
        """What was given back, and whether others live only because their last heartbeat is recent."""
        # Holders first: a start is registered before it holds, so whoever holds and is not registered is dead.
        holders = await self._store.holding()
        starts = await self._store.starts()
        dead = {start.id for start in starts if not self._lives(start)}
        dead |= holders - {start.id for start in starts} - {self.id}
        undecided = any(start.host != self.start.host and start.id not in dead for start in starts)
        if not dead:
            await self._store.migrate()
            return Released(), undecided
        released = await self._store.release_starts(sorted(dead))
        await self._store.migrate()
        log.info("gave back %d holds of dead starts, %d micro-units", released.count, released.amount)
        return released, undecided

    async def _judge_again(self) -> None:
        """By the end of one silence whoever was undecided has beaten again or is dead.

        No more than that: a judge at work for ever would, after an outage of the database, take for dead whoever has
        not yet beaten again.
        """
        while True:
            await asyncio.sleep(self._silence + _ROUNDING)
            try:
                await self._judge()
            except StoreUnavailable:
                log.warning("dead starts cannot be told: the database is away")
            except Exception:  # whatever it is, what the dead hold must not stay held
                log.exception("dead starts cannot be told")
            else:
                break
        self._judging = False

    def _lives(self, start: Start) -> bool:
        if start.id == self.id:
            return True
        if start.host == self.start.host:
            return alive(Process(start.host, start.pid, start.began))
        return start.silent <= self._silence

    async def _beat(self) -> None:
        await self._store.beat(self.start)
        self._alive = max(1, await self._store.alive(self._silence))

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self._beat()
            except StoreUnavailable:
                log.warning("no heartbeat: the database is away")
            except Exception:  # whatever it is, falling silent for ever would be worse
                log.exception("no heartbeat")
