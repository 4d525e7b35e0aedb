"""Lists: filters in the address, and where they go on."""

from __future__ import annotations

from tests.portal.browser import PASSWORD, Visitor

OLGA = "olga@example.com"


async def test_what_the_address_asks_is_kept_from_page_to_page_and_a_wrong_day_is_said(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(OLGA, password=PASSWORD, role="operator")
        await visitor.log_in(OLGA)
        for number in range(60):
            await gateway.accounts.credit(OLGA, "1", ref=f"r{number}")
        await visitor.get(f"/admin/audit?account={OLGA}&act=account.credit&until=2100-01-01")
        more = visitor.text.split("before=")[1].split('"')[0]
        link = next(each for each in visitor.text.split('"') if f"before={more}" in each).replace("&amp;", "&")
        assert "act=account.credit" in link
        assert "until=2100-01-01" in link
        await visitor.get(link)
        assert visitor.status == 200
        assert "r0" in visitor.text
        await visitor.get("/admin/audit?since=yesterday")
        assert "not a date" in visitor.wrong
