"""An account's page: each act with its effect and its line, and what its visitor may not."""

from __future__ import annotations

import re

from tests.portal.browser import PASSWORD, Visitor
from tests.portal.staff import staff


async def test_what_an_operator_does_to_an_account(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator") as people:
        office, operator, user = people.office, people.visitors["operator"], people.accounts["user"]
        page = f"/admin/users/{user.id}"
        await operator.get(page)
        form = {"_xsrf": operator.xsrf, "act": "credit", "amount": "5", "reason": "a present"}
        form["ref"] = re.findall(r'name="ref" value="([^"]+)"', operator.text)[0]
        await operator.post(page, form)
        assert operator.notice == "Done. The amount was booked."
        await operator.post(page, form)
        assert operator.notice == "This form was already submitted: no money was moved again."
        await operator.post(page, {**form, "amount": "6"})
        assert (operator.status, "another payment" in operator.wrong) == (422, True)
        await operator.send(page, "debit", amount="1.5", reason="a mistake")
        assert (await office.accounts.show(user.email)).balance == 3_500_000
        line = await people.last("account.credit")
        assert (line.by, line.after["reason"]) == ("operator@example.com", "a present")
        assert "reason: a present" in await operator.get(page)
        payment = await gateway.mongo.database["payments"].find_one({"_id": form["ref"]})
        assert payment
        assert payment["why"] == "a present"
        await operator.send(page, "credit", amount="5", reason="  ")
        assert (operator.status, "Say why" in operator.wrong) == (422, True)
        await operator.send(page, "credit", amount="a lot", reason="why not")
        assert 'value="a lot"' in operator.text
        assert 'value="why not"' in operator.text

        await office.plans.create("basic", daily="1")
        await operator.get(page)
        (ref,) = re.findall(r'value="subscribe"><input type="hidden" name="ref" value="([^"]+)"', operator.text)
        for _ in range(2):
            await operator.send(page, "subscribe", plan="basic", days="3", ref=ref)
        assert "basic" in operator.text
        assert len((await office.subscriptions.of(user)).subscriptions) == 1
        await operator.send(page, "subscribe", plan="basic", days="many")
        assert operator.status == 422
        await operator.send(page, "end_plan")
        assert not [
            each for each in (await office.subscriptions.of(user)).subscriptions if each.until > each.since + 99_999
        ]
        await operator.send(page, "language", language="zh")
        await operator.send(page, "disable")
        assert not (await office.accounts.show(user.email)).active
        await people.visitors["user"].get("/console")
        assert people.visitors["user"].path == "/login"
        await operator.send(page, "enable")
        await people.visitors["user"].log_in(user.email)
        assert people.visitors["user"].path == "/console"
        await operator.send(page, "log_out")
        await people.visitors["user"].get("/console")
        assert people.visitors["user"].path == "/login"
        assert [act for act, by, _ in reversed(await people.acts(user.id)) if by == "operator@example.com"] == [
            "account.credit",
            "account.debit",
            "account.plan",
            "account.plan_end",
            "account.language",
            "account.disable",
            "account.enable",
            "account.log_out",
        ]


async def test_keys_and_password_of_an_account(start) -> None:
    async with start() as gateway, staff(gateway, "operator") as people:
        office, operator, user = people.office, people.visitors["operator"], people.accounts["user"]
        page = f"/admin/users/{user.id}"
        key = await office.keys.create(user.email, label="first")
        await operator.send(page, "key_disable", id=key.key.id)
        status, _ = await gateway.ask(headers={"X-API-Key": key.text})
        assert status == 401
        await operator.send(page, "key_enable", id=key.key.id)
        await operator.send(page, "key_rotate", id=key.key.id)
        [text] = re.findall(r"<pre[^>]*><code>([^<]+)</code></pre>", operator.text)
        status, _ = await gateway.ask(headers={"X-API-Key": text})
        assert status != 401
        assert text not in await operator.get(page)
        await operator.send(page, "key_disable", id="another")
        assert operator.status == 422

        await operator.send(page, "password")
        [password] = re.findall(r"<pre[^>]*><code>([^<]+)</code></pre>", operator.text)
        async with Visitor(gateway) as visitor:
            await visitor.log_in(user.email, PASSWORD)
            assert visitor.status == 422
            await visitor.log_in(user.email, password)
            assert visitor.path == "/console"
        assert [act for act, by, _ in reversed(await people.acts(user.id)) if by == "operator@example.com"] == [
            "key.disable",
            "key.enable",
            "key.rotate",
            "account.password",
        ]


async def test_nobody_reaches_above_oneself(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator", "owner") as people:
        office, operator, owner = people.office, people.visitors["operator"], people.visitors["owner"]
        user, himself = people.accounts["user"], people.accounts["operator"]
        await operator.get(f"/admin/users/{user.id}")
        assert 'value="role"' not in operator.text
        for account in (himself, people.accounts["owner"]):
            page = f"/admin/users/{account.id}"
            assert "as many rights as you" in await operator.get(page)
            for act in ("credit", "disable", "password", "log_out", "as", "role"):
                fields = {"amount": "1", "reason": "me", "role": "owner"}
                await operator.post(page, {"_xsrf": operator.xsrf, "act": act, **fields})
                assert operator.status == 422, act
        await operator.post(f"/admin/users/{user.id}", {"_xsrf": operator.xsrf, "act": "role", "role": "owner"})
        assert (operator.status, "Only an owner" in operator.wrong) == (422, True)
        await people.refused(f"/admin/users/{user.id}", "credit", amount="1", reason="me")
        assert [act for act, by, _ in await people.acts() if by == "operator@example.com"] == []

        await owner.send(f"/admin/users/{himself.id}", "role", role="reader")
        assert (await office.accounts.show(himself.email)).role == "reader"
        await operator.get("/admin/users")
        assert "New account" not in operator.text, "a role that is taken away is gone at once"
        await owner.send(f"/admin/users/{himself.id}", "role", role="king")
        assert owner.status == 422
        await office.accounts.set_role("owner@tornadogw.local", "user")
        mine = f"/admin/users/{people.accounts['owner'].id}"
        for act in ("disable", "role"):
            await owner.send(mine, act, role="user")
            assert (owner.status, "last active owner" in owner.wrong) == (422, True)


async def test_log_in_as_somebody_and_back(start) -> None:
    async with start() as gateway, staff(gateway, "operator") as people:
        operator, user = people.visitors["operator"], people.accounts["user"]
        await operator.send(f"/admin/users/{user.id}", "as")
        assert operator.path == "/console"
        assert "You are seeing what user@example.com sees." in operator.text
        await operator.get("/admin")
        assert operator.status == 403, "with the rights of the user, not of the operator"
        await operator.get("/console")
        await operator.post("/back", {"_xsrf": operator.xsrf})
        assert (operator.path, operator.notice) == (f"/admin/users/{user.id}", "You are back in your own account.")
        assert await people.office.logins.of(user) == []
        await operator.post("/back", {"_xsrf": operator.xsrf})
        assert operator.path == "/console"
        line = await people.last("account.login_as")
        assert (line.by, line.account_id) == ("operator@example.com", user.id)
        await operator.send(f"/admin/users/{user.id}", "as")
        await people.office.logins.end_all(people.accounts["operator"])
        await operator.post("/back", {"_xsrf": operator.xsrf})
        assert operator.path == "/login", "the own login is over meanwhile"
        await operator.log_in("operator@example.com")
        await operator.send(f"/admin/users/{user.id}", "as")
        await operator.post("/logout", {"_xsrf": operator.xsrf})
        assert operator.path == "/"
        assert await people.office.logins.of(people.accounts["operator"]) == [], "nothing is left in the browser"


async def test_an_operator_changes_an_address(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator") as people:
        operator, user = people.visitors["operator"], people.accounts["user"]
        page = f"/admin/users/{user.id}"
        await people.refused(page, "email", email="other@example.com")
        await operator.send(page, "email", email="owner@example.com")
        assert (operator.status, "already" in operator.wrong) == (422, True)
        assert operator.wrong in operator.text.partition('id="account"')[2], "where the browser goes, not above it"
        await operator.send(page, "email", email="other@example.com")
        assert "logged out everywhere" in operator.notice
        await people.visitors["user"].get("/console")
        assert people.visitors["user"].path == "/login"
        line = await people.last("account.email")
        assert (line.by, line.after) == ("operator@example.com", {"email": "other@example.com"})
