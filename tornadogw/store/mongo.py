"""The gateway's hold on MongoDB: one client with safe defaults, its database, transactions, indexes, start-up checks.

The other `mongo_*` rooms take a `Mongo` and use `mongo.database` inside `async with mongo.errors()`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import warnings
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self, TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import IndexModel, ReturnDocument
from pymongo.errors import ConfigurationError, DuplicateKeyError, InvalidURI, OperationFailure

from tornadogw.errors import UsageError
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_transaction import Body, Session, Transaction, fence

__all__ = ["Mongo", "Session"]

log = logging.getLogger(__name__)
T = TypeVar("T")
Database = AsyncIOMotorDatabase[dict[str, Any]]

INDEX_SECONDS = 600.0
"""How long the indexes of a database that grew without them may take."""
CLOSE_SECONDS = 2.0
"""How long the driver may take to say goodbye; half of it for a server that does not answer."""
_INDEX_DIFFERS = {85, 86}
"""IndexOptionsConflict, IndexKeySpecsConflict."""
_META = "meta"
"""The collection of what the gateway notes about its own database."""


class Mongo:
    """One client and one database, bound to the running event loop. Made by `connect`, ended by `close`."""

    def __init__(self, client: AsyncIOMotorClient[dict[str, Any]], database: str, timeout_ms: int) -> None:
        self.client, self.timeout = client, timeout_ms / 1000
        self.database: Database = client[database]
        self._tasks: set[asyncio.Task[Any]] = set()

    @classmethod
    def connect(cls, url: str, database: str, timeout_ms: int) -> Self:
        """Make the client; nothing is sent yet. `timeout_ms` bounds every operation. Raises UsageError for a bad `url`.

        What money needs is not left to the url: writes are acknowledged by the journals of a majority.
        """
        try:
            with warnings.catch_warnings(
                action="error", category=UserWarning
            ):  # an option that it does not understand is one
                client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
                    url,
                    io_loop=asyncio.get_running_loop(),
                    appname="tornadogw",
                    connectTimeoutMS=timeout_ms,
                    journal=True,
                    retryReads=True,
                    retryWrites=True,
                    serverSelectionTimeoutMS=timeout_ms,
                    timeoutMS=timeout_ms,
                    tz_aware=True,
                    uuidRepresentation="standard",
                    w="majority",
                )
        except (ConfigurationError, InvalidURI, ValueError, TypeError, UserWarning) as error:
            # What the driver says may hold the password; it is shown only where the url can have none.
            why = "" if "@" in url else f": {error}"
            raise UsageError(f"The setting `mongo.url` is not an address of MongoDB{why}.") from None
        return cls(client, database, timeout_ms)

    @asynccontextmanager
    async def errors(self) -> AsyncIterator[None]:
        """Around every use of `database`: raises StoreUnavailable when MongoDB is away or too slow."""
        with driver_errors():
            yield

    async def ping(self) -> None:
        """Raises StoreUnavailable."""
        async with self.errors():
            await self.client.admin.command("ping")

    async def check(self) -> None:
        """Whether this MongoDB can be used at all. Raises StoreUnavailable, or UsageError with what to change."""
        async with self.errors():
            try:
                hello = await self.client.admin.command("hello")
                await self.database[_META].find_one({"_id": "secret"})
            except OperationFailure as error:
                if error.code not in {13, 18}:  # Unauthorized, AuthenticationFailed
                    raise
                raise UsageError(
                    "MongoDB does not let us in: check user, password and rights of `mongo.url`."
                ) from None
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise UsageError(
                "The MongoDB of `mongo.url` is no replica set; transactions and change streams need one. "
                "Start it with `--replSet` and run `rs.initiate()`, one node is enough."
            )

    async def transaction(self, body: Body[T]) -> T:
        """The result of `body(session)`, committed whole or not at all, within the timeout of one operation.

        `body` may run several times. Cancelling the caller does not stop it: it ends by itself, `close` waits for it.
        Raises what `body` raises, or StoreUnavailable: then it may have been committed or not.
        """
        task = asyncio.create_task(self._transact(body))
        self._keep(task)
        return await asyncio.shield(task)

    async def _transact(self, body: Body[T]) -> T:
        transaction = Transaction(self.client, self.timeout)
        try:
            with driver_errors():
                return await transaction.run(body)
        finally:
            if transaction.unsettled:
                self._keep(asyncio.create_task(fence(self.database[_META], transaction.unsettled)))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        """`close` awaits it, whoever else does."""
        self._tasks.add(task)
        task.add_done_callback(self._drop)

    def _drop(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.debug("a transaction failed: %r", error)  # told to its caller, unless that has left

    async def ensure_indexes(self, *tables: Mapping[str, Sequence[IndexModel]]) -> None:
        """Make what is missing of `{collection: indexes}`. A changed expiry is changed in place.

        Raises StoreUnavailable; UsageError when an index of the same name or keys is there with another meaning.
        """
        async with self.errors():
            with pymongo.timeout(INDEX_SECONDS):
                for table in tables:
                    for collection, indexes in table.items():
                        await self._ensure_all(collection, indexes)

    async def _ensure_all(self, collection: str, indexes: Sequence[IndexModel]) -> None:
        """In one command, which is all it takes as a rule; one by one where something differs."""
        try:
            await self.database[collection].create_indexes(list(indexes))
        except OperationFailure as error:
            if error.code not in _INDEX_DIFFERS:
                raise
            for index in indexes:
                await self._ensure(collection, index)

    async def _ensure(self, collection: str, index: IndexModel) -> None:
        try:
            await self.database[collection].create_indexes([index])
        except OperationFailure as error:
            if error.code not in _INDEX_DIFFERS:
                raise
            wanted, found = index.document, await self._index(collection, index.document["name"])
            expires = wanted.get("expireAfterSeconds")
            if found is None or expires is None or {**found, "expireAfterSeconds": expires} != {**found, **wanted}:
                raise UsageError(
                    f"The collection {collection} has another index in the place of {wanted['name']}: drop it first."
                ) from None
            change = {"keyPattern": wanted["key"], "expireAfterSeconds": expires}
            await self.database.command("collMod", collection, index=change)

    async def _index(self, collection: str, name: str) -> Mapping[str, Any] | None:
        indexes = await self.database[collection].list_indexes().to_list(None)
        return next((dict(index) for index in indexes if index["name"] == name), None)

    async def check_secret(self, fingerprint: str) -> None:
        """The first node leaves the fingerprint of its secret; a node with another secret could read no key.

        Raises StoreUnavailable, UsageError.
        """
        known = await self._noted("secret", {"fingerprint": fingerprint})
        if known["fingerprint"] != fingerprint:
            raise UsageError(
                f"This database belongs to gateways with another secret (fingerprint {known['fingerprint']}, ours is "
                f"{fingerprint}). Copy the file `secret` from the data folder of a gateway that runs on this database "
                "into ours, or set `server.secret` to the same value as there."
            )

    async def identity(self) -> str:
        """Which database this is, whatever its address: 32 characters, made once. Raises StoreUnavailable."""
        return str((await self._noted("database", {"id": secrets.token_hex(16)}))["id"])

    async def _noted(self, name: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was noted first under `name`: `values`, if nothing was there."""
        notes = self.database[_META]
        async with self.errors():
            try:
                return await notes.find_one_and_update(
                    {"_id": name}, {"$setOnInsert": values}, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:  # another node was first by a moment
                return await notes.find_one({"_id": name}) or values

    async def close(self) -> None:
        """Let transactions end, give up those that MongoDB does not answer, and close the client."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * self.timeout)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.to_thread(self._close_client)

    def _close_client(self) -> None:
        """Blocks: the driver tells the server which sessions end, and waits for its answer."""
        with pymongo.timeout(CLOSE_SECONDS / 2):
            self.client.close()
