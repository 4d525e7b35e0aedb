from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from pymongo.errors import DuplicateKeyError, OperationFailure
from pymongo.synchronous.client_session import _TxnState

from tests.store.conftest import recovered
from tests.store.lifetimes import transactions_live
from tornadogw.store import mongo_transaction
from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_transaction import fence
from tornadogw.store.ports import StoreUnavailable


async def test_all_of_it_is_committed(mongo: Mongo) -> None:
    async def both(session: Session) -> str:
        await mongo.database.things.insert_one({"_id": 1}, session=session)
        await mongo.database.others.insert_one({"_id": 1}, session=session)
        assert await mongo.database.things.count_documents({}) == 0, "seen from outside before the commit"
        return "done"

    assert await mongo.transaction(both) == "done"
    assert await mongo.database.things.count_documents({}) == await mongo.database.others.count_documents({}) == 1


@pytest.mark.parametrize("error", [KeyError, DuplicateKeyError, OperationFailure, asyncio.CancelledError])
async def test_an_error_undoes_all_of_it(mongo: Mongo, error: type[BaseException]) -> None:
    async def broken(session: Session) -> None:
        await mongo.database.things.insert_one({"_id": 1}, session=session)
        if error is DuplicateKeyError:
            await mongo.database.things.insert_one({"_id": 1}, session=session)
        if error is OperationFailure:
            await mongo.database.things.update_one({}, {"$wrong": 1}, session=session)
        raise error

    with pytest.raises(error):
        await mongo.transaction(broken)
    assert await mongo.database.things.count_documents({}) == 0
    await mongo.database.things.insert_one({"_id": 1})


async def test_conflicts_are_tried_again(mongo: Mongo) -> None:
    await mongo.database.things.insert_one({"_id": 1, "n": 0})
    runs, all_read = 0, asyncio.Event()

    async def add(session: Session) -> None:
        nonlocal runs
        runs += 1
        thing = await mongo.database.things.find_one({"_id": 1}, session=session)
        if runs == 5:
            all_read.set()
        await all_read.wait()
        await mongo.database.things.update_one({"_id": 1}, {"$set": {"n": thing["n"] + 1}}, session=session)

    await asyncio.gather(*(mongo.transaction(add) for _ in range(5)))
    assert (await mongo.database.things.find_one())["n"] == 5
    assert runs > 5, "nothing was in conflict: this test shows nothing"


async def test_a_conflict_that_does_not_end_is_unavailable_in_time(mongo: Mongo, hasty: Mongo) -> None:
    await mongo.database.things.insert_one({"_id": 1})

    async def hold(session: Session) -> None:
        await mongo.database.things.update_one({"_id": 1}, {"$set": {"a": 1}}, session=session)
        with pytest.raises(StoreUnavailable):
            await hasty.transaction(change)

    async def change(session: Session) -> None:
        await hasty.database.things.update_one({"_id": 1}, {"$set": {"b": 1}}, session=session)

    await mongo.transaction(hold)
    assert await mongo.database.things.find_one() == {"_id": 1, "a": 1}


async def test_a_caller_that_leaves_does_not_stop_it_and_close_waits_for_it(mongod, mongo: Mongo) -> None:
    other = Mongo.connect(mongod.url, mongo.database.name, 10_000)
    written, go = asyncio.Event(), asyncio.Event()

    async def slow(session: Session) -> None:
        await other.database.things.insert_one({"_id": 1}, session=session)
        written.set()
        await go.wait()

    caller = asyncio.create_task(other.transaction(slow))
    await written.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    asyncio.get_running_loop().call_soon(go.set)
    await other.close()
    assert await mongo.database.things.count_documents({}) == 1


async def test_a_failure_that_nobody_waits_for_is_no_noise(mongo: Mongo) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def broken(session: Session) -> None:
        entered.set()
        await go.wait()
        raise KeyError("a bug")

    caller = asyncio.create_task(mongo.transaction(broken))
    await entered.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    go.set()
    while mongo._tasks:
        await asyncio.sleep(0)


@pytest.fixture
def lasting(mongo: Mongo, run) -> Iterator[None]:
    """The server gives up no transaction by itself."""
    with transactions_live(mongo, run, 60):
        yield


@pytest.mark.parametrize("statements_before", [0, 1])
async def test_a_server_frozen_half_way_keeps_no_lock(
    mongo: Mongo, hasty: Mongo, freezer, lasting, statements_before: int
) -> None:
    await mongo.database.things.insert_one({"_id": 1, "n": 0})
    await recovered(hasty)

    async def add_twice(session: Session) -> None:
        for n in range(2):
            if n == statements_before:
                freezer.freeze()
            await hasty.database.things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

    with pytest.raises(StoreUnavailable):
        await hasty.transaction(add_twice)
    freezer.thaw()
    await mongo.database.things.update_one({"_id": 1}, {"$inc": {"n": 10}})  # waits twenty seconds for a lock
    assert await mongo.database.things.find_one() == {"_id": 1, "n": 10}


async def test_close_gives_up_on_a_server_that_stays_away(away: Mongo) -> None:
    async def write(session: Session) -> None:
        await away.database.things.insert_one({}, session=session)

    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await away.transaction(write)
    assert away._tasks, "nobody takes care of the transaction"
    await away.close()
    assert time.monotonic() - start < 10


async def test_a_fence_ends_what_was_open_and_refuses_what_comes_late(mongo: Mongo) -> None:
    await mongo.database.things.insert_one({"_id": 1})
    session = await mongo.client.start_session()
    session.start_transaction()
    await mongo.database.things.update_one({"_id": 1}, {"$set": {"a": 1}}, session=session)
    late = {"lsid": session.session_id, "txnNumber": session.delegate._transaction_id, "autocommit": False}
    session.delegate._transaction.state = _TxnState.COMMITTED  # as after a commit whose outcome is unknown
    assert await fence(mongo.database.things, session)
    await mongo.database.things.update_one({"_id": 1}, {"$set": {"b": 1}})
    with pytest.raises(OperationFailure) as refused:
        await mongo.client.admin.command({"commitTransaction": 1, **late})
    assert refused.value.code == 225, "TransactionTooOld"
    assert await mongo.database.things.find_one() == {"_id": 1, "b": 1}


async def test_a_fence_gives_up_in_the_end(away: Mongo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongo_transaction, "FENCE_LIMIT", 0.2)
    session = await away.client.start_session()
    assert not await fence(away.database.things, session)
    assert session.has_ended
