from __future__ import annotations

import re

from tests.portal.staff import staff
from tests.running import chat_settings
from tests.store.events import days_ago, stored


async def test_calls_are_listed_and_explained(start) -> None:
    async with start(chat_settings("http://127.0.0.1:9")) as gateway, staff(gateway, "reader") as people:
        user = people.accounts["user"]
        events = [
            stored(days_ago(9), 1234, a=user.id, r="first", m="m", up="up", st="whole", pc=234, at=[["up", "m", "ok"]]),
            stored(days_ago(8), 5, a=user.id, k="other", r="second", m="<b>", up="two", st="cut"),
        ]
        await gateway.mongo.database["events"].insert_many(events)
        status, body = await gateway.ask()
        assert status >= 500, body
        visitor = people.visitors["reader"]
        while "no_upstream" not in await visitor.get("/admin/calls"):
            assert visitor.status == 200
        assert re.findall(r'<a href="/admin/calls/([a-z]+)">', visitor.text) == ["second", "first"]
        assert "user@example.com" in visitor.text
        assert "owner@tornadogw.local" in visitor.text
        assert "<b>" not in visitor.text
        for query, expected in (
            ("account=user@example.com", ["second", "first"]),
            (f"account={user.id}&key=other", ["second"]),
            ("model=m&upstream=up", ["first"]),
            ("failed=1&account=user@example.com", ["second"]),
            (f"since={days_ago(8):%Y-%m-%d}&account=user@example.com", ["second"]),
            (f"until={days_ago(9):%Y-%m-%d}", ["first"]),
            ("upstream=none", []),
        ):
            await visitor.get(f"/admin/calls?{query}")
            assert re.findall(r'<a href="/admin/calls/([a-z]+)">', visitor.text) == expected, query
        await visitor.get("/admin/calls/first")
        for text in ("0.001234", "0.000234", "m @ up", "Attempts"):
            assert text in visitor.text, text
        await visitor.get("/admin/calls?failed=1")
        [refused] = re.findall(r'<a href="/admin/calls/([0-9a-f]{24})">', visitor.text)
        await visitor.get(f"/admin/calls/{refused}")
        assert "no_upstream" in visitor.text
        assert "Candidates" in visitor.text
