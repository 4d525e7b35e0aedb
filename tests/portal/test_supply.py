"""Upstreams and models on pages: made, used at once, tested, and an owner's where keys go."""

from __future__ import annotations

import asyncio

from tests.journeys.wire import said
from tests.portal.browser import PASSWORD, Visitor
from tests.running import CHAT, OWNER, Running, chat_settings
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.ports_health import Told
from tornadogw.testing import Answer, FakeUpstream

OLGA, RITA = "olga@example.com", "rita@example.com"
SECRET = "sk-upstream-secret-1234567890"


async def answers(gateway: Running, model: str, status: int = 200) -> None:
    async with asyncio.timeout(10):
        while (await gateway.ask({**CHAT, "model": model}))[0] != status:
            await asyncio.sleep(0.02)


async def test_an_upstream_and_a_model_are_added_tested_used_and_removed(start) -> None:
    async with (
        FakeUpstream(Answer(body=said("hi"))) as upstream,
        start(chat_settings("http://127.0.0.1:1")) as gateway,
        Visitor(gateway) as visitor,
    ):
        await gateway.accounts.set_password(OWNER, PASSWORD)
        await visitor.log_in(OWNER)
        added = {"name": "new", "vendor": "vllm", "base_url": upstream.url, "secrets": SECRET, "max_in_flight": "9"}
        await visitor.send("/admin/upstreams/new", "save", **added)
        assert visitor.notice.startswith("Saved"), visitor.wrong
        assert visitor.path == "/admin/upstreams/new" or "new" in visitor.path
        assert SECRET not in visitor.text
        assert SECRET not in str(await gateway.mongo.database["supply"].find().to_list(None))

        route = {"route0_upstream": "new", "route0_model": "theirs", "route0_cost_input": "0.1"}
        fields = {"name": "fresh", "price_input": "1", "price_output": "2", "every_capability": "yes", **route}
        await visitor.send("/admin/models/new", "save", modes=["chat"], **fields)
        assert visitor.path == "/admin/models/fresh", visitor.wrong
        await answers(gateway, "fresh")
        await visitor.get("/admin/route?model=fresh&prompt=50")
        assert "It would go to new as theirs." in visitor.text
        await visitor.get("/admin/route?model=none-such")
        assert 'role="alert"' in visitor.text

        await visitor.get("/admin/models/fresh")
        for value in ('value="0.1"', 'value="theirs"', 'value="2"'):
            assert value in visitor.text
        await visitor.send("/admin/models/fresh", "save", modes=["chat"], **{**fields, "revision": "0"})
        assert (visitor.status, "meanwhile" in visitor.wrong) == (422, True)

        revision = visitor.text.split('name="revision" value="')[1].split('"')[0]
        await visitor.send(
            "/admin/models/fresh", "save", modes=["chat"], **{**fields, "price_input": "dear", "revision": revision}
        )
        assert visitor.status == 422
        assert 'value="dear"' in visitor.text
        await visitor.send("/admin/models/fresh", "remove", revision=revision)
        assert (visitor.path, visitor.notice) == ("/admin/models", "It was removed.")
        await answers(gateway, "fresh", 400)
        entries = await gateway.gateway.parts.office.audit.entries()
        acts = [entry.act for entry in entries if entry.act.startswith(("upstream", "model"))]
        assert acts == ["upstream.add", "model.add", "model.remove"]


async def test_what_stands_in_the_file_is_only_read_and_where_keys_go_is_an_owners(start) -> None:
    async with start(chat_settings("http://127.0.0.1:1")) as gateway, Visitor(gateway) as visitor:
        for email, role in ((OLGA, "operator"), (RITA, "reader")):
            await gateway.accounts.create(email, password=PASSWORD, role=role)
        await visitor.log_in(OLGA)
        for path in ("/admin/upstreams/up", "/admin/models/m"):
            await visitor.get(path)
            assert "the file wins" in visitor.text
            assert "settings.toml:" in visitor.text
            await visitor.post(path, {"_xsrf": visitor.xsrf, "act": "save", "revision": "1", "price_input": "1"})
            assert (visitor.status, "is changed there" in visitor.wrong) == (422, True)
        await visitor.send("/admin/upstreams/new", "save", name="x", vendor="vllm", base_url="http://evil.example")
        assert "Saved" in visitor.notice
        assert "evil" not in await visitor.get("/admin/upstreams/x"), "an operator's form has no such field"
        assert 'name="base_url"' not in visitor.text
        for path in ("/admin/upstreams/none", "/admin/models/%00"):
            await visitor.get(path)
            assert visitor.status == 404
        async with Visitor(gateway) as reader:
            await reader.log_in(RITA)
            await reader.get("/admin/upstreams/up")
            assert (reader.status, "Test now" in reader.text) == (200, False)
            sent = {"_xsrf": reader.xsrf, "act": "save", "name": "x", "vendor": "vllm"}
            await reader.post("/admin/upstreams/new", sent)
            assert reader.status == 403


async def test_an_upstream_is_tested_with_each_key(start) -> None:
    async with FakeUpstream(Answer(status=401, body=b"{}")) as upstream, start(chat_settings(upstream.url)) as gateway:
        await gateway.accounts.create(OLGA, password=PASSWORD, role="operator")
        async with Visitor(gateway) as visitor:
            await visitor.log_in(OLGA)
            told = Told(("up", "f00d", ""), "up#1", age=1, openings=1, wait=3000, disabled=True)
            cooling = Told(("up", "", "m"), cool=900)
            await MongoHealth(gateway.mongo, "another").tell([told, cooling])
            await visitor.send("/admin/upstreams/up", "test")
            assert visitor.status == 200
            assert not visitor.notice
            assert "up#1" in visitor.text
            assert 'class="state down"' in visitor.text
            upstream.play(Answer(body=said("hi")))
            await visitor.send("/admin/upstreams/up", "test")
            assert 'class="state up">works' in visitor.text
            assert visitor.notice == "What works had been set aside and is back in use."
            assert ": disabled" not in await visitor.get("/admin/upstreams")
            assert ": cooling down" not in visitor.text
            entry = (await gateway.gateway.parts.office.audit.entries())[-1]
            assert (entry.act, entry.by, entry.subject) == ("upstream.enable", OLGA, "up")
