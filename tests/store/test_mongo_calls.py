from __future__ import annotations

import msgspec

from tests.store.events import days_ago, stored
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_calls import MongoCalls
from tornadogw.store.mongo_decisions import MongoDecisions
from tornadogw.store.mongo_usage import record
from tornadogw.store.ports_decisions import Calls, Decision


async def test_charged_and_uncharged_calls_on_one_list(mongo: Mongo) -> None:
    events = [
        stored(days_ago(9 - number), 5, up="up" if number % 2 else "other", st="cut" if number == 4 else "whole")
        for number in range(8)
    ]
    await mongo.database["events"].insert_many(events)
    refused = record(stored(days_ago(3.5), 0, a="bob", m=None, cd=4001, st="no_upstream", r="refused"))
    charged = msgspec.structs.replace(record(events[0]))
    await MongoDecisions(mongo).insert([Decision("d1", refused, False), Decision("d2", charged, True)])
    calls = MongoCalls(mongo)
    found, following = await calls.calls(Calls(), 50)
    assert following is None
    order = [each["r"] for each in reversed(events)]
    assert [each.id for each in found] == [*order[:2], "refused", *order[2:]]
    pages, until = [], None
    while True:
        page, until = await calls.calls(Calls(until=until), 2)
        pages += [each.id for each in page]
        if until is None:
            break
    assert pages == [each.id for each in found]
    for wanted, expected in (
        (Calls(account_id="bob"), ["refused"]),
        (Calls(upstream="up"), order[::2]),
        (Calls(failed=True), ["refused", events[4]["r"]]),
        (Calls(model="m", key_id="key", failed=True), [events[4]["r"]]),
        (Calls(since=days_ago(3).timestamp()), order[:2]),
    ):
        found, _ = await calls.calls(wanted, 50)
        assert [each.id for each in found] == expected, wanted
    assert await calls.failures(days_ago(5).timestamp(), 10) == 1
    assert await calls.failures(days_ago(1).timestamp(), 10) == 0
