"""Second factors of accounts, in MongoDB.

factors  `_id` account, `s` sealed secret, `c` number of the last code that was used, `r` digests of recovery codes,
         `t` since when
"""

from __future__ import annotations

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, seconds
from tornadogw.store.ports import Entry
from tornadogw.store.ports_people import Factor

__all__ = ["MongoFactors"]


class MongoFactors:
    """A `FactorStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._factors = mongo.database["factors"]

    async def find(self, account_id: str) -> Factor | None:
        with driver_errors():
            found = await self._factors.find_one({"_id": account_id})
        if found is None:
            return None
        return Factor(
            account_id=found["_id"],
            sealed=bytes(found["s"]),
            counter=found["c"],
            recovery=tuple(found["r"]),
            since=seconds(found["t"]),
        )

    async def put(self, factor: Factor, entry: Entry) -> None:
        fields = {
            "s": factor.sealed,
            "c": factor.counter,
            "r": list(factor.recovery),
            "t": moment(factor.since),
        }

        async def write(session: Session) -> None:
            await self._factors.replace_one({"_id": factor.account_id}, fields, upsert=True, session=session)
            await note(self._mongo, session, entry)

        await self._mongo.transaction(write)

    async def remove(self, account_id: str, entry: Entry) -> bool:
        removed = False

        async def drop(session: Session) -> None:
            nonlocal removed
            removed = (await self._factors.delete_one({"_id": account_id}, session=session)).deleted_count == 1
            if removed:
                await note(self._mongo, session, entry)

        await self._mongo.transaction(drop)
        return removed

    async def use_counter(self, account_id: str, counter: int) -> bool:
        with driver_errors():
            done = await self._factors.update_one({"_id": account_id, "c": {"$lt": counter}}, {"$set": {"c": counter}})
        return done.modified_count == 1

    async def use_recovery(self, account_id: str, digest: str, entry: Entry) -> bool:
        used = False

        async def pull(session: Session) -> None:
            nonlocal used
            done = await self._factors.update_one(
                {"_id": account_id, "r": digest}, {"$pull": {"r": digest}}, session=session
            )
            used = done.modified_count == 1
            if used:
                await note(self._mongo, session, entry)

        await self._mongo.transaction(pull)
        return used
