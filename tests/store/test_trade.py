from __future__ import annotations

import pytest

from tornadogw.store import trade
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_codes import MongoCodes
from tornadogw.store.mongo_orders import MongoOrders
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.store.orders import OrderStore
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


@pytest.mark.parametrize(
    ("store", "port"),
    [
        (MongoPlans, trade.PlanStore),
        (MongoSubscriptions, trade.SubscriptionStore),
        (MongoCodes, trade.CodeStore),
        (MongoAudit, trade.AuditStore),
        (MongoOrders, OrderStore),
    ],
)
def test_each_store_does_what_its_port_says_and_no_more(store: type, port: type) -> None:
    methods = [{name for name in vars(kind) if not name.startswith("_")} for kind in (store, port)]
    assert methods[0] == methods[1]
