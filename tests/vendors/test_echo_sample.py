"""Values that fit schemas."""

from __future__ import annotations

import orjson
import pytest

from tornadogw.vendors.echo_sample import sample


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "hi"),
        ({"type": "integer"}, 1),
        ({"type": "number"}, 1),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["string", "null"]}, "hi"),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["hi"]),
        ({"const": 5}, 5),
        ({"type": "integer", "default": 7}, 7),
        ({"enum": ["red", "blue"]}, "red"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        ({"properties": {"a": {"type": "string"}}}, {"a": "hi"}),
        ({"$defs": {"A": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/A"}}}, {"a": 1}),
        ({"$ref": "#/nowhere"}, {}),
        ({"type": "odd"}, None),
        ({"type": {}}, {}),
        ({"type": []}, {}),
        ({"properties": []}, {}),
        (None, {}),
    ],
)
def test_sample(schema, value):
    assert sample(schema, "hi") == value


def test_a_schema_that_refers_to_itself_stays_small():
    schema = {"properties": {name: {"$ref": "#"} for name in "abcdefgh"}}
    assert len(orjson.dumps(sample(schema, "x" * 1000))) < 100_000
    assert sample({"$ref": "#"}, "x") == {}
