from __future__ import annotations

import asyncio
import os
from unittest.mock import Mock

import pytest

from tests.running import chat_settings, new_key
from tornadogw.accounts.keys import Keys
from tornadogw.accounts.plans import Plans
from tornadogw.accounts.subscriptions import Subscriptions
from tornadogw.breaker import FAILURES, LONGEST
from tornadogw.errors import UsageError
from tornadogw.gateway import open_gateway
from tornadogw.health import RETRY
from tornadogw.plan import WAIT
from tornadogw.plugins import load_plugins
from tornadogw.secret import load_secret
from tornadogw.settings import load
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.types import Failure


async def test_a_key_made_or_revoked_elsewhere_counts_here_at_once(start):
    """`gather` of two seconds is the promise; the change stream takes milliseconds."""
    async with start() as gateway:
        text = await new_key(gateway, label="second")
        assert (await gateway.ask(headers={"X-API-Key": text}))[0] == 200
        store = MongoKeys(gateway.mongo)
        keys = Keys(store, MongoAccounts(gateway.mongo), b"")
        [key] = [key for key in await keys.list("owner@tornadogw.local") if key.label == "second"]
        await keys.disable("owner@tornadogw.local", key.id)
        async with asyncio.timeout(10):
            while (await gateway.ask(headers={"X-API-Key": text}))[0] != 401:
                await asyncio.sleep(0.01)


async def test_plans_zones_and_budgets_changed_elsewhere_count_here_at_once(start):
    """What a caller is made of, each part changed by another process."""
    async with start() as gateway:
        auth, owner = gateway.gateway.parts.auth, "owner@tornadogw.local"
        plans = Plans(MongoPlans(gateway.mongo))
        subscriptions = Subscriptions(MongoSubscriptions(gateway.mongo), gateway.accounts, plans)
        keys = Keys(MongoKeys(gateway.mongo), MongoAccounts(gateway.mongo), b"")

        async def until(fits):
            async with asyncio.timeout(10):
                while not fits(caller := await auth.caller(gateway.key, "127.0.0.1")):
                    await asyncio.sleep(0.01)
            return caller

        assert (await until(lambda caller: True)).terms == ()
        await plans.create("pro", daily="5")
        await subscriptions.subscribe(owner, "pro")
        assert (await until(lambda caller: caller.terms)).terms[0].daily == 5_000_000
        await plans.change("pro", daily="6")
        await until(lambda caller: caller.terms[0].daily == 6_000_000)
        await subscriptions.subscribe(owner, "pro")  # only a second element of a list
        await until(lambda caller: len(caller.terms) == 2)
        await subscriptions.set_zone(owner, "Europe/Berlin")
        caller = await until(lambda caller: caller.time_zone == "Europe/Berlin")
        await keys.set_budgets(owner, caller.key_id, daily="1")
        await until(lambda caller: caller.budget_daily == 1_000_000)
        await subscriptions.end(owner)
        await until(lambda caller: not caller.terms)


async def test_ready_until_it_drains(start):
    async with start() as gateway:
        async with gateway.session.get(gateway.url + "/readyz") as response:
            assert response.status == 200
        gateway.gateway.parts.ready.draining = True
        async with gateway.session.get(gateway.url + "/readyz") as response:
            assert (response.status, (await response.json())["code"]) == (503, 5000)


async def test_ready_while_some_route_may_be_asked(start, claim_log):
    """Until every key is disabled or rests for longer than a request waits; a rest ends by itself."""
    claim_log("tornadogw.health", "is disabled")
    second = """
[[models]]
name = "n"
price = { input = "1", output = "1" }
routes = [{ upstream = "up", model = "n" }]
"""
    async with start(chat_settings("http://127.0.0.1:1", extra=second)) as gateway:
        health = gateway.gateway.parts.gate.health
        clock = Mock(return_value=0.0)
        health._clock = clock

        async def ready():
            async with gateway.session.get(gateway.url + "/readyz") as response:
                return response.status

        def fails(model, **failure):
            health.enter(upstream="up", credential="up#1", model=model).failed(Failure(**failure))

        assert await ready() == 200
        fails("m", kind="disable", scope="key+model")
        assert await ready() == 200  # there is another model
        fails("n", kind="cool", scope="upstream+model", seconds=60)
        assert await ready() == 503
        clock.return_value = 60 - WAIT
        assert await ready() == 200
        for _ in range(FAILURES):
            fails("n", kind="elsewhere")
        assert await ready() == 503  # the breaker is open
        clock.return_value = 60 + LONGEST
        assert await ready() == 200
        fails("n", kind="disable", scope="key")
        clock.return_value += RETRY - 1
        assert await ready() == 503
        clock.return_value += 1
        assert await ready() == 200  # somebody has to look whether it is mended


async def test_another_secret_does_not_open_the_database(mongod, tmp_path):
    loaded = load(None, tmp_path, os.environ, {"mongo.database": f"test_{os.urandom(8).hex()}"})
    plugins = load_plugins(loaded, os.environ)

    async def open_with(folder):
        folder.mkdir()
        async with open_gateway(loaded, plugins, os.environ, load_secret("", folder), mongod.url, folder):
            pass

    await open_with(tmp_path / "one")
    with pytest.raises(UsageError, match="secret"):
        await open_with(tmp_path / "two")


async def test_a_second_start_of_the_same_database_has_no_welcome(mongod, tmp_path):
    loaded = load(None, tmp_path, os.environ, {"mongo.database": f"test_{os.urandom(8).hex()}"})
    plugins, secret = load_plugins(loaded, os.environ), load_secret("", tmp_path)
    welcomes = []
    for _ in range(2):
        async with open_gateway(loaded, plugins, os.environ, secret, mongod.url, tmp_path) as gateway:
            welcomes.append(gateway.welcome is not None)
    assert welcomes == [True, False]
