"""A person's own account, as a visitor without JavaScript."""

from __future__ import annotations

import re

from tests.portal.browser import PASSWORD, Visitor

ANN = "ann@example.com"
HERE = "/console/account"


async def test_password_language_zone_and_logins(start) -> None:
    async with start() as gateway, Visitor(gateway) as here, Visitor(gateway) as there:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await there.get(HERE)
        assert there.path == "/login"
        await here.log_in(ANN)
        await there.log_in(ANN)
        await here.get(HERE)
        assert here.text.count("this browser") == 1
        assert here.text.count(">Visitor/1") == 2

        for fields, field in (
            ({"old_password": "wrong one"}, "old_password"),
            ({"password": "short", "password_again": "short"}, "password"),
            ({"password_again": "different"}, "password_again"),
        ):
            given = {"old_password": PASSWORD, "password": "new password", "password_again": "new password"} | fields
            await here.send(HERE, "password", **given)
            assert here.status == 422
            assert here.wrong
            assert f'id="{field}" name="{field}"' in here.text.split('aria-invalid="true"')[0]
        await there.get(HERE)
        assert there.path == HERE
        given = {"old_password": PASSWORD, "password": "new password", "password_again": "new password"}
        await here.send(HERE, "password", **given)
        assert (here.path, here.status) == (HERE, 200)
        assert "password was changed" in here.notice
        await there.get(HERE)
        assert there.path == "/login", "the other login has ended"

        await there.log_in(ANN, "new password")
        await here.get(HERE)
        (other,) = re.findall(r'name="id" value="([0-9a-f]{64})"', here.text)
        await here.send(HERE, "end", id=other)
        assert here.notice == "That browser was logged out."
        await there.get(HERE)
        assert there.path == "/login"
        await here.send(HERE, "end", id=other)
        assert here.status == 422
        await there.log_in(ANN, "new password")
        await here.send(HERE, "end_others")
        await there.get(HERE)
        assert there.path == "/login"

        await here.send(HERE, "zone", zone="Nowhere/At_all")
        assert here.status == 422
        assert "Nowhere/At_all" in here.wrong
        await here.send(HERE, "zone", zone="Europe/Paris")
        assert here.notice == "Your time zone was changed."
        assert 'value="Europe/Paris"' in here.text
        await here.send(HERE, "language", language="zh")
        assert here.notice == "语言已更改。"
        assert '<html lang="zh-CN">' in here.text
        account = await gateway.accounts.show(ANN)
        assert account.language == "zh"
        acts = [each.act for each in await gateway.gateway.parts.office.audit.entries(ANN)]
        assert {"account.password", "account.zone", "account.language", "account.log_out"} <= set(acts)


async def test_what_is_wrong_stands_where_the_form_is(start) -> None:
    """A browser goes to the part of the page that the form is in: what stands above it is not seen."""
    async with start() as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await visitor.log_in(ANN)
        for act, part, words in (
            ("factor_confirm", "two-factor", "took too long"),
            ("factor_off", "two-factor", "no second factor"),
            ("end", "logins", "ended already"),
            ("password", "password-heading", "too many tries"),
        ):
            for _ in range(11 if act == "password" else 1):
                await visitor.send("/console/account", act, old_password="" if act == "password" else PASSWORD)
            assert words in visitor.wrong.lower(), act
            after = visitor.text.partition(f'id="{part}"')[2].partition("<h2")[0]
            assert visitor.wrong in after, act
            assert visitor.text.count('class="wrong"') == 1
