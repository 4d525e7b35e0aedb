"""Log-in by a provider: as a visitor without JavaScript, on a whole gateway."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any

import pytest

from tests.oidc_provider import SECRET, OidcProvider, oidc_provider, signed
from tests.portal.browser import PASSWORD, Visitor
from tests.running import OWNER
from tornadogw.accounts.two_factor import code_at
from tornadogw.errors import UsageError
from tornadogw.portal.entry import HOME

ANN = "ann@example.com"
AGAIN = "The log-in failed: try again in a moment."


async def there_and_back(there: OidcProvider, visitor: Visitor, path: str = "/login/oidc", **more: str) -> str:
    """By hand: no name leads to gw.test."""
    await visitor.get(path, allow_redirects=False)
    assert visitor.status == 303, visitor.text
    back = there.consent(visitor.location, **more)
    await visitor.get(back)
    return back


async def test_somebody_new_comes_in_and_comes_back(start) -> None:
    async with oidc_provider() as there, start(there.settings) as gateway, Visitor(gateway) as visitor:
        await visitor.get("/login?next=/console/keys")
        found = re.search(r'href="(/login/oidc[^"]*)">([^<]+)<', visitor.text)
        assert found is not None
        assert unescape(found[2]) == "Log in with Corp & Co"
        back = await there_and_back(there, visitor, unescape(found[1]))
        assert (visitor.status, visitor.path) == (200, "/console/keys")
        account = await gateway.accounts.show(ANN)
        assert (account.has_password, account.language, account.role) == (False, "en", "user")
        await visitor.get("/console/account")
        assert "This account is linked. The account has no password: this is the only way in." in visitor.text
        await visitor.post("/console/account", {"_xsrf": visitor.xsrf, "act": "unlink"})
        assert (visitor.status, "no password" in visitor.wrong) == (422, True)
        await visitor.get(back)
        assert (visitor.status, "ten minutes" in visitor.wrong) == (422, True), "an answer works once"
        await visitor.get("/console/account")
        await visitor.post("/logout", {"_xsrf": visitor.xsrf})
        there.claims = {"email": "other@example.com", "email_verified": False}
        await there_and_back(there, visitor, "/login/oidc?next=//evil.example")
        assert visitor.path == HOME
        assert ANN in visitor.text, "by the subject, whatever the address is now"
        await gateway.accounts.disable(ANN)
        await there_and_back(there, visitor)
        assert (visitor.status, visitor.path) == (422, "/login/oidc/back")
        assert visitor.wrong == "Your account is disabled: ask the operator"


def wrong_ways(url: str, nonce: str) -> list[tuple[str, dict[str, Any]]]:
    now = int(time.time())
    right = {"iss": url, "aud": "gw", "sub": "s", "nonce": nonce, "iat": now, "exp": now + 60}
    return [
        ("the state is not", {"more": {"state": "0" * 64}}),
        ("another provider", {"more": {"iss": "https://evil.example"}}),
        ("said access_denied", {"more": {"error": "access_denied"}}),
        ("not good: nonce", {"claims": {"nonce": "another"}}),
        ("not good: iss", {"claims": {"iss": "https://evil.example"}}),
        ("not good: aud", {"claims": {"aud": "another"}}),
        ("not good: exp", {"claims": {"exp": now - 61}}),
        ("BadSignatureError", {"token": signed(right, "two", kid="one")}),
        ("UnsupportedAlgorithmError", {"token": signed(right, alg="none")}),
    ]


async def test_what_is_not_right_lets_nobody_in_and_tells_nothing(start, claim_log, caplog) -> None:
    claim_log("tornadogw.portal.oidc", "did not work")
    async with oidc_provider() as there, start(there.settings) as gateway, Visitor(gateway) as visitor:
        for name, way in wrong_ways(there.url, "n"):
            there.claims, there.token = way.get("claims", {}), way.get("token", "")
            back = await there_and_back(there, visitor, **way.get("more", {}))
            assert (visitor.status, visitor.wrong) == (502, AGAIN), name
            assert name in caplog.records[-1].getMessage()
            assert there.url not in visitor.text
            code = re.search(r"code=([^&]+)", back)
            assert code is not None
            assert code[1] not in caplog.text
            assert SECRET not in caplog.text
            await visitor.get(HOME)
            assert visitor.path == "/login", name
        with pytest.raises(UsageError):
            await gateway.accounts.show(ANN)
        there.claims, there.token = {"email_verified": False}, ""
        await there_and_back(there, visitor)
        assert (visitor.status, "confirm it there first" in visitor.wrong) == (422, True)
        async with Visitor(gateway, "zh") as other:
            await visitor.get("/login/oidc", allow_redirects=False)
            await other.get(there.consent(visitor.location))
            assert (other.status, "请重试" in other.wrong) == (422, True), "It began in another browser"
        there.claims = {"nonce": "another"}
        while visitor.status != 429:
            assert there.asked.count("/token") < 70
            await there_and_back(there, visitor)
        await visitor.get("/login/oidc", allow_redirects=False)
        cookie = visitor.headers["Set-Cookie"]
        assert cookie.startswith("oidc=")
        assert {"HttpOnly", "Path=/login/oidc", "SameSite=Lax"} <= set(cookie.split("; "))


async def test_closed_registration_and_accounts_that_are_there(start) -> None:
    closed = '[portal]\nregistration = "closed"\n'
    async with oidc_provider() as there, start(there.settings + closed) as gateway, Visitor(gateway) as visitor:
        await there_and_back(there, visitor)
        assert (visitor.status, visitor.wrong) == (422, "There is no account for you here: ask the operator")
        await gateway.accounts.create(ANN, password=PASSWORD)
        await there_and_back(there, visitor)
        assert visitor.path == HOME
        await visitor.send("/console/account", "factor_begin", old_password=PASSWORD)
        secret = re.findall(r'<code class="said">([A-Z2-7]{32})</code>', visitor.text)[0]
        sealed = unescape(re.findall(r'name="setup" value="([^"]+)"', visitor.text)[0])
        fields = {"_xsrf": visitor.xsrf, "act": "factor_confirm", "setup": sealed}
        await visitor.post("/console/account", {**fields, "code": code_at(secret, time.time())})
        assert visitor.status == 200
        await visitor.post("/logout", {"_xsrf": visitor.xsrf})
        await there_and_back(there, visitor)
        assert (visitor.status, visitor.path) == (200, "/login/code"), "the second factor is asked for"
        await visitor.get(HOME)
        assert visitor.path == "/login"


async def test_an_owner_links_by_hand(start) -> None:
    async with oidc_provider() as there, start(there.settings) as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.set_password(OWNER, PASSWORD)
        there.claims = {"email": OWNER}
        await there_and_back(there, visitor)
        assert (visitor.status, "/console/account" in visitor.wrong) == (422, True)
        await visitor.log_in(OWNER)
        await visitor.get("/console/account")
        assert 'href="/login/oidc?next=/console/account"' in visitor.text
        await there_and_back(there, visitor, "/login/oidc?next=/console/account")
        assert visitor.path == "/console/account"
        assert "This account is linked." in visitor.text
        async with Visitor(gateway) as other:
            await there_and_back(there, other)
            assert other.path == HOME
            await visitor.send("/console/account", "unlink", old_password="wrong")
            assert (visitor.status, "not your password" in visitor.wrong) == (422, True)
            await visitor.send("/console/account", "unlink", old_password=PASSWORD)
            assert visitor.notice == "The link was removed: log in with your password."
            assert "Link this account" in visitor.text
            await other.post("/logout", {"_xsrf": other.xsrf})
            await there_and_back(there, other)
            assert other.status == 422


async def test_a_provider_that_is_gone_and_none_at_all(start, claim_log) -> None:
    claim_log("tornadogw.portal.oidc", "did not work")
    async with oidc_provider() as there:
        settings = there.settings
    async with start(settings) as gateway, Visitor(gateway, "zh") as visitor:
        await visitor.get("/login/oidc")
        assert (visitor.status, visitor.wrong) == (502, "未能完成登录：请稍后重试。")
        assert "用 Corp &amp; Co 登录" in visitor.text
    async with start() as gateway, Visitor(gateway) as visitor:
        for path in ("/login/oidc", "/login/oidc/back"):
            await visitor.get(path)
            assert visitor.status == 404
        await visitor.get("/login")
        assert "/login/oidc" not in visitor.text
