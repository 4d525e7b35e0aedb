from __future__ import annotations

from typing import get_args

import pytest

from tornadogw.store.orders import Order, OrderState


def test_an_order_begins_pending_and_is_frozen() -> None:
    order = Order("o1", "1", 5, "pay", 35, "CNY")
    assert order.state == get_args(OrderState)[0] == "pending"
    with pytest.raises(AttributeError):
        order.state = "paid"
