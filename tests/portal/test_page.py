"""What every page shares: languages, headers, addresses; and the files beside them."""

from __future__ import annotations

import re

import pytest
import yarl

from tornadogw.portal.page import FOREVER

PATHS = ("/", "/docs", "/models", "/status")


async def get(gateway, path, method="GET", **headers):
    async with gateway.session.request(method, gateway.url + path, headers=headers) as response:
        return response, (await response.read()).decode()


async def test_pages_let_nothing_in_from_elsewhere(start):
    async with start() as gateway:
        for path in PATHS:
            response, _ = await get(gateway, path, Origin="https://evil.example")
            assert response.status == 200
            assert response.content_type == "text/html"
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Cache-Control"] == "no-store"
            assert not [name for name in response.headers if name.lower().startswith("access-control")]


async def test_the_language_is_the_chosen_one_else_the_browsers(start):
    async with start() as gateway:
        for path in PATHS:
            for headers, lang in (
                ({"Accept-Language": "en-GB,en;q=0.9"}, "en"),
                ({"Accept-Language": "zh-CN"}, "zh-CN"),
                ({"Accept-Language": "fr"}, "zh-CN"),
                ({"Accept-Language": "zh-CN", "Cookie": "lang=en"}, "en"),
                ({"Accept-Language": "en", "Cookie": "lang=<x>"}, "en"),
            ):
                response, text = await get(gateway, path, **headers)
                assert f'<html lang="{lang}">' in text, (path, headers)
                assert "Set-Cookie" not in response.headers
        response, text = await get(gateway, "/docs?lang=en", **{"Accept-Language": "zh"})
        assert '<html lang="en">' in text
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("lang=en;")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        for nonsense in ("%3Cscript%3E", "%ff", "", "zh&lang=fr", "zh;x"):
            response, _ = await get(gateway, f"/docs?lang={nonsense}")
            assert response.status == 200
            assert "Set-Cookie" not in response.headers
        for cookie in ("lang", "lang=", 'lang="zh', "=;;=", "lang=\xff", "a=" + "x" * 5000):
            response, _ = await get(gateway, "/docs", Cookie=cookie)
            assert response.status == 200


async def test_samples_have_the_address_of_this_deployment(start):
    async with start() as gateway:
        _, text = await get(gateway, "/docs")
        assert f"curl {gateway.url}/xlei/v1/chat/completions" in text
        _, text = await get(gateway, "/docs", Host="llm.example.com:8443")
        assert "curl http://llm.example.com:8443/xlei/v1/chat/completions" in text
    async with start('[server]\npublic_url = "https://api.example.com/"\nprefix = "/gate"\n') as gateway:
        _, text = await get(gateway, "/docs", Host="evil.example")
        assert "curl https://api.example.com/gate/chat/completions" in text
        assert "evil.example" not in text


async def test_what_the_settings_say_is_escaped(start):
    async with start("[portal]\ntitle = '<b>\"T&C\"'\n") as gateway:
        for path in PATHS:
            _, text = await get(gateway, path)
            assert "<b>" not in text
            assert "&lt;b&gt;&quot;T&amp;C&quot;" in text


async def test_files_are_kept_for_ever_under_their_digest(start):
    async with start() as gateway:
        _, text = await get(gateway, "/")
        addresses = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', text))
        assert {each.rpartition(".")[2] for each in addresses} == {"css", "js", "svg"}
        for address in addresses:
            response, body = await get(gateway, address)
            assert (response.status, response.headers["Cache-Control"]) == (200, FOREVER)
            assert body
            head, nothing = await get(gateway, address, "HEAD")
            assert (head.status, head.headers["Content-Length"], nothing) == (200, str(len(body.encode())), "")
        for wrong in ("/static/none.css", "/static/../app.py", "/static", "/static/"):
            response, _ = await get(gateway, wrong)
            assert (response.status, response.content_type) == (404, "application/json")


@pytest.mark.parametrize("path", PATHS)
async def test_pages_answer_to_get_and_head_alone(start, path):
    async with start() as gateway:
        head, body = await get(gateway, path, "HEAD")
        assert (head.status, body) == (200, "")
        response, _ = await get(gateway, path, "POST")
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_the_api_can_stand_alone(start):
    async with start("[portal]\nenabled = false\n") as gateway:
        for path in (*PATHS, "/static/style.css"):
            response, _ = await get(gateway, path)
            assert (response.status, response.content_type) == (404, "application/json")
        assert (await gateway.ask())[0] == 200


async def test_the_other_language_is_of_the_same_page_and_never_of_another_site(start):
    async with start() as gateway:
        for path, link in (
            ("/login?next=/console/keys", "/login?lang=zh&amp;next=%2Fconsole%2Fkeys"),
            ("/register?invitation=a%26b&lang=en", "/register?lang=zh&amp;invitation=a%26b"),
            ("//evil.example/x", "/evil.example/x?lang=zh"),
            ("/\\evil.example", "/evil.example?lang=zh"),
            ("/.//\\evil.example", "/evil.example?lang=zh"),
            ("/", "/?lang=zh"),
        ):
            url = yarl.URL(gateway.url + path, encoded=True)
            async with gateway.session.get(url, headers={"Accept": "text/html", "Accept-Language": "en"}) as response:
                text = await response.text()
            assert f'class="language" href="{link}"' in text, path


@pytest.mark.parametrize(
    "path", ["/login?next=%ff", "/register?invitation=%ff", "/reset?token=%ff", "/email?token=%ed%a0%80"]
)
async def test_an_address_that_is_no_text_is_the_askers_fault(start, path):
    async with start() as gateway, gateway.session.get(yarl.URL(gateway.url + path, encoded=True)) as response:
        assert response.status == 400
        assert (await response.text()).startswith("<!DOCTYPE html>")
