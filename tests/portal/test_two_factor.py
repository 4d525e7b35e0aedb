"""The second step of the log-in, as a visitor without JavaScript."""

from __future__ import annotations

import re
import time
from html import unescape

from tests.portal.browser import PASSWORD, Visitor
from tests.running import Running
from tornadogw.accounts.two_factor import STEP, code_at
from tornadogw.portal.entry import HOME
from tornadogw.portal.two_factor import BORDER, qr

ANN, OLGA = "ann@example.com", "olga@example.com"
HERE = "/console/account"


def test_a_picture_has_a_white_border_and_its_dark_corners() -> None:
    picture = qr("otpauth://totp/gw:ann@example.com?secret=ABC&issuer=<gw>")
    moves = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", picture.path)}
    low, high = BORDER, picture.size - BORDER - 1
    assert {(low, low), (high, low), (low, high)} <= moves
    assert all(low <= x <= high and low <= y <= high for x, y in moves)


async def test_set_up_log_in_with_a_code_and_switch_off(start) -> None:
    async with start() as gateway, Visitor(gateway) as here, Visitor(gateway) as there:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await here.log_in(ANN)
        await here.send(HERE, "factor_begin", old_password="wrong one")
        assert (here.status, here.wrong) == (422, "This is not your password")
        await here.send(HERE, "factor_begin", old_password=PASSWORD)
        assert here.status == 200
        assert '<svg class="qr"' in here.text
        secret = re.findall(r'<code class="said">([A-Z2-7]{32})</code>', here.text)[0]
        sealed = unescape(re.findall(r'name="setup" value="([^"]+)"', here.text)[0])
        fields = {"_xsrf": here.xsrf, "act": "factor_confirm", "setup": sealed}
        await here.post(HERE, {**fields, "code": "x"})
        assert here.status == 422
        assert secret in here.text, "the same picture again"
        await here.post(HERE, {**fields, "code": code_at(secret, time.time())})
        assert here.status == 200
        recovery = re.findall(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", here.text)
        assert len(recovery) == 10
        await here.get(HERE)
        assert "Recovery codes left: 10" in here.text
        assert recovery[0] not in here.text

        await there.get("/login/code")
        assert there.path == "/login", "not without the first step"
        await there.log_in(ANN, "wrong one")
        assert there.path == "/login"
        await there.get(f"/login?next={HERE}")
        await there.post("/login", {"_xsrf": there.xsrf, "email": ANN, "password": PASSWORD, "next": HERE})
        assert (there.path, there.status) == ("/login/code", 200)
        await there.get(HOME)
        assert there.path == "/login", "the password alone lets nobody in"
        await there.get(f"/login/code?next={HERE}")
        assert f'name="next" value="{HERE}"' in there.text
        await there.post("/login/code", {"_xsrf": there.xsrf, "code": "000000x", "next": HERE})
        assert there.status == 422
        assert "code is wrong" in there.wrong
        code = code_at(secret, time.time() + STEP)
        await there.post("/login/code", {"_xsrf": there.xsrf, "code": code, "next": HERE})
        assert (there.path, there.status) == (HERE, 200)
        await each_code_once(gateway, code, recovery)
        await here.send(HERE, "factor_off", old_password="new password", code="x")
        assert here.status == 422
        await here.send(HERE, "factor_off", old_password="new password", code=recovery[2])
        assert here.notice == "Two-factor log-in is off."
        await there.log_in(ANN, "new password")
        assert there.path == HOME


async def each_code_once(gateway: Running, code: str, recovery: list[str]) -> None:
    async with Visitor(gateway) as third:
        await third.log_in(ANN)
        await third.post("/login/code", {"_xsrf": third.xsrf, "code": code})
        assert third.status == 422, "a code works once"
        await third.post("/login/code", {"_xsrf": third.xsrf, "code": recovery[0], "next": "//evil.example"})
        assert third.path == HOME
        await third.post("/logout", {"_xsrf": third.xsrf})
        await third.log_in(ANN)
        assert third.path == "/login/code"
        await gateway.accounts.set_password(ANN, "new password")
        await third.post("/login/code", {"_xsrf": third.xsrf, "code": recovery[1]})
        assert third.path == "/login", "the password was changed since"


async def test_an_operator_takes_it_away_from_who_has_lost_it(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        office = gateway.gateway.parts.office
        ann = await gateway.accounts.create(ANN, password=PASSWORD)
        await gateway.accounts.create(OLGA, password=PASSWORD, role="operator")
        setup = await office.two_factor.begin(ann, PASSWORD)
        await office.two_factor.confirm(ann, setup.sealed, code_at(setup.secret, time.time()), by=ANN)
        await visitor.log_in(OLGA)
        await visitor.send(f"/admin/users/{ann.id}", "two_factor")
        assert visitor.notice == "Two-factor log-in is off."
        assert "Turn two-factor off" not in visitor.text
        async with Visitor(gateway) as hers:
            await hers.log_in(ANN)
            assert hers.path == HOME
        assert OLGA in {entry.by for entry in await office.audit.entries(ANN)}
