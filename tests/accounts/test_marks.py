from __future__ import annotations

from tornadogw.accounts.office import office
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.ports_health import Told
from tornadogw.store.trade import Audited


async def test_what_is_enabled_is_noted_and_everybody_hears_of_it(mongo: Mongo) -> None:
    shared, store = office(mongo, Secret("s" * 32), Settings()), MongoHealth(mongo, "a process")
    await store.tell([Told(("up", "f00d", ""), "up#1", age=1, openings=1, wait=3000, disabled=True)])
    assert [each.key for each in await shared.marks.all()] == ["up#1"]
    assert await shared.marks.enable("other", by="olga") == []
    assert [each.key for each in await shared.marks.enable("up#1", by="olga")] == ["up#1"]
    assert [each.openings for each in await shared.marks.all()] == [0]
    entries, _ = await shared.audit.page(Audited())
    assert [(each.act, each.by, each.subject) for each in entries] == [("upstream.enable", "olga", "up#1")]
