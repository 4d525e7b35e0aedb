"""One transaction: all of it or nothing, within a deadline, and no lock left behind when the database goes away.

The driver's own helper does not fit: it repeats for two minutes, does not repeat a commit whose outcome is unknown, and
ends a session with blocking I/O. And when a server freezes between two statements, both the transaction and the attempt
to abort it time out: the server would keep its documents locked for a minute or more after it is back. So an
unacknowledged transaction is fenced: a newer one on the same session makes the server abort the older and refuse its
late statements.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from tornadogw.store.mongo_errors import is_away

__all__ = ["Body", "Session", "Transaction", "fence"]

Session = AsyncIOMotorClientSession
T = TypeVar("T")
Body = Callable[[Session], Awaitable[T]]

CONFLICT_SECONDS = (0.002, 0.1)
"""First and longest pause before another try after a conflict with another transaction."""
FENCE_SECONDS = (0.05, 1.0)
"""First and longest pause between tries to fence while the database is away."""
FENCE_LIMIT = 180.0
"""After that the server has given the transaction up by itself (its limit is 60 s, checked once a minute)."""


class Transaction:
    """Runs `body` in one transaction. Must not be cancelled half-way: its owner shields it."""

    def __init__(self, client: AsyncIOMotorClient[dict[str, Any]], timeout: float) -> None:
        self._client, self._timeout = client, timeout
        self.unsettled: Session | None = None
        """After a failure: the session whose transaction the server may still hold open; for `fence`."""

    async def run(self, body: Body[T]) -> T:
        """The result of `body`, committed. `body` may run several times.

        Raises what `body` raises; a driver's error that `is_away` says that the outcome is unknown.
        """
        session = await self._client.start_session()
        try:
            with pymongo.timeout(self._timeout):
                result = await self._until_committed(session, body)
        except PyMongoError as error:
            if is_away(error):
                self.unsettled = session
            else:
                await session.end_session()
            raise
        except BaseException:
            await session.end_session()
            raise
        await session.end_session()
        return result

    async def _until_committed(self, session: Session, body: Body[T]) -> T:
        """Conflicts with other transactions are tried again until the deadline."""
        deadline, pause = time.monotonic() + self._timeout, CONFLICT_SECONDS[0]
        while True:
            try:
                return await self._once(session, body)
            except PyMongoError as error:
                over = time.monotonic() + pause > deadline
                if over or error.timeout or not error.has_error_label("TransientTransactionError"):
                    raise
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads tries, protects nothing
            pause = min(pause * 2, CONFLICT_SECONDS[1])

    async def _once(self, session: Session, body: Body[T]) -> T:
        session.start_transaction(read_concern=ReadConcern("snapshot"))
        try:
            result = await body(session)
        except BaseException:
            await session.abort_transaction()
            raise
        await self._commit(session)
        return result

    async def _commit(self, session: Session) -> None:
        """A commit may be sent again: the server does it once."""
        while True:
            try:
                await session.commit_transaction()
            except PyMongoError as error:
                if error.timeout or not error.has_error_label("UnknownTransactionCommitResult"):
                    raise
            else:
                return


async def fence(collection: AsyncIOMotorCollection[dict[str, Any]], session: Session) -> bool:
    """End whatever the server still holds open for `session`, as soon as it answers. False: it stayed away too long.

    Any read of any `collection` does. Ends the session.
    """
    deadline, pause = time.monotonic() + FENCE_LIMIT, FENCE_SECONDS[0]
    try:
        while time.monotonic() < deadline:
            try:
                session.start_transaction()
                await collection.find_one({}, session=session)
                await session.abort_transaction()
            except PyMongoError:
                if session.delegate.in_transaction:
                    await session.abort_transaction()
                await asyncio.sleep(pause)
                pause = min(pause * 2, FENCE_SECONDS[1])
            else:
                return True
        return False
    finally:
        await session.end_session()
