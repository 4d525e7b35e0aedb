"""The gateway without the one database operation of a free request: `python bench/dry.py --data DIR serve ...`.

Everything else is on. What this gateway costs less than the real one is the ledger's database work: the threads of the
driver, the hand-offs to them, and the waits of the loop for the interpreter while they work.
"""

from __future__ import annotations

from tornadogw.__main__ import main
from tornadogw.store.mongo_ledger import MongoLedger
from tornadogw.types import Record


async def note(self: MongoLedger, hold_id: str, record: Record) -> None:
    """Instead of the insert."""


if __name__ == "__main__":
    MongoLedger.note = note  # type: ignore[method-assign]  # the one thing that is left out
    main()
