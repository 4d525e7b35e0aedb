from __future__ import annotations

from tests.store.test_ports import methods
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.ports_health import HealthStore, Told


def test_the_store_does_what_its_port_says_and_no_more() -> None:
    assert methods(MongoHealth) == methods(HealthStore)


def test_what_is_told_of_a_spot_says_nothing_by_itself() -> None:
    told = Told(("up", "", "m"))
    assert (told.cool, told.age) == (0.0, None)
