from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.running import chat_settings, new_key

MORE = """
[[models]]
name = "org/big"
price = { input = "1", output = "1" }
routes = [{ upstream = "up", model = "big" }]
"""


async def listed(gateway, path="/v1/models", key=None):
    async with gateway.session.get(gateway.url + path, headers={"X-API-Key": key or gateway.key}) as got:
        return got.status, await got.json()


async def test_the_list_has_openais_shape_and_auto(start):
    async with start(chat_settings("http://127.0.0.1:1", extra=MORE)) as gateway:
        status, body = await listed(gateway)
        assert (status, body["object"], [model["id"] for model in body["data"]]) == (
            200,
            "list",
            ["auto", "m", "org/big"],
        )
        for model in body["data"]:
            assert set(model) == {"id", "object", "created", "owned_by"}
            assert model["object"] == "model"


@pytest.mark.parametrize("name", ["auto", "m", "org/big"])
async def test_one_model_by_its_name(start, name):
    async with start(chat_settings("http://127.0.0.1:1", extra=MORE)) as gateway:
        for written in {name, quote(name), quote(name, safe="")}:
            status, body = await listed(gateway, f"/xlei/v1/models/{written}")
            assert (status, body["id"]) == (200, name)


async def test_a_key_sees_only_what_it_may_use(start):
    async with start(chat_settings("http://127.0.0.1:1", extra=MORE)) as gateway:
        key = await new_key(gateway, models=["m"])
        assert [model["id"] for model in (await listed(gateway, key=key))[1]["data"]] == ["auto", "m"]
        status, body = await listed(gateway, "/v1/models/org%2Fbig", key)
        assert (status, body["code"]) == (400, 1003)
