"""The operators' pages as a whole: who sees them, in both languages, with nothing and with something in them."""

from __future__ import annotations

from tests.portal.browser import Visitor
from tests.portal.staff import staff

PAGES = (
    "/admin",
    "/admin/users",
    "/admin/keys",
    "/admin/upstreams",
    "/admin/plans",
    "/admin/codes",
    "/admin/invitations",
    "/admin/calls",
    "/admin/usage",
    "/admin/audit",
    "/admin/settings",
    "/admin/settings?all=1",
    "/admin/plugins",
)


async def test_who_sees_the_pages(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator", "owner") as people:
        await gateway.ask()
        user_page = f"/admin/users/{people.accounts['user'].id}"
        for path in (*PAGES, user_page):
            for role in ("reader", "operator", "owner"):
                visitor = people.visitors[role]
                await visitor.get(path)
                assert (visitor.status, visitor.path) == (200, path.partition("?")[0]), (role, path)
                assert visitor.headers["Cache-Control"] == "no-store"
                forms = visitor.text.count('method="post"')
                changes = forms - 1 - (path == "/admin/keys")  # to log out, and to look for a key
                assert changes == 0 or role != "reader", path
            await people.visitors["user"].get(path)
            assert people.visitors["user"].status == 403, path
            async with Visitor(gateway) as stranger:
                await stranger.get(path, allow_redirects=False)
                assert (stranger.status, stranger.location) == (303, f"/login?next={path.partition('?')[0]}")


async def test_pages_are_chinese_for_who_reads_it(start) -> None:
    async with start() as gateway, staff(gateway, "operator", language="zh") as people:
        visitor = people.visitors["operator"]
        for path, word in (("/admin", "最近 30 天"), ("/admin/users", "新建账户"), ("/admin/plans", "新建套餐")):
            await visitor.get(path)
            assert word in visitor.text
        await visitor.send("/admin/users", "create", email="not an address")
        assert "不是电子邮箱地址" in visitor.wrong or "不是电子邮件地址" in visitor.wrong


async def test_addresses_that_make_no_sense_are_answered(start) -> None:
    async with start() as gateway, staff(gateway, "reader") as people:
        visitor = people.visitors["reader"]
        for path, status in (
            ("/admin/users/nobody", 404),
            ("/admin/calls/none", 404),
            ("/admin/calls?since=never", 200),
            ("/admin/audit?until=2026-13-01&before=x", 200),
            ("/admin/usage?since=1&until=2", 200),
            ("/admin/usage?since=2026-01-02&until=2020-01-01&csv=none", 200),
            ("/admin/calls?account=nobody@example.com", 200),
            ("/admin/audit?account=nobody@example.com", 200),
            ("/admin/users?role=king&status=dead&after=%00", 200),
            ("/admin/codes?before=99999999999999999999", 200),
            ("/admin/plans?plan=none", 200),
        ):
            await visitor.get(path)
            assert visitor.status == status, path
        await visitor.get("/admin/calls?since=never")
        assert "is not a date" in visitor.wrong
