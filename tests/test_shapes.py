"""Values of the right kind out of whatever an upstream sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw import Unreadable, count_of, json_object, list_of, object_of, text_of, wait_of
from tornadogw.shapes import DEEPEST

NOW = 1_800_000_000.0
VALUES = [None, True, -1, 3, 1.5, "x", [1], {"a": 1}]


def nested(levels: int, around: str = "[]") -> bytes:
    return b'{"a":' + around[0].encode() * levels + around[1].encode() * levels + b"}"


def test_an_object():
    assert json_object(b' {"a": [1, "\xc3\xa9"]} ') == {"a": [1, "é"]}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"1", b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":"\xff"}', b"{", nested(DEEPEST), nested(5000)]
)
def test_what_is_no_object_is_unreadable(data):
    with pytest.raises(Unreadable):
        json_object(data)


def test_what_is_wide_is_not_deep():
    assert len(json_object(b'{"a":[' + b"[]," * 500 + b"[]]}")["a"]) == 501
    assert json_object(nested(DEEPEST - 1))


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_unreadable(data):
    try:
        assert isinstance(json_object(data), dict)
    except Unreadable:
        return


@pytest.mark.parametrize("value", VALUES)
def test_only_the_right_kind_counts(value):
    said = {"v": value}
    assert text_of(said, "v") == (value if isinstance(value, str) else "")
    assert count_of(said, "v") == (3 if value == 3 else 0)
    assert list_of(said, "v") == (value if isinstance(value, list) else ())
    assert object_of(said, "v") == (value if isinstance(value, dict) else {})


def test_what_is_not_there():
    assert (text_of({}, "v"), count_of({}, "v"), list_of({}, "v"), object_of({}, "v")) == ("", 0, (), {})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 15 Jan 2038 07:00:00 GMT"}, 86400.0),
        ({"retry-after": "9" * 18}, 86400.0),
        ({"retry-after": "9" * 19}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "1e3"}, None),
        ({"retry-after": "\u0663"}, None),
        ({"retry-after": "never"}, None),
    ],
)
def test_how_long_a_vendor_asks_to_be_left_alone(headers, seconds):
    assert wait_of(headers, NOW) == seconds


@pytest.mark.parametrize("date", ["Mon, 01 Jan 99999999999 00:00:00 GMT", f"Mon, 01 Jan 2026 00:00:00 +{'9' * 14}"])
def test_a_date_beyond_all_calendars_is_none(date):
    assert wait_of({"retry-after": date}, NOW) is None


@given(st.text(max_size=40))
def test_any_header_is_a_wait_or_none(text):
    seconds = wait_of({"retry-after": text}, NOW)
    assert seconds is None or 0 <= seconds <= 86400
