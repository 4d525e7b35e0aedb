"""A gateway for each journey."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.running import Running, running
from tornadogw.store.mongo_embedded import PrivateMongod

Start = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(mongod: PrivateMongod, tmp_path: Path, io_loop: Any) -> Iterator[Start]:
    """`async with start(settings) as gateway:`"""

    def start(settings: str = "", **options: Any) -> AbstractAsyncContextManager[Running]:
        return running(mongod.url, tmp_path, settings, **options)

    return start
