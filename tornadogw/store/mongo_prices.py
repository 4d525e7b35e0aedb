"""Prices as they were when a gateway last started: what the settings change of them goes into the audit log.

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

__all__ = ["note_prices"]

_ID = "prices"


async def note_prices(mongo: Mongo, prices: Mapping[str, Price], *, by: str, at: float) -> int:
    """Write a line for each model whose price is another than at the last start; how many there were.

    `by`: whose settings they are; `at`: Unix seconds. Raises StoreUnavailable.
    """
    now = {name: _figures(price) for name, price in prices.items()}

    async def compare(session: Session) -> int:
        notes = mongo.database["meta"]
        known = await notes.find_one({"_id": _ID}, session=session) or {"m": []}
        before = {each["n"]: each["p"] for each in known["m"]}
        changed = [name for name in sorted(before.keys() | now.keys()) if before.get(name, {}) != now.get(name, {})]
        for name in changed:
            entry = Entry(by, "price.change", at, "", name, before.get(name, {}), now.get(name, {}))
            await note(mongo, session, entry)
        if changed:
            table = [{"n": name, "p": figures} for name, figures in now.items()]
            await notes.update_one({"_id": _ID}, {"$set": {"m": table}}, upsert=True, session=session)
        return len(changed)

    return await mongo.transaction(compare)


def _figures(price: Price) -> dict[str, Any]:
    """What is not said, and what costs nothing, is left out: a free model has no price."""
    figures: dict[str, Any] = msgspec.to_builtins(price)
    return {what: amount for what, amount in figures.items() if amount}
