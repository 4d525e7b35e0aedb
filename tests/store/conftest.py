"""For the stores: a hold on the database that does not wait long, and a server that can be frozen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.freezing import freeze, thaw
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_embedded import PrivateMongod
from tornadogw.store.ports import StoreUnavailable

NOBODY = "mongodb://%2Fno%2Fsuch.sock/?directConnection=true"


@pytest.fixture
def hasty(mongo: Mongo, mongod: PrivateMongod, run) -> Iterator[Mongo]:
    """Another hold on the test's database, that waits 0.3 s."""

    async def connect() -> Mongo:
        return Mongo.connect(mongod.url, mongo.database.name, timeout_ms=300)

    hasty = run(connect())
    run(recovered(hasty))
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


async def recovered(mongo: Mongo) -> None:
    """Until it answers."""
    while True:
        try:
            return await mongo.ping()
        except StoreUnavailable:
            continue


class Freezer:
    """`freeze` stops the test run's server where it stands, `thaw` lets it go on."""

    def __init__(self, mongod: PrivateMongod) -> None:
        assert mongod.pid
        self._pid = mongod.pid

    def freeze(self) -> None:
        freeze(self._pid)

    def thaw(self) -> None:
        thaw(self._pid)


@pytest.fixture
def freezer(mongo: Mongo, mongod: PrivateMongod) -> Iterator[Freezer]:
    """Thawed at the end of the test, before its database is dropped."""
    freezer = Freezer(mongod)
    yield freezer
    freezer.thaw()
