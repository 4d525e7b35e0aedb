from __future__ import annotations

from tests.limits.counts import Counts
from tests.store.test_ports import methods
from tornadogw.store.mongo_limits import MongoLimits
from tornadogw.store.ports_limits import SLOTS, LimitStore


def test_the_store_does_what_its_port_says_and_no_more() -> None:
    assert methods(MongoLimits) == methods(LimitStore)
    assert methods(Counts) == methods(LimitStore), "what the tests of the limits play with"


def test_a_slot_is_less_than_half_a_percent_of_a_window() -> None:
    assert SLOTS > 200
