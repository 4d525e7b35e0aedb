"""Upstreams and models in MongoDB.

supply  `_id` `upstream NAME` or `model NAME`, `d` fields as in the settings file, `k` keys [{`n` number,
        `r` reference or `c` sealed}], `m` highest number, `h` sealed fields, `v` revision, `o` revision of its making,
        `t` changed, `by`
        `_id` `revision`, `n` the last one; each edit adds to it, so no two run at once
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from pymongo import IndexModel, ReturnDocument

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_prices import put_prices
from tornadogw.store.mongo_values import maybe_seconds, moment, plain
from tornadogw.store.ports_supply import Edit, Stored, StoredKey, Supplied

__all__ = ["COLLECTION", "INDEXES", "MongoSupply"]

COLLECTION = "supply"
INDEXES: Mapping[str, Sequence[IndexModel]] = {}
"""They are few, and read all at once."""
_REVISION = "revision"


class MongoSupply:
    """A `SupplyStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo, self._supply = mongo, mongo.database[COLLECTION]

    async def read(self) -> Supplied:
        with driver_errors():
            return await self._read(None)

    async def edit(self, decide: Callable[[Supplied], Sequence[Edit]]) -> int:
        async def put(session: Session) -> int:
            counter = await self._supply.find_one_and_update(
                {"_id": _REVISION},
                {"$inc": {"n": 1}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
                session=session,
            )
            revision = int(counter["n"])
            found = msgspec.structs.replace(await self._read(session), revision=revision - 1)
            for edit in decide(found):
                await self._put(edit, revision, session)
            return revision

        return await self._mongo.transaction(put)

    async def _read(self, session: Session | None) -> Supplied:
        documents = await self._supply.find(session=session).to_list(None)
        revision = next((int(each["n"]) for each in documents if each["_id"] == _REVISION), 0)
        entries = [entry for each in documents if (entry := _stored(each)) is not None]
        return Supplied(revision, tuple(sorted(entries, key=lambda each: (each.created, each.name))))

    async def _put(self, edit: Edit, revision: int, session: Session) -> None:
        key = {"_id": f"{edit.kind} {edit.name}"}
        if edit.now is None:
            await self._supply.delete_one(key, session=session)
        else:
            document = _document(edit.now, revision)
            await self._supply.replace_one(key, document, upsert=True, session=session)
        await note(self._mongo, session, edit.entry)
        await put_prices(self._mongo, session, edit.prices, by=edit.entry.by, at=edit.entry.at)


def _document(entry: Stored, revision: int) -> dict[str, Any]:
    return {
        "d": dict(entry.fields),
        "k": [
            {"n": key.number, **({"r": key.reference} if key.reference else {"c": key.sealed})} for key in entry.keys
        ],
        "m": entry.numbers,
        "h": entry.hidden,
        "v": revision,
        "o": entry.created or revision,
        "t": moment(entry.changed),
        "by": entry.by,
    }


def _stored(document: Mapping[str, Any]) -> Stored | None:
    """None: it is neither. What somebody else has written there must not stop a start."""
    kind, _, name = str(document["_id"]).partition(" ")
    if kind not in ("upstream", "model"):
        return None
    fields = document.get("d")
    return Stored(
        kind="upstream" if kind == "upstream" else "model",
        name=name,
        fields=plain(fields) if isinstance(fields, dict) else {},
        keys=tuple(_key(each) for each in document.get("k", ())),
        numbers=int(document.get("m", 0)),
        hidden=bytes(document.get("h", b"")),
        revision=int(document.get("v", 0)),
        created=int(document.get("o", 0)),
        changed=maybe_seconds(document.get("t")) or 0.0,
        by=document.get("by", ""),
    )


def _key(document: Mapping[str, Any]) -> StoredKey:
    return StoredKey(int(document["n"]), document.get("r", ""), bytes(document.get("c", b"")))
