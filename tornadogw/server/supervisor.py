"""The supervisor: one process without loop, driver or thread that starts workers, watches over them and ends them.

One worker has a supervisor, too: reload, restart and stop are the same for any number, and the start is no slower,
because the worker loads its code while the private mongod starts.

It owns what must outlive a worker: the sockets, the private mongod, the settings. A worker that has died is replaced by
one with the settings of its fellows. SIGHUP reads the settings again and gives them to one new worker: only if that
answers, the others are replaced, one by one, each new one being up before the old one drains. Sockets are passed on,
so no connection is refused meanwhile.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import sys
import time

from tornadogw.errors import UsageError
from tornadogw.observe import Log
from tornadogw.server.child import Child
from tornadogw.server.serving import ServeOptions, Serving
from tornadogw.server.signals import Signals
from tornadogw.server.slot import Slot
from tornadogw.server.sockets import Place, claim, refused
from tornadogw.settings import Loaded
from tornadogw.store.mongo_embedded import PrivateMongod, open_private

__all__ = ["Supervisor", "serve"]

log = logging.getLogger(__name__)

TICK = 1.0
"""Seconds between two looks at the private mongod, and the longest that anything due may be late."""
SETTLING = 20.0
"""Seconds beyond `server.drain` that a worker has to write down what it did, before it is killed."""


def serve(options: ServeOptions) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code; raises UsageError with what to change.

    The sockets come first: the first start tells its login once, and must not fail after it is made.
    """
    began, settings = time.monotonic(), options.loaded.settings
    with claim(settings.server.host, settings.server.port) as place:
        supervisor = Supervisor(options, place, began)
        private = None
        try:
            supervisor.start()
            private = None if settings.mongo.url else open_private(options.data, "serve")
            return supervisor.run(private)
        finally:
            supervisor.close()
            if private is not None:
                private.stop()


class Supervisor:
    """The workers of one gateway. `close` ends them without mercy, if any are left."""

    def __init__(self, options: ServeOptions, place: Place, began: float) -> None:
        self._options, self._place, self._began = options, place, began
        self._loaded, self._version = options.loaded, 0
        self._wanted: Loaded | None = None
        """Settings that were read again and that no worker has tried yet."""
        self._tries = 0
        self._slots = [self._made(index) for index in range(options.loaded.settings.server.workers)]
        self._children: list[Child] = []
        self._terminal = _has_terminal()
        self._private: PrivateMongod | None = None
        self._mongo_url = options.loaded.settings.mongo.url
        self._reported = False
        self._stopping = False
        self._code = 0
        self._revive_at = 0.0

    def start(self) -> None:
        """The first worker begins, as far as it can without a database. Raises UsageError."""
        for slot in self._slots:
            try:
                _ = slot.prepare_metrics()
            except OSError as error:
                host, port = slot.metrics or ("", 0)
                raise refused(host, port, error, "metrics.port") from None
        try:
            self._slots[0].worker = self._child(self._slots[0], self._loaded, self._version)
        except OSError as error:
            raise UsageError(f"no worker can be started: {error.strerror}") from None

    def run(self, private: PrivateMongod | None) -> int:
        """Until everybody has ended. The other workers begin once the first one answers: it alone makes the owner."""
        self._private = private
        self._mongo_url = private.url if private is not None else self._mongo_url
        lines = Log(sys.stderr, as_json=self._options.log_json, batch=False)
        heard = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        with Signals(*heard) as signals:
            lines.open()
            try:
                for child in self._children:
                    child.go(self._mongo_url)
                while not self._stopping or self._children:
                    self._wait(signals)
                    for number in signals.take():
                        self._told(signal.Signals(number), signals)
                    for child in list(self._children):
                        self._look(child)
                    self._tick(time.monotonic())
            finally:
                lines.close()
        return self._code

    def close(self) -> None:
        """No process and no socket is left."""
        for child in self._children:
            child.kill()
        for child in self._children:
            child.close()
        self._children.clear()
        for slot in self._slots:
            slot.close()
        self._place.close()

    # --- what happens ------------------------------------------------------------------------------------------------

    def _wait(self, signals: Signals) -> None:
        """For a signal, a report, or something that is due."""
        now = time.monotonic()
        dues = [now + TICK, *(slot.due for slot in self._slots if slot.empty and slot.due > now)]
        with selectors.DefaultSelector() as selector:
            _ = selector.register(signals.fileno(), selectors.EVENT_READ)
            for child in self._children:
                if child.fileno() >= 0:
                    _ = selector.register(child.fileno(), selectors.EVENT_READ)
            _ = selector.select(min(dues) - now)

    def _told(self, number: signal.Signals, signals: Signals) -> None:
        if number == signal.SIGHUP:
            if self._terminal and not signals.ignored(number) and not _has_terminal():
                self._stop()  # the terminal that it ran at was closed: that sends SIGHUP as well
            elif not self._stopping:
                self._reload()
        elif number in (signal.SIGTERM, signal.SIGINT):
            if self._stopping:
                log.warning("stopping at once: %d workers are killed", len(self._children))
                self._kill(self._children)
            else:
                self._stop()

    def _look(self, child: Child) -> None:
        ended = child.ended()
        if child.listen() is not None and child.ready is not None:
            self._ready(child)
        if ended is not None:
            self._ended(child, ended)

    def _tick(self, now: float) -> None:
        if now >= self._revive_at:
            self._revive_at = now + TICK
            self._revive()
        overdue = [child for child in self._children if child.kill_at is not None and now >= child.kill_at]
        if overdue:
            log.error("%d workers do not stop and are killed", len(overdue))
            self._kill(overdue)
        if self._stopping:
            return
        for slot in self._slots:
            if slot.empty and now >= slot.due and (slot.index == 0 or self._answers()):
                slot.worker = self._try(slot, self._loaded, self._version)
        self._renew(now)
        self._report()

    # --- workers -----------------------------------------------------------------------------------------------------

    def _child(self, slot: Slot, loaded: Loaded, version: int) -> Child:
        """Raises OSError."""
        child = Child(slot.index, loaded, version)
        sockets, metrics = slot.prepare(self._place), slot.prepare_metrics()
        child.start(self._options.data, sockets, metrics, log_json=self._options.log_json)
        self._children.append(child)
        return child

    def _made(self, index: int) -> Slot:
        """Each worker has figures of its own, and an address of its own for them."""
        metrics = self._options.loaded.settings.metrics
        return Slot(index, (metrics.host, metrics.port + index) if metrics.port else None)

    def _try(self, slot: Slot, loaded: Loaded, version: int) -> Child | None:
        """The same while there is a database. None: no process or memory to be had now."""
        try:
            child = self._child(slot, loaded, version)
        except OSError as error:
            log.error("worker %d cannot be started: %s, next try in %g s", slot.index, error, slot.failed(None))  # noqa: TRY400 -- the sentence says it all
            return None
        child.go(self._mongo_url)
        return child

    def _ready(self, child: Child) -> None:
        slot = self._slot(child)
        if slot is None or slot.following is not child:
            return
        former = slot.promote()
        if former is not None:
            self._retire(former)
        if child.version > self._version:
            self._loaded, self._version = child.loaded, child.version
            log.info("the new settings are served: %d workers are replaced", len(self._slots) - 1)
            self._resize(child.loaded.settings.server.workers)

    def _ended(self, child: Child, status: int) -> None:
        """One that was told to stop has done so; any other is replaced."""
        self._children.remove(child)
        child.close()
        slot = self._slot(child)
        if self._stopping or slot is None:
            return
        why = child.failed or _died(status)
        if slot.following is child:
            slot.following = None
            if child.version > self._version:
                log.error("the new settings cannot be served, the former ones are kept: %s", why)
                return
        else:
            slot.worker = None
            if not self._reported and not self._answers():
                raise UsageError(why)
        wait = slot.failed(child)
        log.error("worker %d: %s; another is started in %g s", slot.index, why, wait)
        if wait and slot.worker is None and self._answers():
            slot.close()  # who has connected need not wait so long: the kernel gives its share to the others

    def _slot(self, child: Child) -> Slot | None:
        """Where it works or is to work; None for one that was told to stop."""
        return next((slot for slot in self._slots if child in (slot.worker, slot.following)), None)

    def _answers(self) -> bool:
        return any(slot.answers for slot in self._slots)

    def _retire(self, child: Child) -> None:
        child.stop(child.loaded.settings.server.drain + SETTLING)

    def _kill(self, children: list[Child]) -> None:
        self._code = 1 if self._stopping else 0
        for child in children:
            child.kill_at = None
            child.kill()

    def _stop(self) -> None:
        self._stopping = True
        for slot in self._slots:
            slot.close()
        self._place.close()
        for child in self._children:
            self._retire(child)

    # --- settings ----------------------------------------------------------------------------------------------------

    def _reload(self) -> None:
        try:
            loaded = self._options.reload()
        except UsageError as error:
            log.error("the settings are not read again: %s", error)  # noqa: TRY400 -- the sentence says it all
            return
        if changed := _fixed(self._options.loaded, loaded):
            log.error("the settings are not read again: %s changes by a restart only", changed)
            return
        self._wanted = loaded

    def _renew(self, now: float) -> None:
        """At most one worker is starting in the place of another."""
        if any(slot.following for slot in self._slots):
            return
        if self._wanted is not None:
            loaded, self._wanted = self._wanted, None
            self._tries += 1
            slot = next((slot for slot in self._slots if slot.answers), self._slots[0])
            slot.following = self._try(slot, loaded, self._tries)
            return
        for slot in self._slots:
            worker = slot.worker
            if worker is not None and worker.ready and worker.version != self._version and now >= slot.due:
                slot.following = self._try(slot, self._loaded, self._version)
                return

    def _resize(self, workers: int) -> None:
        for slot in self._slots[workers:]:
            slot.close()
            for child in (slot.worker, slot.following):
                if child is not None:
                    self._retire(child)
        self._slots = self._slots[:workers]
        self._slots += [self._made(index) for index in range(len(self._slots), workers)]

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _revive(self) -> None:
        """A private mongod that died is started again; requests that need it get 5000 meanwhile."""
        try:
            revived = self._private is not None and self._private.revive()
        except OSError as error:  # no process or memory to be had now; there may be at the next look
            log.error("the private mongod has ended and cannot be started again yet: %s", error)  # noqa: TRY400 -- the sentence says it all
            return
        if revived:
            log.error("the private mongod had ended and was started again; see mongod.log in the data folder")

    def _report(self) -> None:
        """Once, when each worker answers or has shown that it does not: the login must be told in any case."""
        if self._reported or not all(slot.answers or slot.failures for slot in self._slots):
            return
        ready = next((slot.worker.ready for slot in self._slots if slot.worker and slot.worker.ready), None)
        if ready is None:
            return
        self._reported = True
        welcomes = [slot.worker.ready.welcome for slot in self._slots if slot.worker and slot.worker.ready]
        server = self._loaded.settings.server
        url = _url(server.host, self._place.port)
        self._options.report(
            Serving(
                url=url,
                public_url=server.public_url or url,
                prefix=server.prefix,
                data=self._options.data,
                mongod=_mongod(self._private),
                plugins=ready.plugins,
                models=ready.models,
                pages=self._loaded.settings.portal.enabled,
                metrics=tuple(f"{_url(*slot.metrics)}/metrics" for slot in self._slots if slot.metrics),
                welcome=next(filter(None, welcomes), None),
                started_in=time.monotonic() - self._began,
            )
        )


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _died(status: int) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _fixed(old: Loaded, new: Loaded) -> str:
    """The first setting that differs and that a running gateway cannot change; empty: none."""
    before, after = old.settings, new.settings
    pairs = {
        "server.host": (before.server.host, after.server.host),
        "server.port": (before.server.port, after.server.port),
        "metrics.host": (before.metrics.host, after.metrics.host),
        "metrics.port": (before.metrics.port, after.metrics.port),
        "mongo.url": (before.mongo.url, after.mongo.url),
        "mongo.database": (before.mongo.database, after.mongo.database),
    }
    return next((name for name, (one, other) in pairs.items() if one != other), "")


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _mongod(private: PrivateMongod | None) -> str:
    """Which server keeps the data."""
    if private is None:
        return "the one of mongo.url"
    binary = private.binary
    return "private" if binary is None else f"private mongod {binary.version}, {binary.path}"
