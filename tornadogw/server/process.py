"""One serving process: the socket, the private mongod if one is needed, signals, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import AI_PASSIVE, SOCK_STREAM, create_server, getaddrinfo, socket

import uvloop

from tornadogw.accounts.first import Welcome
from tornadogw.app import App
from tornadogw.errors import UsageError
from tornadogw.gateway import Gateway, open_gateway
from tornadogw.observe import Log
from tornadogw.plugins import PluginInfo, Plugins, load_plugins
from tornadogw.secret import load_secret
from tornadogw.server.front import BACKLOG, Front
from tornadogw.settings import Loaded
from tornadogw.settings.tables import Server
from tornadogw.store.mongo_embedded import PrivateMongod, open_private
from tornadogw.types import Value

__all__ = ["ServeOptions", "Serving", "serve"]

log = logging.getLogger(__name__)

HEADERS = 65536
"""Bytes of a request's headers."""
IDLE = 75.0
"""Seconds that a kept-alive connection may wait for its next request."""
YOUNG = 10_000
"""New objects between two looks for garbage. A request leaves none that only the collector finds; Python's own 700 had
it look every dozen requests, for 4 % of their CPU."""
REVIVE = 1.0
"""Seconds between two looks at the private mongod."""


class ServeOptions(Value, frozen=True):
    """What the command line asks for. `report` is called once the gateway answers."""

    loaded: Loaded
    data: Path
    environ: Mapping[str, str]
    report: Callable[[Serving], None]
    log_json: bool = False


class Serving(Value, frozen=True):
    """What a running gateway says of itself."""

    url: str
    """Where it listens."""
    public_url: str
    prefix: str
    data: Path
    mongod: str
    plugins: tuple[PluginInfo, ...]
    models: tuple[str, ...]
    welcome: Welcome | None
    started_in: float
    """Seconds."""


def serve(options: ServeOptions) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code; raises UsageError with what to change.

    The private mongod is started before any loop, thread or driver exists, and stopped when everything is settled.
    The sockets come before all of it: the first start tells its login once, and must not fail after it is made.
    """
    began = time.monotonic()
    settings = options.loaded.settings
    if settings.server.workers > 1:
        raise UsageError("several workers need leased balances, which this version does not have: use `--workers 1`")
    plugins = load_plugins(options.loaded, options.environ)
    with _bound(settings.server) as sockets:
        secret = load_secret(settings.server.secret, options.data)
        private = None if settings.mongo.url else open_private(options.data, "serve")
        try:
            url = private.url if private is not None else settings.mongo.url

            async def main() -> None:
                async with open_gateway(settings, plugins, options.environ, secret, url, options.data) as gateway:
                    await _Process(options, gateway, plugins, private, sockets).run(began)

            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main())
        finally:
            if private is not None:
                private.stop()
    return 0


@contextmanager
def _bound(wanted: Server) -> Iterator[Sequence[socket]]:
    """Sockets that listen: who connects before the gateway is open waits in their queue. Raises UsageError."""
    with ExitStack() as stack:  # a drained server has closed them already, which does no harm
        sockets: list[socket] = []
        try:
            found = getaddrinfo(wanted.host or None, wanted.port, type=SOCK_STREAM, flags=AI_PASSIVE)
            for family, place in sorted({(each[0], each[4]) for each in found}):
                port = sockets[0].getsockname()[1] if sockets else wanted.port  # 0: one free port for all addresses
                bound = create_server((place[0], port, *place[2:]), family=family, backlog=BACKLOG)
                sockets.append(stack.enter_context(bound))
                bound.setblocking(False)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise UsageError(f"cannot listen on {wanted.host}:{wanted.port} ({why}): choose another --port") from None
        yield sockets


class _Process:
    """The socket and the signals around an open gateway."""

    def __init__(
        self,
        options: ServeOptions,
        gateway: Gateway,
        plugins: Plugins,
        private: PrivateMongod | None,
        sockets: Sequence[socket],
    ) -> None:
        self._options, self._gateway, self._plugins, self._private = options, gateway, plugins, private
        self._sockets = sockets
        self._settings = options.loaded.settings
        self._stop = asyncio.Event()

    async def run(self, began: float) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        lines = Log(sys.stderr, as_json=self._options.log_json)
        lines.open()
        guard = asyncio.create_task(self._guard_mongod(), name="mongod guard")
        try:
            front, url = await self._listen(lines)
            gc.collect()
            gc.freeze()  # what is here now stays until the end: no collection need look at it again
            gc.set_threshold(YOUNG)
            self._options.report(self._serving(url, time.monotonic() - began))
            await self._stop.wait()
            await self._drain(front)
        finally:
            guard.cancel()
            await asyncio.wait({guard})
            lines.close()

    async def _listen(self, lines: Log) -> tuple[Front, str]:
        wanted = self._settings.server
        front = Front(
            App(self._gateway.parts, lines.access),
            max_header=HEADERS,
            max_body=4 * wanted.max_body_bytes,  # ours is enforced while the body streams in
            idle=IDLE,
        )
        await front.listen(self._sockets)
        host = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
        return front, f"http://{host}:{self._sockets[0].getsockname()[1]}"

    async def _drain(self, front: Front) -> None:
        """Accept nothing more, let running answers finish for a while, then end them as if their clients had left."""
        parts, seconds = self._gateway.parts, self._settings.server.drain
        parts.ready.draining = True
        front.stop()
        log.info("stopping: %d answers are running, they have %g s", len(parts.inflight), seconds)
        try:
            async with asyncio.timeout(seconds):
                await parts.inflight.idle()
        except TimeoutError:
            log.warning("stopping: %d answers are cut short", len(parts.inflight))
            parts.inflight.cut()
            await parts.inflight.idle()
        await front.close()

    async def _guard_mongod(self) -> None:
        """A private mongod that died is started again; requests that need it get 5000 meanwhile."""
        while self._private is not None:
            await asyncio.sleep(REVIVE)
            try:
                revived = self._private.revive()
            except OSError as error:  # no process or memory to be had now; there may be at the next look
                log.error("the private mongod has ended and cannot be started again yet: %s", error)  # noqa: TRY400 -- the sentence says it all
                continue
            if revived:
                log.error("the private mongod had ended and was started again; see mongod.log in the data folder")

    def _serving(self, url: str, seconds: float) -> Serving:
        return Serving(
            url=url,
            public_url=self._settings.server.public_url or url,
            prefix=self._settings.server.prefix,
            data=self._options.data,
            mongod=_mongod(self._private),
            plugins=self._plugins.list(),
            models=tuple(model.name for model in self._gateway.parts.catalogue.models),
            welcome=self._gateway.welcome,
            started_in=seconds,
        )


def _mongod(private: PrivateMongod | None) -> str:
    """Which server keeps the data."""
    if private is None:
        return "the one of mongo.url"
    binary = private.binary
    return "private" if binary is None else f"private mongod {binary.version}, {binary.path}"
