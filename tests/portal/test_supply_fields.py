from __future__ import annotations

import pytest

from tornadogw.errors import UsageError
from tornadogw.portal.form import Fields
from tornadogw.portal.supply_fields import (
    model_fields,
    model_filled,
    rows_filled,
    upstream_fields,
    upstream_filled,
)

MODEL = {
    "price": {"input": "1", "output": "2.5"},
    "routes": [
        {"upstream": "up", "model": "m", "priority": 1, "cost": {"input": "0.5", "output": "0", "reasoning": "3"}},
        {"upstream": "two", "model": "m2", "context": 4096, "public_name": "shown"},
    ],
    "aliases": ["a", "b"],
    "modes": ["chat"],
    "capabilities": ["tools"],
    "auto": 3,
    "hedge": True,
    "timeouts": {"total": 5.5},
}
UPSTREAM = {"vendor": "vllm", "base_url": "http://x", "weight": 3, "probe": 30.0, "options": {"a": {"b": [1]}}}


def sent(filled: dict[str, object], rows: list[dict[str, str]] | tuple[()] = ()) -> Fields:
    """A form that comes back as it was shown."""
    pairs = [
        (name, str(each)) for name, value in filled.items() for each in (value if isinstance(value, list) else [value])
    ]
    return Fields([*pairs, *((f"route{at}_{name}", text) for at, row in enumerate(rows) for name, text in row.items())])


def test_a_models_form_that_comes_back_as_it_was_changes_nothing() -> None:
    fields = model_fields(sent(model_filled(MODEL), list(rows_filled(MODEL["routes"], 2))))
    assert {name: value for name, value in fields.items() if value is not None} == MODEL


def test_an_upstreams_form_that_comes_back_as_it_was_changes_nothing() -> None:
    fields = upstream_fields(sent(upstream_filled(UPSTREAM)), owner=True)
    assert {name: value for name, value in fields.items() if value is not None} == UPSTREAM
    fields = upstream_fields(sent(upstream_filled(UPSTREAM)), owner=False)
    assert not {"vendor", "base_url", "proxy", "options"} & fields.keys()


def test_all_capabilities_and_none_are_not_the_same() -> None:
    for capabilities in (None, []):
        fields = model_fields(sent(model_filled({"price": {}, "capabilities": capabilities})))
        assert fields["capabilities"] == capabilities


@pytest.mark.parametrize(("name", "text"), [("options", "[1]"), ("timeouts", "{"), ("probe", "soon"), ("weight", "x")])
def test_what_cannot_be_read_is_said_beside_its_field(name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        upstream_fields(Fields([(name, text)]), owner=True)
    assert caught.value.field == name
