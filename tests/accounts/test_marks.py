from __future__ import annotations

from tornadogw.accounts.office import office
from tornadogw.diagnosis import Diagnosis
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.ports_health import Told
from tornadogw.store.trade import Audited
from tornadogw.trial import Outcome


async def test_what_is_enabled_is_noted_and_everybody_hears_of_it(mongo: Mongo) -> None:
    shared, store = office(mongo, Secret("s" * 32), Settings()), MongoHealth(mongo, "a process")
    await store.tell([Told(("up", "f00d", ""), "up#1", age=1, openings=1, wait=3000, disabled=True)])
    assert [each.key for each in await shared.marks.all()] == ["up#1"]
    assert await shared.marks.enable("other", by="olga") == []
    assert [each.key for each in await shared.marks.enable("up#1", by="olga")] == ["up#1"]
    assert [each.openings for each in await shared.marks.all()] == [0]
    entries, _ = await shared.audit.page(Audited())
    assert [(each.act, each.by, each.subject) for each in entries] == [("upstream.enable", "olga", "up#1")]


async def test_a_cool_down_ends_as_a_breaker_does(mongo: Mongo) -> None:
    shared, store = office(mongo, Secret("s" * 32), Settings()), MongoHealth(mongo, "a process")
    cooling = [Told(("up", "f00d", "m"), "up#1", cool=900), Told(("up", "", "n"), cool=900, age=1, openings=1, wait=9)]
    await store.tell([*cooling, Told(("down", "", "m"), cool=900)])
    lifted = await shared.marks.answered("up", [Outcome("up#1", "m")], by="olga")
    assert [each.spot for each in lifted] == [cooling[0].spot]
    assert [each.spot for each in await shared.marks.enable("up", by="olga")] == [cooling[1].spot]
    left = [each.spot for each in await shared.marks.all() if each.cool > 0 or each.openings]
    assert left == [("down", "", "m")]
    assert {each.lifts for each in await shared.marks.all()} == {0, 1}


async def test_only_what_a_test_has_shown_to_answer_is_enabled(mongo: Mongo) -> None:
    shared, store = office(mongo, Secret("s" * 32), Settings()), MongoHealth(mongo, "a process")

    def told(key: str, model: str, *, upstream: str = "up") -> Told:
        return Told((upstream, key and f"print of {key}", model), key, age=1, openings=1, wait=9)

    fine = [told("up#1", ""), told("up#1", "m"), told("", "m")]
    other = [told("up#2", ""), told("up#1", "n"), told("", "n"), told("", "m", upstream="down")]
    await store.tell([*fine, *other])
    wrong = Diagnosis("key", "拒绝", "refused")
    outcomes = [Outcome("up#1", "m"), Outcome("up#2", "m", wrong), Outcome("up#1", "n", wrong)]
    lifted = await shared.marks.answered("up", outcomes, by="olga")
    assert {each.spot for each in lifted} == {each.spot for each in fine}
    assert {each.spot for each in await shared.marks.all() if each.openings} == {each.spot for each in other}
    assert not await shared.marks.answered("up", outcomes, by="olga")
    entries, _ = await shared.audit.page(Audited())
    assert [(each.act, each.by, each.subject, each.before["places"]) for each in entries] == [
        ("upstream.enable", "olga", "up", 3)
    ]
