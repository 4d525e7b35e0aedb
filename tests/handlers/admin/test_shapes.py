from __future__ import annotations

import msgspec
import pytest

from tornadogw.handlers.admin import shapes


@pytest.mark.parametrize("name", shapes.__all__)
def test_what_is_read_refuses_what_it_does_not_know(name: str) -> None:
    kind = getattr(shapes, name)
    if isinstance(kind, type) and issubclass(kind, shapes.Given):
        assert kind.__struct_config__.forbid_unknown_fields
        assert kind.__struct_config__.frozen


def test_amounts_are_whole_and_positive() -> None:
    assert msgspec.convert({"amount": 1, "reason": ""}, shapes.Payment).amount == 1
    for amount in (0, -1, 10**15 + 1, 1.5, "1", True):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"amount": amount, "reason": ""}, shapes.Payment)
