from __future__ import annotations

from tests.store.test_ports import methods
from tornadogw.store.mongo_links import MongoLinks
from tornadogw.store.mongo_logins import MongoLogins
from tornadogw.store.mongo_tries import MongoTries
from tornadogw.store.ports_people import LinkStore, LoginStore, TriesStore


def test_the_stores_do_what_their_ports_say_and_no_more() -> None:
    assert methods(MongoLogins) == methods(LoginStore)
    assert methods(MongoTries) == methods(TriesStore)
    assert methods(MongoLinks) == methods(LinkStore)
