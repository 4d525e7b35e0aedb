from __future__ import annotations

from datetime import datetime

import bson
import msgspec
from bson.int64 import Int64
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.store.mongo_values import maybe_moment, maybe_seconds, moment, money, plain, seconds


@given(st.integers(0, 4_000_000_000_000))
def test_a_moment_survives_to_the_millisecond(milliseconds: int) -> None:
    raw = bson.encode({"t": moment(milliseconds / 1000)})
    aware = bson.decode(raw, bson.CodecOptions(tz_aware=True))["t"]
    assert seconds(aware) == seconds(bson.decode(raw)["t"]) == milliseconds / 1000


def test_money_is_64_bits_wide() -> None:
    assert isinstance(money(1), Int64)
    assert len(bson.encode({"c": money(1)})) == len(bson.encode({"c": 2**40}))


def test_what_is_read_can_be_written_as_json() -> None:
    given = {"a": 2**40, "b": [1, {"c": [money(5)]}, "x", None, True, 0.5]}
    read = bson.decode(bson.encode(given))
    assert isinstance(read["a"], Int64), "or there is nothing to do"
    assert plain(read) == given
    assert msgspec.json.decode(msgspec.json.encode(plain(read))) == given


def test_no_moment_stays_none() -> None:
    assert maybe_moment(None) is None
    assert maybe_seconds(None) is None
    assert maybe_seconds(maybe_moment(1.5)) == 1.5
    assert isinstance(maybe_moment(1.5), datetime)
