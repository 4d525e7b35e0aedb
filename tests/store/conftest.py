"""For the stores: a hold on the database that does not wait long, and a server that can be frozen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_embedded import PrivateMongod

NOBODY = "mongodb://%2Fno%2Fsuch.sock/?directConnection=true"


@pytest.fixture
def hasty(mongo: Mongo, mongod: PrivateMongod, run) -> Iterator[Mongo]:
    """Another hold on the test's database, that waits 0.3 s."""

    async def connect() -> Mongo:
        return Mongo.connect(mongod.url, mongo.database.name, timeout_ms=300)

    hasty = run(connect())
    yield hasty
    run(hasty.close())


@pytest.fixture
def away(run) -> Iterator[Mongo]:
    """A hold on a database that is not there, waiting 0.1 s."""

    async def connect() -> Mongo:
        return Mongo.connect(NOBODY, "test", timeout_ms=100)

    away = run(connect())
    yield away
    run(away.close())


class Freezer:
    """`freeze` stops the test run's server where it stands, `thaw` lets it go on."""

    def __init__(self, mongod: PrivateMongod) -> None:
        self._pid = mongod.pid

    def freeze(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)


@pytest.fixture
def freezer(mongo: Mongo, mongod: PrivateMongod) -> Iterator[Freezer]:
    """Thawed at the end of the test, before its database is dropped."""
    freezer = Freezer(mongod)
    yield freezer
    freezer.thaw()
