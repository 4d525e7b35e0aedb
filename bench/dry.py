"""The gateway without the ledger's database work for free requests: `python bench/dry.py --data DIR serve ...`.

Everything else is on. What this gateway costs less than the real one is that work: the task that writes a record, the
threads of the driver, the hand-offs to them, and the waits of the loop for the interpreter while they work.
"""

from __future__ import annotations

from typing import Any

from tornadogw.__main__ import main
from tornadogw.ledger import Ledger


def settled(self: Ledger, hold: Any, record: Any) -> None:
    """Instead of the task that writes."""


if __name__ == "__main__":
    Ledger._settle = settled  # type: ignore[assignment,method-assign]  # noqa: SLF001 -- the one thing that is left out
    main()
