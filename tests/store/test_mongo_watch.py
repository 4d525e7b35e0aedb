from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_embedded import PrivateMongod, open_private
from tornadogw.store.mongo_watch import Watch

GAP = "gap"
LOG = "tornadogw.store.mongo_watch"


class Seen:
    """What a watch told, in order."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Any] = asyncio.Queue()

    def change(self, collection: str, key: Any, kind: str, document: Mapping[str, Any] | None) -> None:
        self.told.put_nowait((collection, key, kind, document))

    def gap(self) -> None:
        self.told.put_nowait(GAP)

    async def next(self) -> Any:
        async with asyncio.timeout(10):
            return await self.told.get()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def watching(mongo: Mongo, seen: Seen, run) -> Iterator[Callable[..., Watch]]:
    """Makes watches over the test's database; closes them."""
    made: list[Watch] = []

    def make(collections: Mapping[str, Sequence[str] | None], on: Mongo = mongo) -> Watch:
        made.append(Watch(on, collections, seen.change, seen.gap))
        return made[-1]

    yield make
    for each in made:
        run(each.close())


async def test_every_kind_of_change_is_told(mongo: Mongo, seen: Seen, watching) -> None:
    watch = watching({"things": None})
    watch.start()
    await watch.opened()
    things = mongo.database.things
    await things.insert_one({"_id": 1, "a": 1})
    await things.update_one({"_id": 1}, {"$set": {"a": 2}})
    await things.replace_one({"_id": 1}, {"b": 3})
    await things.delete_one({"_id": 1})
    assert [await seen.next() for _ in range(5)] == [
        GAP,
        ("things", 1, "insert", {"_id": 1, "a": 1}),
        ("things", 1, "update", None),
        ("things", 1, "replace", {"_id": 1, "b": 3}),
        ("things", 1, "delete", None),
    ]


async def test_what_does_not_matter_is_not_told(mongo: Mongo, seen: Seen, watching) -> None:
    # The server records a pipeline's update of a tiny document as a replacement.
    await mongo.database.busy.insert_one({"_id": 1, "status": "on", "role": "x", "more": "." * 200})
    watch = watching({"things": None, "busy": ["status", "role"]})
    watch.start()
    await watch.opened()
    busy = mongo.database.busy
    await mongo.database.others.insert_one({})
    await busy.update_one({"_id": 1}, {"$inc": {"n": 1}})
    await busy.update_one({"_id": 1}, [{"$set": {"n": {"$add": ["$n", 1]}, "status": "on"}}])
    await busy.update_one({"_id": 1}, [{"$set": {"n": 5, "status": "off"}}])
    await busy.update_one({"_id": 1}, {"$unset": {"role": ""}})
    await busy.insert_one({"_id": 2})
    assert [await seen.next() for _ in range(4)] == [
        GAP,
        ("busy", 1, "update", None),
        ("busy", 1, "update", None),
        ("busy", 2, "insert", {"_id": 2}),
    ]


@pytest.mark.parametrize("end", ["collection", "rename", "database"])
async def test_what_vanishes_whole_is_a_gap(mongo: Mongo, seen: Seen, watching, claim_log, end: str) -> None:
    await mongo.database.things.insert_one({})
    watch = watching({"things": None})
    watch.start()
    assert await seen.next() == GAP
    if end == "collection":
        await mongo.database.things.drop()
    elif end == "rename":
        await mongo.database.things.rename("others")
    else:
        await mongo.client.drop_database(mongo.database.name)
        claim_log(LOG, "change stream ended")
    assert await seen.next() == GAP
    await watch.opened()
    told = GAP
    while told == GAP:
        await mongo.database.things.insert_one({})
        told = await seen.next()
    assert told[0] == "things"
    assert told[2] == "insert"


async def test_a_reader_that_fails_loses_nothing_but_that_change(mongo: Mongo, seen: Seen, claim_log) -> None:
    def change(collection: str, key: Any, kind: str, document: Mapping[str, Any] | None) -> None:
        seen.change(collection, key, kind, document)
        if key == 1:
            raise KeyError("a bug")

    def gap() -> None:
        seen.gap()
        raise KeyError("another")

    claim_log(LOG, "change was not understood")
    claim_log(LOG, "gap was not understood")
    watch = Watch(mongo, {"things": None}, change, gap)
    watch.start()
    await watch.opened()
    await mongo.database.things.insert_many([{"_id": 1}, {"_id": 2}])
    told = [await seen.next() for _ in range(4)]
    assert told == [GAP, ("things", 1, "insert", {"_id": 1}), GAP, ("things", 2, "insert", {"_id": 2})]
    await watch.close()


async def test_a_place_from_where_the_server_cannot_go_on_is_a_gap(mongo: Mongo, seen: Seen, watching) -> None:
    watch = watching({"things": None})
    watch._token = {"_data": "82"}
    watch.start()
    assert await seen.next() == GAP
    await watch.opened()
    await mongo.database.things.insert_one({"_id": 1})
    assert (await seen.next())[1] == 1


async def test_silence_is_the_time_since_the_server_answered(mongo: Mongo, watching) -> None:
    watch = watching({"things": None})
    assert watch.silence == float("inf")
    began = time.monotonic()
    watch.start()
    await watch.opened()
    assert 0 <= watch.silence <= time.monotonic() - began


async def test_close_may_come_at_any_time(mongo: Mongo, seen: Seen) -> None:
    for turns in (None, 0, 1, 10):
        watch = Watch(mongo, {"things": None}, seen.change, seen.gap)
        if turns is not None:
            watch.start()
        for _ in range(turns or 0):
            await asyncio.sleep(0)
        await watch.close()
        await watch.close()


# --- the server goes away --------------------------------------------------------------------------------------------


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(25):
        while not condition():
            await asyncio.sleep(0.01)


async def test_it_goes_on_after_the_server_was_frozen(
    mongo: Mongo, freezer, hasty: Mongo, seen: Seen, watching, claim_log
) -> None:
    claim_log(LOG, "change stream is lost")
    watch = watching({"things": None}, on=hasty)
    watch.start()
    await watch.opened()
    assert await seen.next() == GAP
    freezer.freeze()
    await until(lambda: not watch._open.is_set())
    assert watch.silence > 0.3
    freezer.thaw()
    await mongo.database.things.insert_one({"_id": 1})
    assert await seen.next() == ("things", 1, "insert", {"_id": 1}), "resumed where it was, without a gap"
    await until(lambda: watch.silence < 0.3)


async def test_close_does_not_wait_for_a_frozen_server(freezer, hasty: Mongo, watching) -> None:
    watch = watching({"things": None}, on=hasty)
    watch.start()
    await watch.opened()
    freezer.freeze()
    start = time.monotonic()
    await watch.close()
    assert time.monotonic() - start < 10


@pytest.fixture
def own_mongod() -> Iterator[PrivateMongod]:
    with (
        tempfile.TemporaryDirectory(prefix="tornadogw-tests-") as folder,
        open_private(Path(folder), "serve") as private,
    ):
        yield private
        os.kill(private.pid, signal.SIGKILL)


async def test_it_goes_on_after_the_server_was_killed(
    own_mongod: PrivateMongod, seen: Seen, watching, claim_log
) -> None:
    claim_log(LOG, "change stream is lost")
    mongo = Mongo.connect(own_mongod.url, "test", timeout_ms=10_000)
    hasty = Mongo.connect(own_mongod.url, "test", timeout_ms=500)
    watch = watching({"things": None}, on=hasty)
    watch.start()
    await watch.opened()
    await mongo.database.things.insert_one({"_id": 1})
    assert [await seen.next(), (await seen.next())[1]] == [GAP, 1]
    os.kill(own_mongod.pid, signal.SIGKILL)
    await until(lambda: not watch._open.is_set())
    await until(own_mongod.revive)  # it may have closed what we saw closed, and not have ended yet
    async with asyncio.timeout(30):
        while True:  # a try whose answer came too late may have been carried out: the next one then changes nothing
            with contextlib.suppress(PyMongoError):
                await mongo.database.things.update_one({"_id": 2}, {"$set": {"a": 1}}, upsert=True)
                break
    assert (await seen.next())[1] == 2, "resumed where it was, without a gap"
    await watch.close()
    await hasty.close()
    await mongo.close()


async def test_a_bug_in_it_is_told_and_the_stream_opened_anew(mongo: Mongo, seen: Seen, claim_log) -> None:
    claim_log(LOG, "change stream failed")

    class Broken(Watch):
        broken = False

        def _tell(self, change: Mapping[str, Any]) -> None:
            if not self.broken:
                self.broken = True
                raise RuntimeError("a bug")
            super()._tell(change)

    watch = Broken(mongo, {"things": None}, seen.change, seen.gap)
    watch.start()
    await watch.opened()
    assert await seen.next() == GAP
    await mongo.database.things.insert_one({"_id": 1})
    assert await seen.next() == GAP
    await mongo.database.things.insert_one({"_id": 2})
    assert await seen.next() == ("things", 2, "insert", {"_id": 2})
    await watch.close()
