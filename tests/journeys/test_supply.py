"""Upstreams and models that are edited in the database while gateways run: two gateways, one database, no restart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.journeys.wire import (
    DONE,
    chunk,
    events_of,
    eventually,
    joined,
    last_event,
    problem,
    role,
    said,
    serving,
    text,
    usage,
)
from tests.running import CHAT, Running
from tornadogw.accounts.desk import Actor
from tornadogw.accounts.supply import Supply
from tornadogw.errors import UsageError
from tornadogw.store.ports import Entry
from tornadogw.store.ports_supply import Edit, Stored
from tornadogw.testing import Answer, FakeUpstream

WHO = Actor("olga", "owner")
PRICE = {"input": "1", "output": "1"}
SECONDS = 20.0
"""The promise is two; a busy machine may take longer, and is not what is tested."""
SECRET = "sk-quite-a-long-secret-1234"


def fields(*upstreams: str, price: Any = PRICE, **more: Any) -> dict[str, Any]:
    return {"price": price, "routes": [{"upstream": each, "model": "m-up"} for each in upstreams], **more}


def supply_of(gateway: Running) -> Supply:
    return gateway.gateway.parts.supply


async def who(gateway: Running, model: str) -> str:
    """The text of the answer, or the code of the refusal."""
    status, body = await gateway.ask({**CHAT, "model": model})
    return body["choices"][0]["message"]["content"] if status == 200 else str(body["code"])


async def until(gateway: Running, model: str, answer: str) -> None:
    async def fits() -> bool:
        return await who(gateway, model) == answer

    await eventually(fits, SECONDS)


async def test_an_edit_takes_effect_everywhere_without_a_restart(start, beside):
    """From the built-in echo to an upstream of the database, another key, another price, and back."""
    async with FakeUpstream(Answer(body=said("by db"))) as up, start() as one, beside(one) as two:
        supply = supply_of(one)
        added = await supply.add_upstream(WHO, "mine", {"vendor": "vllm", "base_url": up.url}, [SECRET])
        assert added.keys[0].text == "…1234"
        assert await who(two, "echo") != "1003"  # an upstream that serves nothing changes nothing
        model = await supply.add_model(WHO, "new", fields("mine"))
        await asyncio.gather(until(one, "new", "by db"), until(two, "new", "by db"))
        assert up.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
        assert await who(two, "echo") == "1003"
        async with two.session.get(f"{two.url}/v1/models", headers={"X-API-Key": two.key}) as response:
            assert [each["id"] for each in (await response.json())["data"]] == ["auto", "new"]
        before = (await last_event(two))["c"]
        model = await supply.change_model(WHO, "new", {"price": {"input": "3", "output": "3"}}, revision=model.revision)
        for gateway in (one, two):
            await until_revision(gateway, model.revision)
            assert await who(gateway, "new") == "by db"
        assert (await last_event(two))["c"] == 3 * before
        replaced = await supply.replace_key(WHO, "mine", 1, "sk-another", revision=added.revision)
        assert [key.name for key in replaced.keys] == ["mine#2"]
        for gateway in (one, two):
            await until_revision(gateway, replaced.revision)
            await who(gateway, "new")
            assert up.requests[-1].headers["authorization"] == "Bearer sk-another"
        await supply.remove_model(WHO, "new", revision=model.revision)
        for gateway in (one, two):
            await until(gateway, "new", "1003")
            assert await who(gateway, "echo") != "1003"
        lines = await one.mongo.database["audit"].find({"by": "olga"}).sort("_id").to_list(None)
        assert [line["act"] for line in lines if line["act"] != "price.change"] == [
            "upstream.add", "model.add", "model.change", "upstream.key.replace", "model.remove",
        ]  # fmt: skip
        prices = [(line["b"].get("input"), line["c"].get("input")) for line in lines if line["act"] == "price.change"]
        assert prices == [(None, 1_000_000), (1_000_000, 3_000_000), (3_000_000, None)]
        assert "sk-" not in str(lines)
        whole = str(await one.mongo.database["supply"].find().to_list(None))
        assert "mine" in whole
        assert SECRET not in whole
        assert "sk-another" not in whole


async def test_the_file_wins_and_shows_where_it_is_written(start, claim_log):
    claim_log("tornadogw.live", "model m of the database is left out: .*settings.toml:10 has one of that name")
    async with FakeUpstream(Answer(body=said("by file"))) as up, start(serving(up.url)) as gateway:
        supply, store = supply_of(gateway), supply_of(gateway)._store
        shown = await supply.upstream("u0")
        assert shown.origin.endswith("settings.toml:3")
        assert (shown.editable, shown.keys[0].text) == (False, "…")
        for edit in (
            supply.change_upstream(WHO, "u0", {"weight": 2}, revision=1),
            supply.add_upstream(WHO, "u0", {"vendor": "vllm"}),
            supply.remove_model(WHO, "m", revision=1),
        ):
            with pytest.raises(UsageError, match=r"settings\.toml"):
                await edit
        entry = Stored("model", "m", fields("u0", price={"input": "9", "output": "9"}))
        await store.edit(lambda _: [Edit("model", "m", entry, _entry())])  # it was there before the file had it
        await until_revision(gateway, 1)
        assert await who(gateway, "m") == "by file"
        assert gateway.gateway.parts.catalogue.find("m").price.input == 1_000_000
        ours, theirs = await supply.models()
        assert (ours.counts, theirs.counts, ours.faults) == (True, False, ())
        assert "wins" in theirs.faults[0].text
        await supply.remove_model(WHO, "m", revision=theirs.revision)  # what counts for nothing can go
        assert len(await supply.models()) == 1


def _entry() -> Entry:
    return Entry("test", "model.add", 0.0)


async def until_revision(gateway: Running, revision: int) -> None:
    """Until this process has heard of it."""
    await eventually(lambda: gateway.gateway.parts.revision >= revision, SECONDS)


async def test_a_stream_survives_the_removal_of_its_upstream(start):
    """And what waited for a place there gets one: nobody is cut."""
    go = asyncio.Event()
    slow = Answer(body=[role() + text("one "), go, text("two") + chunk(finish="stop") + usage() + DONE])
    async with (
        FakeUpstream(slow) as up,
        FakeUpstream(Answer(body=said("stays"))) as other,
        start(serving(other.url)) as gateway,
    ):
        supply = supply_of(gateway)
        limits = {"max_in_flight": 1, "queue": 5, "queue_seconds": 60}
        added = await supply.add_upstream(WHO, "mine", {"vendor": "vllm", "base_url": up.url, **limits})
        model = await supply.add_model(WHO, "new", fields("mine"))
        await eventually(lambda: gateway.gateway.parts.catalogue.find("new") is not None, SECONDS)
        async with asyncio.timeout(20), gateway.post(body={**CHAT, "model": "new", "stream": True}) as response:
            first = await response.content.readany()
            waiting = asyncio.ensure_future(who(gateway, "new"))
            queues = gateway.gateway.parts.gate.queues
            await eventually(lambda: queues.lengths()["mine"] == (1, 1), SECONDS)
            with pytest.raises(UsageError, match="new has need of it"):
                await supply.remove_upstream(WHO, "mine", revision=added.revision)
            await supply.remove_model(WHO, "new", revision=model.revision)
            await supply.remove_upstream(WHO, "mine", revision=added.revision)
            await eventually(lambda: gateway.gateway.parts.catalogue.find("new") is None, SECONDS)
            await up.received(2)  # the removed one has no limit any more
            assert await who(gateway, "new") == "1003"
            go.set()
            assert joined(events_of(first + await response.read())) == "one two"
        assert await waiting == "one two"
        assert await who(gateway, "m") == "stays"


async def test_what_is_wrong_in_the_database_stops_no_start(start, beside, claim_log):
    """It is left out as far as it is wrong, with a line in the log, and what serves goes on."""
    claim_log("tornadogw.live", "upstream gone of the database is left out: .*vendor .*no-such-plugin")
    claim_log("tornadogw.live", "model half of the database is used in part: routes.0.")
    claim_log("tornadogw.live", "model none of the database is left out: ")
    async with FakeUpstream(Answer(body=said("by file"))) as up, start(serving(up.url)) as one:
        wrong = [
            Stored("upstream", "gone", {"vendor": "no-such-plugin"}),
            Stored("model", "half", fields("gone", "u0", fallbacks=["none", "m"])),
            Stored("model", "none", fields("gone")),
            Stored("model", "odd", {"price": 7, "surprise": True}),
        ]
        claim_log("tornadogw.live", "model odd of the database is left out: ")
        await supply_of(one)._store.edit(lambda _: [Edit(each.kind, each.name, each, _entry()) for each in wrong])
        await until(one, "half", "by file")
        async with beside(one) as two:
            assert [await who(two, name) for name in ("m", "half", "none", "odd")] == [
                "by file",
                "by file",
                "1003",
                "1003",
            ]
            shown = {each.name: each for each in (*await supply_of(two).upstreams(), *await supply_of(two).models())}
            assert {name: each.counts for name, each in shown.items()} == {
                "u0": True, "gone": False, "m": True, "half": True, "none": False, "odd": False,
            }  # fmt: skip
            assert [fault.field for fault in shown["half"].faults] == ["routes[0].upstream", "fallbacks"]
            assert len(shown["half"].fields["routes"]) == 2  # as it is written
            at_last = {"vendor": "vllm", "base_url": up.url}
            mended = await supply_of(two).change_upstream(WHO, "gone", at_last, revision=shown["gone"].revision)
            assert mended.counts
            await asyncio.gather(until(one, "none", "by file"), until(two, "none", "by file"))


async def test_an_upstream_is_tested_from_the_console(start):
    async with FakeUpstream(Answer(body=said("Hi"))) as up, start() as gateway:
        supply = supply_of(gateway)
        await supply.add_upstream(WHO, "mine", {"vendor": "vllm", "base_url": up.url}, [SECRET, "sk-second-key"])
        with pytest.raises(UsageError, match="no model has a route"):
            await supply.test("mine")
        assert [(each.key, each.wrong) for each in await supply.test("mine", "m-up")] == [
            ("mine#1", None),
            ("mine#2", None),
        ]
        up.play(Answer(status=401, headers={"Content-Type": "application/json"}, body=problem(f"bad key {SECRET}")))
        first, _ = await supply.test("mine", "m-up")
        assert first.wrong.problem == "key"
        assert SECRET not in first.wrong.en
        with pytest.raises(UsageError, match="there is no upstream"):
            await supply.test("other")
