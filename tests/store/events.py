"""Events of finished calls as the ledger stores them, without a ledger: docs/decisions/0008-money-is-leased.md."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.int64 import Int64

from tornadogw.store.mongo_usage import record
from tornadogw.store.ports_money import Entry

LEASE = "00112233445566778899aa"
_numbers = itertools.count()


def days_ago(number: float) -> datetime:
    """Noon of UTC, so many days before today."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return noon - timedelta(days=number)


def day_name(number: float) -> str:
    return f"{days_ago(number):%Y%m%d}"


def entries(*events: Mapping[str, Any]) -> list[Entry]:
    """The same as the ledger hands them on."""
    return [Entry(each["_id"], record(each)) for each in events]


def stored(when: datetime, cost: int = 0, *, lease: str = LEASE, **fields: Any) -> dict[str, Any]:
    """The document of a call that began at `when`, of account `ann`; its day is that of UTC unless `d` says another."""
    number = next(_numbers)
    document = {
        "_id": f"{lease}{number:08x}",
        "r": f"r{number}",
        "a": "ann",
        "k": "key",
        "t": when,
        "md": "chat",
        "q": "auto",
        "m": "m",
        "i": 3,
        "o": 2,
        "src": "reported",
        "c": Int64(cost),
        "p": [1, 1, None, None, None],
        "w": "prepaid",
        "d": f"{when:%Y%m%d}",
    }
    document.update(fields)
    return {name: value for name, value in document.items() if value is not None}
