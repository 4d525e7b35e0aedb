"""The values of the ledger's ports."""

from __future__ import annotations

import msgspec

from tornadogw.store import ports_money


def test_every_value_is_frozen() -> None:
    kinds = [getattr(ports_money, name) for name in ports_money.__all__]
    structs = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    assert len(structs) == 7
    assert all(kind.__struct_config__.frozen for kind in structs)


def test_a_wish_gives_nothing_back_unless_it_says_so() -> None:
    assert ports_money.Wish("lease").keep is None
