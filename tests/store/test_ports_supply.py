from __future__ import annotations

from tests.store.test_ports import methods
from tornadogw.store.mongo_supply import MongoSupply
from tornadogw.store.ports_supply import Stored, Supplied, SupplyStore


def test_the_store_does_what_its_port_says_and_no_more() -> None:
    assert methods(MongoSupply) == methods(SupplyStore)


def test_an_upstream_and_a_model_may_have_one_name() -> None:
    upstream, model = Stored("upstream", "a", {}), Stored("model", "a", {})
    supplied = Supplied(1, (upstream, model))
    assert (supplied.find("model", "a"), supplied.find("upstream", "a")) == (model, upstream)
    assert supplied.find("model", "b") is None
