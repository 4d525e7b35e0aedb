"""Log in, register, log out: as a visitor without JavaScript, on a whole gateway."""

from __future__ import annotations

import asyncio

import pytest

from tests.portal.browser import PASSWORD, Visitor
from tests.running import OWNER
from tornadogw.portal.entry import HOME, inside

ANN = "ann@example.com"
PORTAL = "[portal]\n"


async def register(visitor: Visitor, email: str = ANN, **more: str) -> str:
    return await visitor.send("/register", email=email, password=PASSWORD, password_again=PASSWORD, **more)


async def test_register_log_out_and_log_in(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        await register(visitor, " Ann@Example.com ")
        assert (visitor.path, visitor.notice) == (HOME, "Welcome! Create an API key to get started.")
        assert ANN in visitor.text
        await visitor.get(HOME)
        assert visitor.notice == "", "a notice is said once"
        cookies = {each.key: each for each in visitor.session.cookie_jar}
        assert cookies["login"]["httponly"]
        assert cookies["login"]["samesite"] == "Lax"
        token = cookies["login"].value

        await visitor.post("/logout", {"_xsrf": visitor.xsrf})
        assert (visitor.path, visitor.notice) == ("/", "You are logged out.")
        await visitor.get(HOME, headers={"Cookie": f"login={token}"}, allow_redirects=False)
        assert (visitor.status, visitor.location) == (303, "/login?next=/console"), "the old cookie is of no use"

        await visitor.send("/login", email=ANN, password="wrong password")
        assert visitor.status == 422
        assert "e-mail address or password" in visitor.wrong
        assert PASSWORD not in visitor.text
        await visitor.log_in(ANN)
        assert (visitor.status, visitor.path) == (200, HOME)
        account = await gateway.accounts.show(ANN)
        assert (account.role, account.language, account.balance) == ("user", "en", 0)
        await gateway.accounts.disable(ANN)
        await visitor.get(HOME)
        assert visitor.path == "/login", "who is disabled is out at once"
        await visitor.log_in(ANN)
        assert visitor.status == 422


async def test_what_is_wrong_stands_beside_its_field(start) -> None:
    async with start() as gateway, Visitor(gateway, "zh") as visitor:
        await gateway.accounts.create(ANN, password=PASSWORD)
        for fields, field, words in (
            ({"email": "ann"}, "email", "不是电子邮箱地址"),
            ({"email": ANN}, "email", "已经存在"),
            ({"password": "short", "password_again": "short"}, "password", "8 到 1024"),
            ({"password_again": "another one"}, "password_again", "不一致"),
        ):
            given = {"email": "bob@example.com", "password": PASSWORD, "password_again": PASSWORD, **fields}
            await visitor.send("/register", **given)
            assert visitor.status == 422
            assert words in visitor.wrong
            assert f'id="{field}" name="{field}"' in visitor.text.split('aria-invalid="true"')[0]
            assert PASSWORD not in visitor.text


@pytest.mark.parametrize("mode", ["invitation", "closed"])
async def test_registration_by_invitation_or_not_at_all(start, mode: str) -> None:
    async with start(f'{PORTAL}registration = "{mode}"') as gateway, Visitor(gateway) as visitor:
        await visitor.get("/register")
        assert visitor.status == 200
        registration = gateway.gateway.parts.office.registration
        invited = await registration.invite(uses=1, by="test")
        if mode == "closed":
            assert "Registration is closed" in visitor.text
            await visitor.get("/login")
            await visitor.post(
                "/register",
                {"_xsrf": visitor.xsrf, "email": ANN, "password": PASSWORD, "password_again": PASSWORD},
            )
            assert visitor.status == 422
            assert not [each for each in await gateway.accounts.list() if each.email == ANN]
            return
        await register(visitor, invitation="wrong")
        assert "unknown, used up or over" in visitor.wrong
        await visitor.get(f"/register?invitation={invited.code}")
        other = {"email": ANN, "password": PASSWORD, "password_again": "another one", "invitation": invited.code}
        await visitor.post("/register", {"_xsrf": visitor.xsrf, **other})
        assert f'value="{invited.code}"' in visitor.text, "what was right is not asked for again"
        await register(visitor, OWNER, invitation=invited.code)
        assert "already" in visitor.wrong, "And the invitation is not used up by that"
        await register(visitor, invitation=invited.code)
        assert visitor.path == HOME
        assert list(await registration.invitations()) == []
        async with Visitor(gateway) as another:
            await register(another, "bob@example.com", invitation=invited.code)
            assert another.status == 422


async def test_too_many_tries_are_stopped_for_known_and_unknown_alike(start) -> None:
    async with start() as gateway:
        await gateway.accounts.create(ANN, password=PASSWORD)
        seen = []
        for email in (ANN, "nobody@example.com"):
            async with Visitor(gateway) as visitor:
                for _ in range(11):
                    await visitor.send("/login", email=email, password="wrong password")
                    seen.append((visitor.status, visitor.wrong))
                if email == ANN:
                    await visitor.log_in(ANN)
                    assert visitor.status == 429, "the right password comes too late"
        assert seen[:11] == seen[11:]
        assert [status for status, _ in seen[:11]] == [422] * 10 + [429]


async def test_forms_of_another_site_are_refused(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await visitor.get("/login")
        good = {"_xsrf": visitor.xsrf, "email": ANN, "password": PASSWORD}
        for fields, headers, status in (
            ({**good, "_xsrf": ""}, {}, 403),
            ({**good, "_xsrf": "2|00000000|00000000000000000000000000000000|1700000000"}, {}, 403),
            ({name: good[name] for name in ("email", "password")}, {}, 403),
            (good, {"Origin": "https://evil.example"}, 403),
            (good, {"Origin": "null"}, 403),
            (good, {"Origin": "http://["}, 403),
            (good, {"Sec-Fetch-Site": "cross-site"}, 403),
            (good, {"Sec-Fetch-Site": "same-site"}, 403),
            ({**good, "act": "delete"}, {}, 400),
            ({**good, "email": "x" * 70_000}, {}, 413),
            ({**good, "email": "\udcff"}, {}, 400),
        ):
            raw = "&".join(f"{name}={value}" for name, value in fields.items())
            sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
            await visitor._ask("POST", "/login", data=raw.replace("\udcff", "%ff"), headers=sent)
            assert visitor.status == status, (fields, headers)
            assert visitor.text.startswith("<!DOCTYPE html>")
        await visitor._ask("POST", "/login", json=good)
        assert visitor.status == 415
        await visitor.get(HOME)
        assert visitor.path == "/login", "nobody is logged in"
        await visitor.log_in(ANN)
        assert visitor.path == HOME


async def test_the_way_back_leads_nowhere_else(start) -> None:
    for path in ("/console/keys", "/admin/users/ab", "/"):
        assert inside(path) == path
    for path in ("//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:x", "/a\nb", "/%0d?x"):
        assert inside(path) == HOME
    for path in ("/logout", "/back"):  # where forms lead whose login is over: nothing to look at
        assert inside(path) == HOME
    async with start() as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await visitor.get("/login?next=//evil.example")
        assert "evil" not in visitor.text
        fields = {"_xsrf": visitor.xsrf, "email": ANN, "password": PASSWORD, "next": "//evil.example"}
        await visitor.post("/login", fields, follow=False)
        assert (visitor.status, visitor.location) == (303, HOME)


async def test_cookies_are_for_tls_where_people_come_by_it(start) -> None:
    async with start('[server]\npublic_url = "https://gw.example"') as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await visitor.get("/login")
        assert all("Secure" in value for value in visitor.headers.getall("Set-Cookie"))


async def test_one_invitation_lets_one_of_many_in(start) -> None:
    async with start(f'{PORTAL}registration = "invitation"') as gateway:
        office = gateway.gateway.parts.office
        invited = await office.registration.invite(by="test")
        tries = (
            office.registration.register(
                f"u{number}@example.com", PASSWORD, invitation=invited.code, address=str(number)
            )
            for number in range(8)
        )
        done = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(not isinstance(each, Exception) for each in done) == 1
        assert sum(each.email.startswith("u") for each in await gateway.accounts.list()) == 1


async def test_pages_are_in_the_accounts_language_unless_one_was_chosen_here(start) -> None:
    chinese, english = '<html lang="zh-CN">', '<html lang="en">'
    async with start() as gateway, Visitor(gateway) as visitor, Visitor(gateway) as chooser:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await gateway.accounts.set_language(ANN, "zh")
        await visitor.get("/login")
        assert english in visitor.text
        await visitor.log_in(ANN)
        assert chinese in visitor.text
        await visitor.get("/models")
        assert chinese in visitor.text, "also where no account is looked up"
        await visitor.get("/console?lang=en")
        await visitor.get("/models")
        assert english in visitor.text
        await visitor.send("/console/account", "language", language="zh")
        assert chinese in visitor.text, "what was chosen at the top is undone"
        await visitor.send("/console/account", "language", language="")
        assert english in visitor.text
        await visitor.send("/console/account", "language", language="zh")
        await visitor.post("/logout", {"_xsrf": visitor.xsrf})
        assert visitor.notice == "You are logged out.", "whoever comes next reads as the browser prefers"
        assert english in visitor.text

        await chooser.get("/login?lang=en")
        await chooser.log_in(ANN)
        assert english in chooser.text, "chosen on the way in"
