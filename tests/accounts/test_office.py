from __future__ import annotations

from tornadogw.accounts.office import office
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo


async def test_its_services_share_one_database(mongo: Mongo) -> None:
    shared = office(mongo, Secret("s" * 32), Settings())
    ann = await shared.accounts.create("ann@example.com")
    new = await shared.keys.create(ann.email)
    assert [key.id for key in await shared.keys.list(ann.email)] == [new.key.id]
    assert [entry.act for entry in await shared.audit.entries(ann.email)] == ["account.create", "key.create"]
    assert shared.registration.mode == Settings().portal.registration
