"""A gateway for each journey. At its end no request may be left running and no micro-unit may be missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.wire import check_books
from tests.running import Running, running
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
