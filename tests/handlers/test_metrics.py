"""Who may read the figures where. What they are: tests/test_metrics.py."""

from __future__ import annotations

from itertools import product

import pytest
from tornado.netutil import bind_sockets

from tornadogw.app import METRICS, App
from tornadogw.server.front import Front

TOKEN = "a-token-of-a-scraper"
ON = f'[metrics]\ntoken = "{TOKEN}"\n'


async def ask(gateway, path="/metrics", verb="GET", **headers):
    async with gateway.session.request(verb, gateway.url + path, headers=headers) as got:
        return got.status, await got.text()


async def test_with_the_token(start):
    async with start(ON) as gateway:
        status, text = await ask(gateway, Authorization=f"Bearer {TOKEN}")
        assert (status, text.partition(" ")[0]) == (200, "#")
        assert (await ask(gateway, Authorization=f"bearer {TOKEN}"))[0] == 200
        assert (await ask(gateway, verb="POST", Authorization=f"Bearer {TOKEN}"))[0] == 405


async def test_without_it_nothing_is_there(start):
    """As at any path that is none: nobody learns that there is something."""
    wrong = ("", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer é")
    async with start(ON) as gateway:
        for sent, verb, accept in product(wrong, ("GET", "HEAD", "POST", "DELETE", "OPTIONS"), ("*/*", "text/html")):
            headers = {"Accept": accept, **({"Authorization": sent} if sent else {})}
            status, body = await ask(gateway, verb=verb, **headers)
            nowhere = await ask(gateway, path="/nothing", verb=verb, **headers)
            assert (status, body.replace("/metrics", "/nothing")) == nowhere, (sent, verb)
            assert status == 404


@pytest.mark.parametrize("settings", ["", "[metrics]\nport = 9464\n"])
async def test_without_a_token_in_the_settings_nobody_has_it(start, settings):
    async with start(settings) as gateway:
        for sent in ("", "Bearer ", "Bearer None"):
            assert (await ask(gateway, Authorization=sent))[0] == 404


async def test_a_scraper_comes_anew_each_time(start):
    """The kernel chooses the worker for a connection: over one that is kept, all scrapes would reach the same."""
    async with (
        start(ON) as gateway,
        gateway.session.get(gateway.url + "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}) as got,
    ):
        assert got.headers["Connection"] == "close"


async def test_the_address_for_scrapers_serves_nothing_else(start):
    async with start("[metrics]\nport = 9464\n") as gateway:
        sockets = bind_sockets(0, "127.0.0.1")
        front = Front(App(gateway.gateway.current, None, METRICS), max_header=4096, max_body=0, idle=75.0)
        await front.listen(sockets)
        try:
            gateway.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
            status, text = await ask(gateway)
            assert (status, text.partition(" ")[0]) == (200, "#")
            for path in ("/v1/models", "/healthz", "/"):
                assert (await ask(gateway, path, **{"X-API-Key": gateway.key}))[0] == 404
        finally:
            await front.close()
