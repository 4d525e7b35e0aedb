"""Who may call: keys in their headers, revoked, expired, bound to models and addresses; all alike from outside."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from tests.awake import within
from tests.journeys.wire import check_envelope, events_of, eventually, hot, said, serving
from tests.running import CHAT, OWNER, new_key
from tornadogw.accounts.keys import Keys
from tornadogw.auth import new_key as key_text
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.testing import Answer, FakeUpstream

AT_MOST = 2.0
"""Seconds that a change may take to be true everywhere. A key that nobody tells of is believed for 30."""


def keys_of(gateway) -> Keys:
    secret = gateway.gateway.parts.auth._hasher._secret
    return Keys(MongoKeys(gateway.mongo), MongoAccounts(gateway.mongo), secret)


async def ask_with(gateway, headers) -> tuple[int, dict]:
    async with gateway.session.post(gateway.url + "/v1/chat/completions", json=CHAT, headers=headers) as response:
        return response.status, await response.json()


async def test_where_the_key_stands(start):
    async with start() as gateway:
        good, bad = gateway.key, key_text()
        for headers, expected in [
            ({"X-API-Key": good}, 200),
            ({"x-api-key": good}, 200),
            ({"Authorization": f"Bearer {good}"}, 200),
            ({"Authorization": f"bearer {good}"}, 200),
            ({"X-API-Key": good, "Authorization": f"Bearer {bad}"}, 200),
            ({"X-API-Key": bad, "Authorization": f"Bearer {good}"}, 401),
            ({"X-API-Key": "", "Authorization": f"Bearer {good}"}, 200),
            ({"Authorization": good}, 401),
            ({"Authorization": f"Basic {good}"}, 401),
            ({"Authorization": "Bearer"}, 401),
            ({"Authorization": ""}, 401),
            ({"api-key": good}, 401),
            ({"X-Goog-Api-Key": good}, 401),
            ({"Cookie": f"key={good}"}, 401),
            ({}, 401),
            ({"X-API-Key": f"Bearer {good}"}, 401),
            ({"X-API-Key": good[:-1]}, 401),
            ({"X-API-Key": good + "x"}, 401),
            ({"X-API-Key": "sk-" + "x" * 5000}, 401),
            ({"X-API-Key": "sk-钥匙".encode().decode("latin-1")}, 401),
        ]:
            status, body = await ask_with(gateway, headers)
            assert status == expected, headers
            if expected == 401:
                assert check_envelope(body, 2001, "invalid_api_key") == "API Key无效或已禁用", headers


async def test_all_reasons_look_alike(start):
    async with start() as gateway:
        keys = keys_of(gateway)
        expired = await keys.create(OWNER, expires="1m")
        past = datetime.fromtimestamp(time.time() - 10, UTC)
        await gateway.mongo.database.keys.update_one({"_id": expired.key.id}, {"$set": {"exp": past}})
        elsewhere = await keys.create(OWNER, ips=["192.0.2.0/24"])
        disabled = await keys.create(OWNER)
        await keys.disable(OWNER, disabled.key.id)
        await gateway.accounts.create("gone@example.com")
        orphan = await keys.create("gone@example.com")
        await gateway.accounts.disable("gone@example.com")
        told = []
        for text in (expired.text, elsewhere.text, disabled.text, orphan.text, key_text(), "nonsense", ""):
            status, body = await ask_with(gateway, {"X-API-Key": text})
            assert status == 401
            told.append(body)
        assert all(body == told[0] for body in told)
        here = await keys.create(OWNER, ips=["127.0.0.0/8"])
        assert (await ask_with(gateway, {"X-API-Key": here.text}))[0] == 200


async def test_a_revoked_key_stops_working_at_once_and_a_stream_under_way_goes_on(start):
    gate = asyncio.Event()
    answer = Answer(body=[said("one")[:-40], gate, said("one")[-40:]])
    async with FakeUpstream(answer) as upstream, start(serving(upstream.url)) as gateway:
        key = await keys_of(gateway).create(OWNER)
        headers = {"X-API-Key": key.text}
        async with gateway.post(body={**CHAT, "model": "m", "stream": True}, headers=headers) as running:
            for change, expected in [("disable", 401), ("enable", 200), ("disable", 401)]:
                await getattr(keys_of(gateway), change)(OWNER, key.key.id)
                async with within(AT_MOST, gateway.mongo):
                    await eventually(lambda expected=expected: _models(gateway, key.text, expected))
            gate.set()
            assert events_of(await running.read())[-1] == "[DONE]"


async def test_a_rotated_key_and_a_disabled_account(start):
    async with start() as gateway:
        keys = keys_of(gateway)
        await gateway.accounts.create("user@example.com")
        key = await keys.create("user@example.com")
        assert await _models(gateway, key.text, 200)
        fresh = await keys.rotate("user@example.com", key.key.id)
        async with within(AT_MOST, gateway.mongo):
            await eventually(lambda: _models(gateway, key.text, 401))
        assert await _models(gateway, fresh.text, 200)
        await gateway.accounts.disable("user@example.com")
        async with within(AT_MOST, gateway.mongo):
            await eventually(lambda: _models(gateway, fresh.text, 401))


async def _models(gateway, key: str, status: int) -> bool:
    async with gateway.session.get(gateway.url + "/v1/models", headers={"X-API-Key": key}) as response:
        await response.read()
        return bool(response.status == status)


@pytest.mark.parametrize("names", [["m"], ["alias"]])
async def test_a_key_for_some_models(start, names):
    other = (
        '[[models]]\nname = "other"\nprice = { input = "1", output = "1" }\nroutes = [{ upstream = "u0", model = "x" }]'
    )
    async with (
        FakeUpstream(Answer(body=said("hi"))) as upstream,
        start(serving(upstream.url, model='aliases = ["alias"]\n' + other)) as gateway,
    ):
        headers = {"X-API-Key": await new_key(gateway, models=names)}
        for model, expected in [("m", 200), ("alias", 200), ("auto", 200), ("other", 400), ("nothing", 400)]:
            status, body = await gateway.ask({**CHAT, "model": model}, headers=headers)
            assert status == expected, (model, body)
            if status == 400:
                assert model in check_envelope(body, 1003)
        assert [request.json()["model"] for request in upstream.requests] == ["m-up"] * 3


async def test_a_hot_key_costs_no_database_read(start, monkeypatch):
    async with start() as gateway:
        await hot(gateway)
        monkeypatch.setattr(gateway.gateway.parts.auth, "_fresh", lambda: True)  # however slow the machine is

        async def read(*_: object) -> None:
            raise AssertionError("the database was asked")

        monkeypatch.setattr(MongoKeys, "find", read)
        for _ in range(5):
            assert await _models(gateway, gateway.key, 200)
        assert await _models(gateway, "sk-" + "x" * 46, 401), "garbage costs no read either"


async def test_no_key_ever_stands_in_a_log_or_an_answer(start, caplog):
    caplog.set_level("DEBUG")
    async with FakeUpstream(Answer(status=500)) as upstream, start(serving(upstream.url)) as gateway:
        async with gateway.post(body={**CHAT, "model": "m"}) as response:
            assert gateway.key not in str(response.headers) + await response.text()
        ours = [record.getMessage() for record in caplog.records if record.name.startswith("tornado")]
        assert not [line for line in ours if gateway.key in line or "sk-up" in line]
