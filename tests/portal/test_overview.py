from __future__ import annotations

from tests.portal.browser import PASSWORD, Visitor


async def test_it_is_what_a_user_sees_first(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create("ann@example.com", password=PASSWORD)
        await visitor.log_in("ann@example.com")
        assert visitor.path == "/console"
        assert "<h1>Overview</h1>" in visitor.text
