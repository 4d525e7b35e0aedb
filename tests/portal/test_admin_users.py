from __future__ import annotations

import re

from tests.portal.browser import Visitor
from tests.portal.staff import staff


async def test_accounts_are_found_page_by_page(start) -> None:
    async with start() as gateway, staff(gateway, "reader") as people:
        await gateway.mongo.database["accounts"].insert_many(
            [
                {
                    **(await gateway.mongo.database["accounts"].find_one({"email": "user@example.com"}) or {}),
                    "_id": f"{number:016x}",
                    "email": f"many{number:03}@example.com",
                }
                for number in range(60)
            ]
        )
        visitor = people.visitors["reader"]
        seen: list[str] = []
        path = "/admin/users?q=Many"
        while path:
            await visitor.get(path)
            seen += re.findall(r"many\d+@example.com", visitor.text.partition("<table>")[2])
            found = re.search(r'rel="next" href="([^"]+)"', visitor.text)
            path = found[1].replace("&amp;", "&") if found else ""
        assert seen == [f"many{number:03}@example.com" for number in range(60)]
        await visitor.get("/admin/users?role=operator&status=active")
        assert "operator@example.com" in visitor.text
        assert "owner@example.com" not in visitor.text
        await visitor.get(f"/admin/users?q={people.accounts['owner'].id}")
        assert "owner@example.com" in visitor.text
        await visitor.get("/admin/users?q=zzz")
        assert "No matching accounts." in visitor.text


async def test_an_account_is_made_and_its_password_shown_once(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator", "owner") as people:
        operator, owner = people.visitors["operator"], people.visitors["owner"]
        await operator.send("/admin/users", "create", email="New@Example.com", with_one="1", language="zh")
        assert operator.status == 200
        [password] = re.findall(r"<pre[^>]*><code>([^<]+)</code></pre>", operator.text)
        new = await people.office.accounts.show("new@example.com")
        assert (new.language, new.role) == ("zh", "user")
        await operator.get("/admin/users")
        assert password not in operator.text
        async with Visitor(gateway) as visitor:
            await visitor.log_in("new@example.com", password)
            assert visitor.path == "/console"
        assert (await people.last("account.create")).by == "operator@example.com"
        await operator.send("/admin/users", "create", email="new@example.com")
        assert (operator.status, "already" in operator.wrong) == (422, True)
        await operator.send("/admin/users", "create", email="boss@example.com", role="owner")
        assert (operator.status, "Only an owner" in operator.wrong) == (422, True)
        await owner.send("/admin/users", "create", email="olga@example.com", role="operator")
        assert owner.notice == "The account was created."
        assert not (await people.office.accounts.show("olga@example.com")).has_password
        await people.refused("/admin/users", "create", email="x@example.com")
