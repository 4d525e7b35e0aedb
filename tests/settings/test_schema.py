from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, inspect

from tornadogw.settings.schema import (
    describe,
    did_you_mean,
    entry_table,
    fields,
    from_text,
    keys,
    nearest,
    sub_table,
)
from tornadogw.settings.tables import Model, Server, Settings, Timeouts


@dataclasses.dataclass
class Plain:
    path: Annotated[str, Meta(description="Where.")] = "x"
    sizes: list[int] = dataclasses.field(default_factory=list)


def test_fields_of_a_struct():
    port = fields(Server)["port"]
    assert (port.help, port.required, port.default) == ("Port to listen on; 0 takes a free one.", False, 8080)
    assert fields(Model)["name"].required


def test_fields_of_a_dataclass():
    assert {name: field.default for name, field in fields(Plain).items()} == {"path": "x", "sizes": []}
    assert fields(Plain)["path"].help == "Where."


def test_fields_of_something_else():
    with pytest.raises(TypeError, match="neither"):
        fields(int)


def test_tables_inside():
    assert sub_table(fields(Settings)["server"].type) is Server
    assert sub_table(fields(Model)["timeouts"].type) is Timeouts
    assert entry_table(fields(Settings)["models"].type) is Model
    assert entry_table(fields(Server)["cors_origins"].type) is None


def test_keys_are_all_there():
    found = [key for key, _ in keys(Settings)]
    assert {"server.port", "upstreams[].keys", "models[].routes[].cost.input", "models[].price.reasoning"} <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (bool, "true or false"),
        (int, "a whole number"),
        (Annotated[int, Meta(ge=0, le=65535)], "a whole number, at least 0 and at most 65535"),
        (Annotated[float, Meta(gt=0, lt=2)], "a number, above 0 and below 2"),
        (Annotated[float, Meta(gt=0)] | None, "a number, above 0"),
        (str | None, "text in quotes"),
        (Literal["zh", "en"], 'one of "en", "zh"'),
        (list[str], "a list, each item text in quotes"),
        (dict[str, Any], "a table"),
        (Server, "a table"),
        (int | str, "a whole number or text in quotes"),
        (bytes, "another kind of value"),
    ],
)
def test_describe(type_, words):
    assert describe(inspect.type_info(type_)) == words


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (str, "12", "12"),
        (int, "12", 12),
        (int, "x", "x"),
        (int, "1.5", "1.5"),
        (float, "1.5", 1.5),
        (float | None, "2", 2.0),
        (bool, "True", True),
        (bool, "off", False),
        (bool, "maybe", "maybe"),
        (Literal["zh", "en"], "en", "en"),
        (list[str], "a, b,c", ["a", "b", "c"]),
        (list[str], "", []),
        (list[str], '["a,b", "c"]', ["a,b", "c"]),
        (list[int], "1,2", [1, 2]),
        (list[str], "[broken", "[broken"),
        (dict[str, Any], '{a = 1, b = "x"}', {"a": 1, "b": "x"}),
        (list[Server], "[{port = 1}]", [{"port": 1}]),
        (msgspec.Raw, "x y", "x y"),
    ],
)
def test_from_text(type_, text, value):
    spelled = from_text(inspect.type_info(type_), text)
    assert spelled == value
    assert type(spelled) is type(value)


def test_nearest():
    assert nearest("prot", ["host", "port"]) == "port"
    assert nearest("zzz", ["host", "port"]) == ""


def test_did_you_mean():
    assert did_you_mean("prot", ["host", "port"]) == 'did you mean "port"?'
    assert did_you_mean("zzz", ["port", "host"]) == "known: host, port"
    assert did_you_mean("zzz", []) == "there are none"
    assert did_you_mean("zzz", map(str, range(99))).endswith(", ...")
