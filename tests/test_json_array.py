"""A JSON array that arrives piece by piece: its elements, whatever they hold and however they are cut."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.errors import Unreadable
from tornadogw.framing import Framer
from tornadogw.json_array import JsonArray
from tornadogw.types import Frame

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\[]{},: \u2028é\n'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"\\]},'), inner, max_size=3),
    max_leaves=8,
)


def elements(body: bytes, at: list[int] | None = None, limit: int = 1 << 20) -> list[bytes]:
    array, cut = JsonArray(limit), [0, *sorted(at or []), len(body)]
    frames = [frame for start, end in pairwise(cut) for frame in array.feed(body[start:end])]
    assert array.end() == []
    assert not any(frame.whole or frame.event for frame in frames)
    return [frame.data for frame in frames]


@given(st.lists(JSON, max_size=4), st.sampled_from([None, 1]), st.data())
def test_the_elements_of_any_array_at_any_cut(values, indent, data):
    body = json.dumps(values, indent=indent, ensure_ascii=False).encode() + b"\r\n"
    at = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    assert [json.loads(each) for each in elements(body, at)] == values


def test_every_byte_alone():
    values = [{"a": ["]", "\\", '"', {"b": "}],"}]}, "x\\\\", [1, [2]], -3.5, None]
    body = json.dumps(values, indent=1).encode()
    assert [json.loads(each) for each in elements(body, list(range(len(body))))] == values


@pytest.mark.parametrize("cut", range(1, len(b'[{"a":"]"}, {"b":2}]')))
def test_an_element_without_its_border_is_none(cut):
    body = b'[{"a":"]"}, {"b":2}]'
    complete = (cut > body.index(b", ")) + (cut >= len(body))
    assert len(elements(body[:cut])) == complete


def test_after_the_end_nothing_counts():
    assert elements(b'[1] [2, 3] {"a": 1}') == [b"1"]


def test_an_element_that_is_too_long_is_told_after_those_before_it():
    array = JsonArray(10)
    assert array.feed(b'[1,"' + b"x" * 40) == [Frame(b"1")]
    with pytest.raises(Unreadable):
        array.feed(b"x")
    with pytest.raises(Unreadable):
        array.end()
    with pytest.raises(Unreadable):
        JsonArray(10).feed(b"[" + b"1" * 11)


@given(st.binary(max_size=120), st.data())
def test_any_bytes_are_the_same_at_any_cut(body, data):
    body = b"[" + body
    assert elements(body, data.draw(st.lists(st.integers(0, len(body)), max_size=6))) == elements(body)


def test_a_deep_element_costs_one_look_a_byte():
    """A look at each byte again for each piece would take minutes."""
    body = b"[" + b"[" * 100_000 + b"]" * 100_000 + b"]"
    assert elements(body, list(range(0, len(body), 3))) == [body[1:-1]]


@pytest.mark.parametrize(
    ("body", "kind", "count"),
    [
        (b'\xef\xbb\xbf [{"a":1},{"b":2}]', "json-array", 2),
        (b'{"error":{}}', "json", 1),
        (b'data: {"a":1}\r\n\r\n', "sse", 1),
        (b"<html>", "html", 0),
    ],
)
def test_the_first_bytes_decide(body, kind, count):
    for size in (1, len(body)):
        framer = Framer(framing="json-array")
        frames = [frame for at in range(0, len(body), size) for frame in framer.feed(body[at : at + size])]
        frames += framer.end()
        assert (framer.kind, len(frames)) == (kind, count)


def test_a_call_that_did_not_stream_gets_one_document():
    framer = Framer(framing="json-array", stream=False)
    assert framer.feed(b"[1,2]") == []
    assert framer.end() == [Frame(b"[1,2]", whole=True)]
