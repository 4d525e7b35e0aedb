"""Prices as they were when they were last looked at: what settings and edits change of them goes into the audit log.

meta  `_id` `prices`, `m` [{`n` model, `p` {what: micro-units per million tokens}}]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.ports import Entry
from tornadogw.types import Price

__all__ = ["note_prices", "put_prices"]

_ID = "prices"


async def note_prices(mongo: Mongo, prices: Mapping[str, Price], *, by: str, at: float) -> int:
    """Write a line for each model whose price is another than was noted last; how many there were.

    `by`: whose settings they are; `at`: Unix seconds. Raises StoreUnavailable.
    """

    async def compare(session: Session) -> int:
        known = await _known(mongo, session)
        gone: Mapping[str, Price | None] = dict.fromkeys(known)
        return await _noted(mongo, session, known, {**gone, **prices}, by, at)

    return await mongo.transaction(compare)


async def put_prices(
    mongo: Mongo, session: Session, changed: Mapping[str, Price | None], *, by: str, at: float
) -> None:
    """The same of the `changed` ones alone, in the transaction of `session`. None: the model is gone."""
    if changed:
        _ = await _noted(mongo, session, await _known(mongo, session), changed, by, at)


async def _known(mongo: Mongo, session: Session) -> Mapping[str, Any]:
    found = await mongo.database["meta"].find_one({"_id": _ID}, session=session) or {"m": []}
    return {each["n"]: each["p"] for each in found["m"]}


async def _noted(
    mongo: Mongo, session: Session, known: Mapping[str, Any], prices: Mapping[str, Price | None], by: str, at: float
) -> int:
    now = {name: None if price is None else _figures(price) for name, price in prices.items()}
    changed = [name for name in sorted(now) if known.get(name, {}) != (now[name] or {})]
    for name in changed:
        entry = Entry(by, "price.change", at, "", name, known.get(name, {}), now[name] or {})
        await note(mongo, session, entry)
    if changed:
        table = [{"n": name, "p": figures} for name, figures in {**known, **now}.items() if figures is not None]
        await mongo.database["meta"].update_one({"_id": _ID}, {"$set": {"m": table}}, upsert=True, session=session)
    return len(changed)


def _figures(price: Price) -> dict[str, Any]:
    """What is not said, and what costs nothing, is left out: a free model has no price."""
    figures: dict[str, Any] = msgspec.to_builtins(price)
    return {what: amount for what, amount in figures.items() if amount}
