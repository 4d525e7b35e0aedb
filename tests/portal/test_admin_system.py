from __future__ import annotations

import re
from functools import partial
from importlib.metadata import EntryPoint

from tests.portal.staff import staff
from tests.running import chat_settings
from tests.shared import ROOT
from tornadogw.plugins import load_plugins
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.ports_health import Told

UP = chat_settings("http://key:hidden@127.0.0.1:9/v1")


async def test_the_audit_log_with_filters(start) -> None:
    async with start() as gateway, staff(gateway, "reader") as people:
        visitor, office, user = people.visitors["reader"], people.office, people.accounts["user"]
        for number in range(60):
            await office.accounts.credit(user.email, "1", ref=f"r{number}", by="olga <b>", reason="why")
        await office.plans.create("basic", daily="1", by="peter")
        seen: list[str] = []
        path = f"/admin/audit?account={user.email}&act=account."
        while path:
            await visitor.get(path)
            seen += re.findall(r"<code>(account\.[a-z]+)</code>", visitor.text)
            found = re.search(r'rel="next" href="([^"]+)"', visitor.text)
            path = found[1].replace("&amp;", "&") if found else ""
        assert seen == ["account.credit"] * 60 + ["account.create"]
        assert "<b>" not in visitor.text
        await visitor.get("/admin/audit?by=peter")
        assert re.findall(r'<th scope="row"><code>([^<]+)', visitor.text) == ["plan.create"]
        await visitor.get("/admin/audit?until=2020-01-01")
        assert "No matching entries." in visitor.text


async def test_the_audit_log_writes_amounts_and_moments_as_every_page_does(start) -> None:
    async with start() as gateway, staff(gateway, "reader") as people:
        visitor, office, user = people.visitors["reader"], people.office, people.accounts["user"]
        await office.accounts.credit(user.email, "1.5", ref="r", by="peter")
        await office.keys.create(user.email, label="k", daily_budget="2", expires="30d", by="peter")
        await visitor.get("/admin/audit?by=peter")
        key, paid = re.findall(r'<td class="said changed">([^<]*)', visitor.text)
        assert re.search(r"expires: \d{4}-\d\d-\d\d [:0-9]{8}, ", key)
        assert "budget_daily: 2.00" in key
        assert "amount: 1.50" in paid
        assert user.id not in key, "it stands beside it"


async def test_settings_and_plugins_are_told_and_no_secret(start) -> None:
    async with start(UP) as gateway, staff(gateway, "reader") as people:
        visitor = people.visitors["reader"]
        await visitor.get("/admin/settings")
        assert "settings.toml:" in visitor.text
        assert "upstreams[0].keys" in visitor.text
        assert "sk-upstream" not in visitor.text
        assert "hidden" not in re.sub(r'type="hidden"', "", visitor.text)
        assert "limits.key_per_minute" not in visitor.text
        assert "limits.key_per_minute" in await visitor.get("/admin/settings?all=1")
        await visitor.get("/admin/plugins")
        for info in gateway.gateway.parts.plugins:
            assert info.name in visitor.text
        assert "A part of the gateway, and checked with it." in visitor.text


async def test_report_cards_of_plugins_are_shown(start, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "plugins/ollama"))
    points = [EntryPoint("ollama", "tornadogw_ollama", "tornadogw")]
    monkeypatch.setattr("tests.running.load_plugins", partial(load_plugins, points=points))
    async with start(UP) as gateway, staff(gateway, "reader") as people:
        visitor = people.visitors["reader"]
        await visitor.get("/admin/plugins")
        kept, other = re.findall(r"Report card: (\d+) kept, (\d+) exempt or open", visitor.text)[0]
        (card,) = [info.card for info in gateway.gateway.parts.plugins if info.name == "ollama"]
        assert [int(kept), int(other)] == [sum(each.state == "done" for each in card), 3]
        assert "the engine has no choice but the model&#x27;s own" in visitor.text
        await visitor.get("/admin/plugins?lang=zh")
        assert "质量报告" in visitor.text


async def test_a_key_that_is_left_alone_is_used_again(start) -> None:
    async with start(UP) as gateway, staff(gateway, "user", "reader", "operator") as people:
        operator = people.visitors["operator"]
        told = Told(("up", "f00d", ""), "up#1", age=1, openings=1, wait=3000, disabled=True)
        await MongoHealth(gateway.mongo, "another").tell([told])
        await operator.get("/admin/upstreams")
        assert re.search(r"up#1[^<]*: disabled", operator.text)
        assert "settings.toml:" in operator.text
        assert "sk-upstream" not in operator.text
        assert ":hidden@" not in operator.text
        await operator.send("/admin/upstreams", "enable", name="up#1")
        assert operator.notice == "It is back in use."
        assert not re.search(r"up#1[^<]*: disabled", operator.text)
        assert await people.last("upstream.enable")
        await operator.send("/admin/upstreams", "enable", name="up#1")
        assert operator.status == 422
        await MongoHealth(gateway.mongo, "another").tell([Told(("up", "", "m-up"), cool=900)])
        assert ": cooling down" in await operator.get("/admin/upstreams")
        assert "Put back in use" in operator.text
        await operator.send("/admin/upstreams", "enable", name="up")
        assert ": cooling down" not in operator.text
        await people.refused("/admin/upstreams", "enable", name="up#1")
