from __future__ import annotations


async def test_alive_needs_no_key(start):
    async with start() as gateway, gateway.session.get(gateway.url + "/healthz") as got:
        assert (got.status, await got.json()) == (200, {"code": 0, "message": "ok", "data": {"alive": True}})


async def test_a_path_outside_the_api_is_404_without_cors(start):
    async with start() as gateway, gateway.session.post(gateway.url + "/nowhere", data=b"{}") as got:
        assert (got.status, (await got.json())["code"]) == (404, 1002)
        assert "Access-Control-Allow-Origin" not in got.headers


async def test_a_wrong_verb_says_which_is_right(start):
    async with start() as gateway, gateway.session.post(gateway.url + "/healthz") as got:
        assert (got.status, got.headers["Allow"], (await got.json())["code"]) == (405, "GET", 1002)
