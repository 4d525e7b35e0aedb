"""What links in letters lead to: a real mail server on loopback, a visitor without JavaScript."""

from __future__ import annotations

import re

from tests.portal.browser import PASSWORD, Visitor
from tests.smtp import Post, post_office
from tornadogw.portal.entry import HOME

ANN = "ann@example.com"


async def link(post: Post, number: int) -> str:
    """The path of the link in a letter."""
    found = re.search(r"http://gw\.example(/\S+)", await post.text(number))
    assert found is not None
    return found[1]


async def test_an_address_is_confirmed_and_nobody_learns_who_is_known(start) -> None:
    async with post_office() as post, start(post.settings) as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create("bob@example.com", password="bob's own")
        fields = {"password": PASSWORD, "password_again": PASSWORD}
        pages = []
        for number, name in enumerate(("ann", "bob")):
            await visitor.send("/register", email=f"{name}@example.com", **fields)
            assert (await post.letter(number))["To"] == f"{name}@example.com"
            pages.append(visitor.text.replace(name, "x"))
        assert "Check your mail" in pages[0]
        assert pages[0] == pages[1]
        assert "account already" in (await post.letter(1))["Subject"]
        await visitor.get(HOME)
        assert visitor.path == "/login", "nobody is logged in yet"
        assert (await link(post, 1)) == "/login"

        address = await link(post, 0)
        await visitor.get(address, allow_redirects=False)
        assert (visitor.status, visitor.location) == (303, "/confirm")
        assert visitor.headers["Referrer-Policy"] == "no-referrer"
        await visitor.get(address)
        assert ANN in visitor.text
        assert address.partition("=")[2] not in visitor.text
        await visitor.send("/confirm", password="somebody else's")
        assert visitor.status == 422
        await visitor.send("/confirm", password=PASSWORD)
        assert (visitor.status, visitor.path) == (200, HOME)
        await visitor.get(address)
        assert "invalid, already used, or expired" in visitor.text


async def test_who_forgot_gets_a_link_that_works_once(start) -> None:
    async with post_office() as post, start(post.settings) as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(ANN, password=PASSWORD)
        pages = []
        for name in ("nobody", "ann"):
            await visitor.send("/forgot", email=f"{name}@example.com")
            assert visitor.status == 200
            pages.append(visitor.text.replace(name, "x"))
        assert pages[0] == pages[1]
        await visitor.send("/forgot", email="ann")
        assert visitor.status == 422
        address = await link(post, 0)
        assert (len(post), (await post.letter())["To"]) == (1, ANN)
        await visitor.get(address, headers={"Host": "evil.example"}, allow_redirects=False)
        assert (visitor.status, visitor.location) == (303, "/reset")
        async with Visitor(gateway) as scanner:
            for _ in range(3):
                await scanner.get(address)
                assert scanner.status == 200
        new = {"password": "new password", "password_again": "new password"}
        await visitor.send("/reset", **{**new, "password_again": "another"})
        assert visitor.status == 422
        await visitor.send("/reset", **new)
        assert visitor.path == "/login"
        assert "password was changed" in visitor.notice
        await visitor.log_in(ANN, "new password")
        assert visitor.path == HOME
        await visitor.get(address)
        assert "Request another link" in visitor.text


async def test_without_a_mail_server_an_operator_helps(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await visitor.log_in(ANN)
        assert "Only the operator can change it" in await visitor.get("/console/account")
        await visitor.post("/console/account", {"_xsrf": visitor.xsrf, "act": "email", "email": "a@b.example"})
        assert (visitor.status, "ask the operator" in visitor.wrong) == (422, True)
        await visitor.post("/logout", {"_xsrf": visitor.xsrf})
        await visitor.get("/forgot")
        assert "Ask the operator" in visitor.text
        await visitor.get("/reset")
        assert "expired" in visitor.text
        await visitor.get("/login")
        await visitor.post("/forgot", {"_xsrf": visitor.xsrf, "email": ANN})
        assert visitor.status == 422


async def test_an_address_is_changed_by_a_link_to_the_new_one(start) -> None:
    account, new = "/console/account", "ann@new.example"
    async with (
        post_office() as post,
        start(post.settings) as gateway,
        Visitor(gateway) as visitor,
        Visitor(gateway) as elsewhere,
    ):
        for email in (ANN, "bob@example.com"):
            await gateway.accounts.create(email, password=PASSWORD)
        for browser in (visitor, elsewhere):
            await browser.log_in(ANN)
        await visitor.send(account, "email", email=new, old_password="wrong")
        assert (visitor.status, "not your password" in visitor.wrong) == (422, True)
        assert f'value="{new}"' in visitor.text
        said = []
        for number, email in enumerate(("bob@example.com", new)):
            await visitor.send(account, "email", email=email, old_password=PASSWORD)
            said.append(visitor.notice.replace(email, "x"))
            assert (await post.letter(number))["To"] == email
        assert said[0] == said[1] == "An e-mail is on its way to x: open the link in it. It works for 30 minutes."
        assert (await link(post, 0)) == "/login"
        address = await link(post, 1)
        await visitor.get(address, allow_redirects=False)
        assert (visitor.status, visitor.location) == (303, "/email")
        await visitor.send("/email", old_password="wrong")
        assert visitor.status == 422
        await visitor.send("/email", old_password=PASSWORD)
        assert visitor.path == account
        assert "address was changed" in visitor.notice
        assert new in visitor.text
        assert (await post.letter(2))["To"] == ANN
        await elsewhere.get(account)
        assert elsewhere.path == "/login", "every other login is over"
        await elsewhere.get(address)
        assert "invalid, already used, or expired" in elsewhere.text
