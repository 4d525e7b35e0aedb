"""What a new generation takes over from the former one, and what it does not. `tests/journeys/test_supply.py` has the
rest."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import patch

from tests.journeys.wire import eventually, said
from tests.running import CHAT, Running
from tornadogw.accounts.desk import Actor
from tornadogw.entries import Entries
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.mongo_supply import MongoSupply
from tornadogw.store.ports import StoreUnavailable
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.types import Failure

WHO = Actor("olga", "owner")
PRICE = {"input": "1", "output": "1"}


async def in_force(gateway: Running, revision: int) -> None:
    await eventually(lambda: gateway.gateway.parts.revision >= revision, 20.0)


async def made(gateway: Running, url: str, *names: str) -> dict[str, Any]:
    """Upstreams with two keys each and a model of the same name, in force."""
    supply, found = gateway.gateway.parts.supply, {}
    for name in names:
        fields = {"vendor": "vllm", "base_url": url, "max_in_flight": 5}
        found[name] = await supply.add_upstream(WHO, name, fields, ["sk-one", "sk-two"])
        routes = [{"upstream": name, "model": "real"}]
        last = await supply.add_model(WHO, name, {"price": PRICE, "routes": routes, "hedge": True})
    await in_force(gateway, last.revision)
    return found


async def test_what_is_known_goes_only_with_what_it_was_known_of(start, claim_log):
    claim_log("tornadogw.health", "is disabled")
    async with FakeUpstream(Answer(body=said("Hi"))) as up, start('[metrics]\ntoken = "0123456789abcdef"\n') as gateway:
        supply = gateway.gateway.parts.supply
        shown = await made(gateway, up.url, "same", "moved", "gone")
        before = gateway.gateway.parts
        health, standing, tokens = before.gate.health, before.gate.standing, before.gate.tokens

        def wait(upstream: str, key: int) -> float:
            return health.wait(upstream=upstream, credential=f"{upstream}#{key}", model="real")

        disabled = Failure("disable", "key", code="invalid_api_key")
        for name in ("same", "moved", "gone"):
            for key in (1, 2):
                health.enter(upstream=name, credential=f"{name}#{key}", model="real").failed(disabled)
                tokens._kept[f"{name}#{key}"] = object()
            with_figures = standing.enter((name, "real"))
            with_figures.heard()
            with_figures.left()
            before.gate.hedging.heard(name, 3.0)
        model = await supply.model("gone")
        await supply.remove_model(WHO, "gone", revision=model.revision)
        await supply.remove_upstream(WHO, "gone", revision=shown["gone"].revision)
        await supply.change_upstream(WHO, "moved", {"base_url": f"{up.url}/v2"}, revision=shown["moved"].revision)
        last = await supply.replace_key(WHO, "same", 2, "sk-three", revision=shown["same"].revision)
        await in_force(gateway, last.revision)
        now = gateway.gateway.parts
        assert now is not before
        assert before.catalogue.find("gone") is not None  # who has begun goes on with that
        assert wait("same", 1) > 0
        assert [wait("same", 3), wait("moved", 1), wait("gone", 1)] == [0, 0, 0]
        assert not [place for place in health._failing if place[0] != "same"]
        marks = MongoHealth(gateway.mongo, "who starts later")

        async def forgotten() -> bool:
            told = [each.told for each in await marks.since(0)]
            opened = {each.spot[0] for each in told if each.openings}
            return "same" in opened and "moved" not in opened

        await eventually(forgotten, 20.0)
        assert [standing.figures((name, "real")).known for name in ("same", "moved", "gone")] == [True, False, False]
        assert set(tokens._kept) == {"same#1"}
        assert now.gate.hedging._models["same"] is before.gate.hedging._models["same"]
        assert not now.gate.hedging.covers("gone")
        assert before.gate.hedging.covers("gone")
        assert now.gate.queues.lengths() == {"same": (0, 0), "moved": (0, 0)}
        page = await now.metrics.text()
        assert b'upstream="same"' in page
        assert b'upstream="gone"' not in page
        assert (await gateway.ask({**CHAT, "model": "moved"}))[0] == 200
        assert up.requests[-1].path == "/v2/chat/completions"


async def test_what_cannot_be_used_leaves_all_as_it_is(start, claim_log):
    """A bug or a database that is away: the former generation serves, and the next news is as good as any."""
    claim_log("tornadogw.live", "the former ones stay in force")
    async with FakeUpstream(Answer(body=said("Hi"))) as up, start() as gateway:
        supply, real = gateway.gateway.parts.supply, Entries.of
        await made(gateway, up.url, "one")
        before, seen = gateway.gateway.parts, asyncio.Event()

        def broken(_self: Any, supplied: Any) -> Any:
            if asyncio.current_task().get_name() == "live catalogue":
                seen.set()
                raise ZeroDivisionError
            return real(_self, supplied)

        with patch.object(Entries, "of", broken):
            model = await supply.model("one")
            model = await supply.change_model(WHO, "one", {"auto": 1}, revision=model.revision)
            async with asyncio.timeout(10):
                await seen.wait()
            assert (await gateway.ask({**CHAT, "model": "one"}))[0] == 200
        assert gateway.gateway.parts is before
        reading, away = MongoSupply.read, asyncio.Event()

        async def read(self: Any) -> Any:
            if asyncio.current_task().get_name() == "live catalogue" and not away.is_set():
                away.set()
                raise StoreUnavailable
            return await reading(self)

        with patch.object(MongoSupply, "read", read):
            model = await supply.change_model(WHO, "one", {"auto": 2}, revision=model.revision)
            await in_force(gateway, model.revision)
        assert away.is_set()
        assert gateway.gateway.parts.catalogue.find("one").auto == 2


async def test_probes_follow(start):
    async with FakeUpstream(Answer(body=said("Hi"))) as up, start() as gateway:
        supply = gateway.gateway.parts.supply
        shown = await made(gateway, up.url, "one")
        before = len(up.requests)
        await supply.change_upstream(WHO, "one", {"probe": 0.05}, revision=shown["one"].revision)
        async with asyncio.timeout(20):
            await up.received(before + 2)
        one = await supply.upstream("one")
        one = await supply.change_upstream(WHO, "one", {"probe": 0}, revision=one.revision)
        await in_force(gateway, one.revision)
        # A probe that is under way is given up a moment later.
        await eventually(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "probing"], 20.0)
