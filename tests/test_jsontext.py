from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.jsontext import _pieces, dumps

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_both_ways_write_the_same(value):
    assert b"".join(_pieces(value)) == dumps(value) == orjson.dumps(value)


def test_nesting_beyond_the_fast_way():
    text = b'{"a":[1,' * 500 + b"null" + b"]}" * 500
    assert dumps(orjson.loads(text)) == text


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError):
        dumps({"a": object()})


def test_a_deep_value_of_many_parts_is_refused_at_once():
    deep = orjson.loads(b"[" * 300 + b"[]," * 60_000 + b"1" + b"]" * 300)
    with pytest.raises(TypeError, match="size"):
        dumps(deep)


def test_many_flat_parts_beside_deep_ones_cost_little():
    text = b'{"x":' + orjson.dumps(list(range(300_000))) + b',"y":' + b"[" * 300 + b"]" * 300 + b"}"
    assert dumps(orjson.loads(text)) == text
