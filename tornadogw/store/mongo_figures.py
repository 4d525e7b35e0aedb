"""What stands in a wallet while leases are open: read in one snapshot, right up to the last stored event.

The document alone lags: what is settled on an open lease is written when it is renewed. Its events tell the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_leases import lease_sum
from tornadogw.store.ports_money import Part, WalletKind
from tornadogw.types import Value

__all__ = ["Figures", "read_figures"]


class Figures(Value, frozen=True):
    """Micro-units. `balance + held + spent == credited`."""

    credited: int
    balance: int
    held: int
    """On leases, and not spent."""
    spent: int


async def read_figures(
    mongo: Mongo, collection: str, which: Mapping[str, Any], *, by: str = "_id", limit: int = 0
) -> Sequence[tuple[Mapping[str, Any], Figures]]:
    """The wallets that match, each with its figures: the first `limit` in the order of the field `by`, or all.

    Raises StoreUnavailable.
    """
    with driver_errors():
        async with await mongo.client.start_session(snapshot=True) as session:
            found = mongo.database[collection].find(which, session=session)
            documents = await (found.sort(by, 1).limit(limit) if limit else found).to_list(None)
            return [(document, await _figures(mongo, session, document)) for document in documents]


async def _figures(mongo: Mongo, session: Session, document: Mapping[str, Any]) -> Figures:
    balance, spent = int(document["balance"]), int(document["spent"])
    held = sum(int(hold["a"]) for hold in document.get("holds", {}).values())
    kind: WalletKind = document.get("kind", "prepaid")
    for name, lease in document.get("leases", {}).items():
        granted, settled = int(lease["g"]), int(lease["s"])
        stages = list(lease_sum(Part(kind, document["_id"], name)))
        sums = await mongo.database["events"].aggregate(stages, session=session).to_list(1)
        charged = max(settled, int(sums[0]["c"]) if sums else 0)
        spent += charged - settled
        balance -= max(0, charged - granted)
        held += max(0, granted - charged)
    return Figures(int(document["credited"]), balance, held, spent)
