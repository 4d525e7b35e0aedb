"""A gateway for each journey. At its end no request may be left running and no micro-unit may be missing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tornado.netutil import bind_sockets

from tests.journeys.wire import check_books
from tests.running import Running, _opened, running
from tornadogw.app import App
from tornadogw.gateway import open_gateway
from tornadogw.plugins import load_plugins
from tornadogw.secret import load_secret
from tornadogw.server.front import Front
from tornadogw.settings import load
from tornadogw.store.mongo_embedded import PrivateMongod

Start = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(mongod: PrivateMongod, tmp_path: Path, io_loop: Any) -> Start:
    """`async with start(settings) as gateway:`"""

    @asynccontextmanager
    async def start(settings: str = "", **options: Any) -> AsyncIterator[Running]:
        async with running(mongod.url, tmp_path, settings, **options) as gateway:
            yield gateway
            await check_books(gateway)

    return start


@pytest.fixture
def beside(mongod: PrivateMongod, tmp_path: Path):
    """`async with beside(gateway) as second:` another gateway with the same settings, secret and database."""

    @asynccontextmanager
    async def beside(gateway: Running) -> AsyncIterator[Running]:
        loaded, secret = load(tmp_path / "settings.toml", tmp_path, os.environ, {}), load_secret("", tmp_path)
        plugins, settings = load_plugins(loaded, os.environ), gateway.gateway.parts.settings
        given = msgspec.structs.replace(loaded, settings=settings)
        opening = open_gateway(given, plugins, os.environ, secret, mongod.url, tmp_path)
        async with _opened(opening) as second:
            front = Front(App(second.current, None), max_header=65536, max_body=1 << 20, idle=75.0)
            sockets = bind_sockets(0, "127.0.0.1")
            await front.listen(sockets)
            url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
            try:
                yield Running(second, gateway.mongo, gateway.key, url, gateway.session)
            finally:
                await front.close()

    return beside
