from __future__ import annotations

import asyncio
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tests.store.conftest import recovered
from tests.store.wire import Wire
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_embedded import PrivateMongod, find_mongod
from tornadogw.store.ports import StoreUnavailable

TABLE = {"things": [IndexModel([("a", ASCENDING)], unique=True), IndexModel([("t", ASCENDING)], expireAfterSeconds=60)]}

# --- connecting ------------------------------------------------------------------------------------------------------


async def test_values_come_back_as_they_went(mongo: Mongo) -> None:
    thing = {"_id": uuid.uuid4(), "at": datetime(2024, 2, 29, 12, tzinfo=UTC)}
    await mongo.database.things.insert_one(thing)
    assert await mongo.database.things.find_one({}) == thing


async def test_the_url_cannot_weaken_writes(mongod: PrivateMongod) -> None:
    mongo = Mongo.connect(f"{mongod.url}&w=0&journal=false&timeoutMS=0&retryWrites=false", "test", timeout_ms=1500)
    assert mongo.client.options.write_concern.document == {"w": "majority", "j": True}
    assert (mongo.client.options.timeout, mongo.client.options.retry_writes) == (1.5, True)
    await mongo.close()


@pytest.mark.parametrize(
    "url", ["", "http://localhost", "mongodb://", "mongodb://h:port/", "mongodb://h/?w=majority&tls=maybe"]
)
async def test_a_bad_url_is_a_sentence(url: str) -> None:
    with pytest.raises(UsageError, match=r"`mongo\.url` is not an address"):
        Mongo.connect(url, "test", timeout_ms=100)


async def test_the_sentence_never_holds_the_password() -> None:
    with pytest.raises(UsageError) as caught:
        Mongo.connect("mongodb://ann:s3cr3t:x@h:1/", "test", timeout_ms=100)
    assert "s3cr3t" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_ping(mongo: Mongo) -> None:
    await mongo.ping()


@pytest.mark.parametrize(
    "ask", [Mongo.ping, Mongo.check, lambda mongo: mongo.check_secret("x"), lambda mongo: mongo.ensure_indexes(TABLE)]
)
async def test_away_is_unavailable_in_time(
    away: Mongo, ask: Callable[[Mongo], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tornadogw.store.mongo.INDEX_SECONDS", 0.1)
    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await ask(away)
    assert time.monotonic() - start < 10


async def test_a_frozen_server_fails_every_operation_in_time_and_is_used_again(hasty: Mongo, freezer) -> None:
    freezer.freeze()
    start = time.monotonic()
    results = await asyncio.gather(*(hasty.ping() for _ in range(25)), return_exceptions=True)
    assert time.monotonic() - start < 10
    assert all(isinstance(each, StoreUnavailable) for each in results)
    freezer.thaw()
    await recovered(hasty)


# --- start-up checks -------------------------------------------------------------------------------------------------


async def test_the_private_server_passes_the_check(mongo: Mongo) -> None:
    await mongo.check()


@pytest.fixture
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("s")
    socket = folder / "mongodb-27017.sock"
    arguments = [
        "--dbpath",
        folder,
        "--bind_ip",
        socket,
        "--unixSocketPrefix",
        folder,
        "--wiredTigerCacheSizeGB",
        "0.25",
    ]
    with subprocess.Popen([find_mongod().path, *arguments], stdout=subprocess.DEVNULL) as server:
        yield f"mongodb://{quote(str(socket), safe='')}/?directConnection=true"
        server.kill()


async def test_a_server_without_replica_set_is_refused(standalone: str) -> None:
    mongo = Mongo.connect(standalone, "test", timeout_ms=10_000)
    await recovered(mongo)
    with pytest.raises(UsageError, match="no replica set"):
        await mongo.check()
    await mongo.close()


async def test_a_server_that_does_not_let_us_in_is_a_sentence(mongod: PrivateMongod) -> None:
    mongo = Mongo.connect(mongod.url.replace("//", "//ann:s3cr3t@"), "test", timeout_ms=10_000)
    with pytest.raises(UsageError, match="does not let us in") as caught:
        await mongo.check()
    assert "s3cr3t" not in str(caught.value)
    await mongo.close()


async def test_every_node_needs_the_secret_of_the_first(mongo: Mongo) -> None:
    await asyncio.gather(*(mongo.check_secret("aaaa") for _ in range(5)))
    await mongo.check_secret("aaaa")
    with pytest.raises(UsageError, match=r"another secret \(fingerprint aaaa, ours is bbbb\)\. Copy the file `secret`"):
        await mongo.check_secret("bbbb")
    await mongo.check_secret("aaaa")


# --- indexes ---------------------------------------------------------------------------------------------------------


async def indexes(mongo: Mongo) -> dict[str, dict[str, Any]]:
    return await mongo.database.things.index_information()


async def test_indexes_are_made_once(mongo: Mongo) -> None:
    await asyncio.gather(*(mongo.ensure_indexes(TABLE) for _ in range(3)))
    await mongo.ensure_indexes(TABLE, {"others": [IndexModel([("b", 1)])]})
    made = await indexes(mongo)
    assert set(made) == {"_id_", "a_1", "t_1"}
    assert made["a_1"]["unique"] is True
    await mongo.database.things.insert_one({"a": 1})
    with pytest.raises(DuplicateKeyError):
        await mongo.database.things.insert_one({"a": 1})


async def test_a_changed_expiry_is_changed_in_place(mongo: Mongo) -> None:
    await mongo.ensure_indexes({"things": [IndexModel([("t", 1)], expireAfterSeconds=60)]})
    await mongo.ensure_indexes({"things": [IndexModel([("t", 1)], expireAfterSeconds=90)]})
    assert (await indexes(mongo))["t_1"]["expireAfterSeconds"] == 90


@pytest.mark.parametrize(
    ("former", "wanted"),
    [
        (IndexModel([("t", 1)]), IndexModel([("t", 1)], unique=True)),
        (IndexModel([("t", 1)]), IndexModel([("t", 1)], unique=True, expireAfterSeconds=90)),
        (IndexModel([("a", 1)], name="t_1"), IndexModel([("t", 1)])),
        (IndexModel([("a", 1)], name="t_1", expireAfterSeconds=60), IndexModel([("t", 1)], expireAfterSeconds=90)),
        (IndexModel([("t", 1)], expireAfterSeconds=60, name="other"), IndexModel([("t", 1)], expireAfterSeconds=90)),
    ],
)
async def test_another_index_in_its_place_is_a_sentence(mongo: Mongo, former: IndexModel, wanted: IndexModel) -> None:
    await mongo.ensure_indexes({"things": [former]})
    before = await indexes(mongo)
    with pytest.raises(UsageError, match="things has another index in the place of t_1"):
        await mongo.ensure_indexes({"things": [wanted]})
    assert await indexes(mongo) == before


async def test_close_neither_waits_for_a_silent_server_nor_holds_up_the_loop(
    mongod: PrivateMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned, close_client = threading.Event(), Mongo._close_client

    def close(self: Mongo) -> None:
        assert turned.wait(15), "the loop stood still"
        close_client(self)

    monkeypatch.setattr(Mongo, "_close_client", close)
    with Wire(mongod.socket) as wire:
        mongo = Mongo.connect(wire.url, "test", timeout_ms=25_000)
        await mongo.ping()
        with wire.deaf():
            began = time.monotonic()
            asyncio.get_running_loop().call_soon(turned.set)
            await mongo.close()
            assert time.monotonic() - began < 12
