"""Tells this process at once what others change in the database: one change stream over the collections that matter.

It resumes where it was when MongoDB comes back. Where that is impossible something may have been missed (a *gap*) and
whoever caches must drop all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorChangeStream
from pymongo.errors import PyMongoError

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_errors import is_away

__all__ = ["OnChange", "OnGap", "Watch"]

OnChange = Callable[[str, Any, str, Mapping[str, Any] | None], None]
"""collection, `_id`, kind (`insert`, `update`, `replace`, `delete`), the new document if the change has it whole."""
OnGap = Callable[[], None]

POLL_MS = 250
"""How long the server waits for a change before it answers that there is none. A change is told at once all the same;
this is how long `close` may take, and it must be below the timeout of an operation."""
RETRY_SECONDS = (0.02, 0.5)
"""First and longest pause between two tries to open the stream again."""
_WHOLE = ("insert", "replace")

log = logging.getLogger(__name__)


class Watch:
    """One change stream. `start` it, `close` it; in between it keeps itself alive.

    `collections` maps each name to the top-level fields whose updates matter, None: all of them; inserts and deletes
    always matter. `on_gap` is called each time the stream starts anew, the first time included, before any later
    change. Neither callback may block. A `replace` is always told: which fields it touched, only the document tells.
    """

    def __init__(
        self, mongo: Mongo, collections: Mapping[str, Sequence[str] | None], on_change: OnChange, on_gap: OnGap
    ) -> None:
        self._mongo, self._pipeline = mongo, [{"$match": {"$or": [_matching(*each) for each in collections.items()]}}]
        self._on_change, self._on_gap = on_change, on_gap
        self._token: Mapping[str, Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._open = asyncio.Event()
        self._heard = float("-inf")

    @property
    def silence(self) -> float:
        """Seconds since the server last answered: whoever caches may be wrong by what happened in them."""
        return time.monotonic() - self._heard

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="watch")

    async def opened(self) -> None:
        """Wait until changes are seen: at once, unless MongoDB is away."""
        await self._open.wait()

    async def close(self) -> None:
        """Takes as long as one poll of the server."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        pause = RETRY_SECONDS[0]
        while True:
            try:
                await self._follow()
                log.warning("the change stream ended: caches are dropped")
                self._token = None
            except PyMongoError as error:
                if self._open.is_set():
                    log.warning("the change stream is lost (%s), trying again", type(error).__name__)
                    pause = RETRY_SECONDS[0]
                if not is_away(error):
                    self._token = None  # MongoDB answered, and cannot go on from here
            except Exception:  # whatever it is, a watch that has ended unseen would be worse
                log.exception("the change stream failed, it is opened anew: caches are dropped")
                self._token = None
            self._open.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_SECONDS[1])

    async def _follow(self) -> None:
        """Tell changes until the stream ends or breaks."""
        stream = self._mongo.database.watch(
            self._pipeline, resume_after=self._token, max_await_time_ms=min(POLL_MS, int(self._mongo.timeout * 500))
        )
        try:
            change = await _uninterrupted(stream)
            if self._token is None:
                self._gap()
            self._open.set()
            while stream.alive:  # type: ignore[truthy-function] # a property, the driver's stub is wrong
                self._heard, self._token = time.monotonic(), stream.resume_token
                if change is not None:
                    self._tell(change)
                change = await _uninterrupted(stream)
        finally:
            await stream.close()

    def _tell(self, change: Mapping[str, Any]) -> None:
        kind, key = change["operationType"], change.get("documentKey")
        if key is None:  # a collection was dropped or renamed
            self._gap()
            return
        document = change["fullDocument"] if kind in _WHOLE else None
        try:
            self._on_change(change["ns"]["coll"], key["_id"], kind, document)
        except Exception:  # a reader's bug must not end the watch; dropping all is what it would have had to do
            log.exception("a change was not understood")
            self._gap()

    def _gap(self) -> None:
        try:
            self._on_gap()
        except Exception:  # as above
            log.exception("a gap was not understood")


def _matching(collection: str, fields: Sequence[str] | None) -> Mapping[str, Any]:
    """The server leaves the rest out: a busy collection changes with every request."""
    if fields is None:
        return {"ns.coll": collection}
    touched: list[Mapping[str, Any]] = [
        {f"updateDescription.updatedFields.{each}": {"$exists": True}} for each in fields
    ]
    removed = {"updateDescription.removedFields": {"$in": list(fields)}}
    return {"ns.coll": collection, "$or": [{"operationType": {"$ne": "update"}}, *touched, removed]}


async def _uninterrupted(stream: AsyncIOMotorChangeStream[dict[str, Any]]) -> dict[str, Any] | None:
    """The next change or None. A thread of the driver waits for it; the stream may not be closed under its hands."""
    waiting = asyncio.ensure_future(stream.try_next())
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await asyncio.gather(waiting, return_exceptions=True)
        raise
