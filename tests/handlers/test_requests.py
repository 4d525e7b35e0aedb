from __future__ import annotations

import pytest

from tests.journeys.wire import check_envelope
from tests.running import CHAT, chat_settings, new_key
from tornadogw.store.mongo_decisions import MongoDecisions
from tornadogw.store.ports import StoreUnavailable


async def asked(gateway, wanted, key=None):
    async with gateway.session.get(
        f"{gateway.url}/v1/requests/{wanted}", headers={"X-API-Key": key or gateway.key}
    ) as got:
        return got.status, got.headers, await got.json()


async def unknown_model(gateway, name, key=None):
    headers = {"X-Request-Id": name} | ({"X-API-Key": key} if key else {})
    assert (await gateway.ask({**CHAT, "model": "no"}, headers=headers))[0] == 400
    await gateway.gateway.parts.gate.decided.decisions.rest()


@pytest.mark.parametrize("wanted", ["nobodys", "", "a%2Fb", "x" * 65, "a/b", "$ne"])
async def test_an_id_that_nobody_knows(start, wanted):
    async with start(chat_settings("http://127.0.0.1:1")) as gateway:
        status, _, body = await asked(gateway, wanted)
        assert status == 404
        check_envelope(body, 1002, "not_found")


async def test_a_stranger_reads_what_nobody_knows(start):
    async with start(chat_settings("http://127.0.0.1:1")) as gateway:
        await gateway.accounts.create("b@example.com")
        stranger = await new_key(gateway, "b@example.com")
        await unknown_model(gateway, "mine")
        status, _, body = await asked(gateway, "mine")
        assert (status, body["code"], body["message"], body["data"]["code"]) == (200, 0, "ok", 1003)
        foreign, nobodys = await asked(gateway, "mine", stranger), await asked(gateway, "none", stranger)
        assert foreign[0] == nobodys[0] == 404
        assert foreign[2]["message"].replace("mine", "none") == nobodys[2]["message"]
        await unknown_model(gateway, "mine", stranger)
        assert (await asked(gateway, "mine", stranger))[2]["data"]["key_id"] != body["data"]["key_id"]
        assert (await asked(gateway, "mine"))[2]["data"]["key_id"] == body["data"]["key_id"]


async def test_the_database_is_away(start, monkeypatch):
    async with start(chat_settings("http://127.0.0.1:1")) as gateway:

        async def away(self, *_):
            raise StoreUnavailable

        monkeypatch.setattr(MongoDecisions, "find", away)
        status, headers, body = await asked(gateway, "mine")
        assert (status, headers["Retry-After"]) == (503, "1")
        check_envelope(body, 5000)


async def test_off_keeps_nothing(start):
    settings = '[explain]\ndays = 0\nlog = "%s"\n' + chat_settings("http://127.0.0.1:1")
    async with start(settings % "none") as gateway:
        assert gateway.gateway.parts.gate.decided is None
    async with start(settings % "all") as gateway:
        await gateway.ask({**CHAT, "model": "no"}, headers={"X-Request-Id": "mine"})
        assert (await asked(gateway, "mine"))[0] == 404
