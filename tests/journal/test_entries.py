"""An entry is read back as it was, and fits whatever others worded."""

from __future__ import annotations

import pytest

from tests.store.money import finished
from tornadogw.journal.entries import decode, encode
from tornadogw.journal.segment import LONGEST
from tornadogw.store.ports_money import Entry, Part
from tornadogw.types import Attempt, Price, Usage

PARTS = (Part("prepaid", "acct", "l" * 22), Part("daily", "k:key:20261126", "m" * 22))


def test_it_is_read_back():
    record = finished(
        "r1",
        5,
        price=Price(1, 2, None, 4, 5),
        attempts=(Attempt("u", "m", "ok", "", 5),),
        dropped=("seed",),
        first_event_ms=7,
        started=1.5,
        wallet="prepaid",
        factor=500_000,
        day="20261126",
    )
    entry = Entry("e1", record, PARTS)
    assert decode(encode(entry)) == entry


@pytest.mark.parametrize(
    "bad",
    [
        {"asked": "\ud800"},
        {"asked": "x" * 10_000},
        {"usage": Usage(2**70, 2)},
        {"attempts": (Attempt("u", "m", "\N{GRINNING FACE}" * 5000),) * 100},
        {"dropped": tuple("y" * 100 for _ in range(500))},
    ],
    ids=["text", "long", "number", "attempts", "dropped"],
)
def test_what_others_worded_never_keeps_it_out(bad):
    entry = Entry("e1", finished("r1", 2**62, **bad), PARTS)
    payload = encode(entry)
    assert len(payload) <= LONGEST - 8
    kept = decode(payload)
    assert (kept.id, kept.parts, kept.record.cost, kept.record.key_id) == ("e1", PARTS, 2**62, "key")
    assert kept.record.usage.completion == 2
