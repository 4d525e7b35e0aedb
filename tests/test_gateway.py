from __future__ import annotations

import asyncio
import os

import pytest

from tests.running import new_key
from tornadogw.accounts.keys import Keys
from tornadogw.errors import UsageError
from tornadogw.gateway import open_gateway
from tornadogw.plugins import load_plugins
from tornadogw.secret import load_secret
from tornadogw.settings import load
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_keys import MongoKeys


async def test_a_key_made_or_revoked_elsewhere_counts_here_at_once(start):
    """`gather` of two seconds is the promise; the change stream takes milliseconds."""
    async with start() as gateway:
        text = await new_key(gateway, label="second")
        assert (await gateway.ask(headers={"X-API-Key": text}))[0] == 200
        store = MongoKeys(gateway.mongo)
        keys = Keys(store, MongoAccounts(gateway.mongo), b"")
        [key] = [key for key in await keys.list("owner@tornadogw.local") if key.label == "second"]
        await keys.disable("owner@tornadogw.local", key.id)
        async with asyncio.timeout(2):
            while (await gateway.ask(headers={"X-API-Key": text}))[0] != 401:
                await asyncio.sleep(0.01)


async def test_ready_until_it_drains(start):
    async with start() as gateway:
        async with gateway.session.get(gateway.url + "/readyz") as response:
            assert response.status == 200
        gateway.gateway.parts.ready.draining = True
        async with gateway.session.get(gateway.url + "/readyz") as response:
            assert (response.status, (await response.json())["code"]) == (503, 5000)


async def test_another_secret_does_not_open_the_database(mongod, tmp_path):
    loaded = load(None, tmp_path, os.environ, {"mongo.database": f"test_{os.urandom(8).hex()}"})
    plugins = load_plugins(loaded, os.environ)

    async def open_with(folder):
        folder.mkdir()
        async with open_gateway(loaded.settings, plugins, os.environ, load_secret("", folder), mongod.url, folder):
            pass

    await open_with(tmp_path / "one")
    with pytest.raises(UsageError, match="secret"):
        await open_with(tmp_path / "two")


async def test_a_second_start_of_the_same_database_has_no_welcome(mongod, tmp_path):
    loaded = load(None, tmp_path, os.environ, {"mongo.database": f"test_{os.urandom(8).hex()}"})
    plugins, secret = load_plugins(loaded, os.environ), load_secret("", tmp_path)
    welcomes = []
    for _ in range(2):
        async with open_gateway(loaded.settings, plugins, os.environ, secret, mongod.url, tmp_path) as gateway:
            welcomes.append(gateway.welcome is not None)
    assert welcomes == [True, False]
