"""One worker: sockets that it was given, connections, signals, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import pickle
import signal
import sys
from socket import socket
from typing import BinaryIO

import msgspec
import uvloop

from tornadogw.app import METRICS, App
from tornadogw.errors import UsageError
from tornadogw.gateway import Gateway, open_gateway
from tornadogw.observe import Log, mistake
from tornadogw.plugins import Plugins, load_plugins
from tornadogw.secret import load_secret
from tornadogw.server.front import Front
from tornadogw.server.serving import Failed, Job, Ready, Report
from tornadogw.server.sockets import Sockets, close
from tornadogw.store.ports import StoreUnavailable

__all__ = ["work"]

log = logging.getLogger(__name__)

HEADERS = 65536
"""Bytes of a request's headers."""
IDLE = 75.0
"""Seconds that a kept-alive connection may wait for its next request."""
YOUNG = 10_000
"""New objects between two looks for garbage. A request leaves none that only the collector finds; Python's own 700 had
it look every dozen requests, for 4 % of their CPU."""
ORPHAN_DRAIN = 2.0
"""Seconds that running answers get once the supervisor is gone: a private mongod stops at the same time."""
ORPHAN_END = 5.0
"""Seconds after which nothing more is waited for then; what is lost is what a crash would have lost."""


def work(job: bytes, orders: BinaryIO) -> int:
    """Do the pickled `Job` until SIGTERM, or until the pipe `orders` ends. Returns the exit code.

    What needs no database is done before the address of the database comes: it may still be starting.
    """
    task: Job = pickle.loads(job)  # noqa: S301 - our own supervisor's
    report = _Report(task.report)
    sockets, aside = (tuple(socket(fileno=number) for number in some) for some in (task.sockets, task.metrics))
    for one in (*sockets, *aside):
        one.set_inheritable(False)
    lines = Log(sys.stderr, as_json=task.log_json)
    lines.open()
    try:
        plugins = load_plugins(task.loaded, os.environ)
        secret = load_secret(task.loaded.settings.server.secret, task.data)
        url: str = pickle.load(orders)  # noqa: S301 - likewise

        async def main() -> None:
            opening = open_gateway(task.loaded, plugins, os.environ, secret, url, task.data, worker=task.index)
            async with opening as gateway:
                await _Process(task, gateway, plugins, sockets, aside, lines).run(report, orders)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except EOFError:  # the supervisor has gone before there was anything to do
        return 1
    except UsageError as error:
        return report.failed(str(error))
    except StoreUnavailable as error:
        return report.failed(f"{error}. Is the address in `mongo.url` right, and does it answer from here?")
    except Exception as error:  # noqa: BLE001 - the last line of defence: a sentence instead of a stack trace
        return report.failed(mistake(error))
    finally:
        close((*sockets, *aside))
        lines.close()
    return 0


class _Report:
    """The one thing that the supervisor is told."""

    def __init__(self, number: int) -> None:
        self._number = number
        os.set_inheritable(number, False)

    def say(self, report: Report) -> None:
        """A supervisor that has gone does not hear it: the end of the pipe of orders tells of that."""
        if self._number >= 0:
            number, self._number = self._number, -1
            with contextlib.suppress(BrokenPipeError), os.fdopen(number, "wb") as pipe:
                _ = pipe.write(msgspec.json.encode(report))

    def failed(self, why: str) -> int:
        """Once it has answered, an error is the log's."""
        if self._number < 0:
            log.error("a worker fails: %s", why)
        self.say(Failed(why))
        return 1


class _Process:
    """The sockets, the signals and the pipe around an open gateway."""

    def __init__(
        self, job: Job, gateway: Gateway, plugins: Plugins, sockets: Sockets, aside: Sockets, lines: Log
    ) -> None:
        """`aside`: where scrapers ask for this worker's figures."""
        self._gateway, self._plugins, self._lines = gateway, plugins, lines
        self._sockets, self._aside = sockets, aside
        self._settings, self._index = job.loaded.settings, job.index
        self._stop = asyncio.Event()
        self._patience = self._settings.server.drain
        self._limit: asyncio.Timeout | None = None

    async def run(self, report: _Report, orders: BinaryIO) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_reader(orders.fileno(), self._orphaned, orders.fileno())
        try:
            current = self._gateway.current
            front = await self._listen(App(current, self._lines.access), self._sockets)
            figures = await self._listen(App(current, None, METRICS), self._aside)
            try:
                gc.collect()
                gc.freeze()  # what is here now stays until the end: no collection need look at it again
                gc.set_threshold(YOUNG)
                report.say(self._ready())
                await self._stop.wait()
            finally:  # whatever happened, nobody may be served by a gateway that is closed
                await self._drain(front, figures)
        finally:
            loop.remove_reader(orders.fileno())

    def _orphaned(self, orders: int) -> None:
        """Nothing comes through the pipe but its end: the supervisor was killed."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(orders)
        log.error("the supervisor has gone: worker %d stops", self._index)
        self._patience = min(self._patience, ORPHAN_DRAIN)
        if self._limit is not None:
            self._limit.reschedule(loop.time() + self._patience)
        loop.call_later(ORPHAN_END, os._exit, 1)
        self._stop.set()

    async def _listen(self, app: App, sockets: Sockets) -> Front:
        front = Front(
            app,
            max_header=HEADERS,
            max_body=4 * self._settings.server.max_body_bytes,  # ours is enforced while the body streams in
            idle=IDLE,
        )
        await front.listen(sockets)
        return front

    async def _drain(self, front: Front, figures: Front) -> None:
        """Accept nothing more, let running answers finish for a while, then end them as if their clients had left."""
        parts = self._gateway.parts
        parts.ready.draining = True
        front.stop()
        figures.stop()  # who takes this place is asked from now on
        log.info("stopping: %d answers are running, they have %g s", len(parts.inflight), self._patience)
        try:
            async with asyncio.timeout(self._patience) as self._limit:
                await front.answered()
                await parts.inflight.idle()
        except TimeoutError:
            log.warning("stopping: %d answers are cut short", len(parts.inflight))
            parts.inflight.cut()
            await parts.inflight.idle()
        await front.close()
        await figures.close()

    def _ready(self) -> Ready:
        return Ready(
            plugins=self._plugins.list(),
            models=tuple(model.name for model in self._gateway.parts.catalogue.models),
            welcome=self._gateway.welcome,
        )
