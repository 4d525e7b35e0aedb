from __future__ import annotations

import pytest

PREFLIGHT = {"Origin": "https://app.example", "Access-Control-Request-Headers": "authorization,x-stainless-os"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/xlei/v1/models", "/xlei/v1/v1/completions", "/v1/unknown"])
async def test_a_preflight_needs_no_key(start, path):
    async with start() as gateway, gateway.session.options(gateway.url + path, headers=PREFLIGHT) as got:
        assert got.status == 204
        assert got.headers["Access-Control-Allow-Headers"] == PREFLIGHT["Access-Control-Request-Headers"]
        assert got.headers["Access-Control-Allow-Origin"] == "*"


async def test_configured_origins_are_echoed_and_others_are_not(start):
    async with start('[server]\ncors_origins = ["https://app.example"]\n') as gateway:
        for origin, allowed in (("https://app.example", "https://app.example"), ("https://evil.example", None)):
            async with gateway.session.get(gateway.url + "/v1/models", headers={"Origin": origin}) as got:
                assert got.headers.get("Access-Control-Allow-Origin") == allowed


async def test_the_key_comes_before_the_path_and_the_verb(start):
    async with start() as gateway:
        for path, verb in (("/v1/nothing", "GET"), ("/v1/models", "DELETE"), ("/xlei/v1", "POST")):
            async with gateway.session.request(verb, gateway.url + path, headers={"X-API-Key": "sk-no"}) as got:
                assert (got.status, (await got.json())["code"]) == (401, 2001)
        good = {"X-API-Key": gateway.key}
        async with gateway.session.get(gateway.url + "/v1/nothing", headers=good) as got:
            assert (got.status, (await got.json())["code"]) == (404, 1002)
        async with gateway.session.delete(gateway.url + "/v1/models", headers=good) as got:
            assert (got.status, got.headers["Allow"]) == (405, "GET")


async def test_windows_count_down_and_refuse_with_true_headers(start):
    async with start("[limits]\nkey_per_minute = 3\nip_per_minute = 5\n") as gateway:
        url, good = gateway.url + "/v1/models", {"X-API-Key": gateway.key}
        left = []
        for _ in range(3):
            async with gateway.session.get(url, headers=good) as got:
                left.append(got.headers["x-ratelimit-remaining-requests"])
        assert left == ["2", "1", "0"]
        async with gateway.session.get(url, headers=good) as got:
            assert (got.status, (await got.json())["code"]) == (429, 2004)
            assert 1 <= int(got.headers["Retry-After"]) <= 60
            assert got.headers["x-ratelimit-limit-requests"] == "3"
        async with gateway.session.get(url) as got:  # the fifth from this address
            assert (got.status, got.headers["x-ratelimit-limit-requests"]) == (401, "5")
        async with gateway.session.get(url) as got:
            assert (got.status, (await got.json())["code"]) == (429, 2004)


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER  {}"])
async def test_bearer_is_as_good(start, header):
    async with start() as gateway:
        headers = {"Authorization": header.format(gateway.key)}
        async with gateway.session.get(gateway.url + "/v1/models", headers=headers) as got:
            assert got.status == 200


async def test_x_api_key_comes_first(start):
    async with start() as gateway:
        headers = {"Authorization": f"Bearer {gateway.key}", "X-API-Key": "sk-bad"}
        async with gateway.session.get(gateway.url + "/v1/models", headers=headers) as got:
            assert got.status == 401
