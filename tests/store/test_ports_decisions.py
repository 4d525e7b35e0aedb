from __future__ import annotations

import msgspec

from tornadogw.store.ports_decisions import Decision
from tornadogw.types import Attempt, Record


def test_a_decision_is_a_value() -> None:
    record = Record(id="r", account_id="a", key_id="k", mode="chat", asked="m")
    decision = Decision("1", record, charged=False, passed=(Attempt("u", "m", "skipped", "mode"),))
    assert decision == msgspec.structs.replace(decision)
    assert decision != msgspec.structs.replace(decision, charged=True)
