from __future__ import annotations

import pytest

from tornadogw.store.trade import Plan, Standing


def test_a_plan_is_by_default_what_an_operator_means_by_one() -> None:
    plan = Plan("pro", 5)
    assert (plan.models, plan.factor, plan.days, plan.prepaid_after, plan.prepaid_outside, plan.active) == (
        None,
        1_000_000,
        30,
        True,
        True,
        True,
    )


@pytest.mark.parametrize("value", [Plan("pro", 5), Standing()])
def test_values_are_frozen(value) -> None:
    with pytest.raises(AttributeError):
        value.time_zone = value.name = "x"
