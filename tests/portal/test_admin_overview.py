from __future__ import annotations

import re

from tests.portal.staff import staff
from tests.running import chat_settings
from tornadogw.portal.admin_overview import summed
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.ports_health import Told
from tornadogw.store.ports_usage import Sum


def test_sums() -> None:
    assert summed([Sum(1, 2, 3, 4, 5, 6, 7), Sum(10, 20, 30, 40, 50, 60, 70)]) == Sum(11, 22, 33, 44, 55, 66, 77)
    assert summed([]) == Sum()


async def test_calls_accounts_and_what_is_left_alone(start) -> None:
    async with start(chat_settings("http://127.0.0.1:9")) as gateway, staff(gateway, "reader") as people:
        status, _ = await gateway.ask()
        assert status >= 500
        await people.office.accounts.disable("user@example.com")
        await MongoHealth(gateway.mongo, "p").tell([Told(("up", "f", ""), "up#1", age=1, openings=1, wait=9)])
        await gateway.gateway.ledger.rest()
        visitor = people.visitors["reader"]
        while True:
            await visitor.get("/admin")
            if "24 hours: 1" in visitor.text:
                break
        figures = dict(re.findall(r"<dt>(?:<a[^>]*>)?([^<]+?)(?:</a>)?</dt><dd>([^<]+?) ?<", visitor.text))
        assert (figures["Accounts"], figures["Disabled"]) == ("5", "1")
        assert "up#1: circuit open" in visitor.text
