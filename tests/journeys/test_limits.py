"""Requests per minute, key and address: never more than the limit, and every answer says how many are left."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from functools import partial

from tests.journeys.wire import check_envelope, eventually
from tests.running import new_key
from tornadogw.limits.limiter import Limiter
from tornadogw.store.mongo_limits import MongoLimits

SECONDS = re.compile(r"(?:(\d+)m)?(\d+)s")


async def models(gateway, key: str = "", **headers: str):
    """(status, headers, body) of the cheapest request."""
    headers = {"X-API-Key": key or gateway.key, **headers}
    async with gateway.session.get(gateway.url + "/v1/models", headers=headers) as response:
        return response.status, response.headers, await response.json()


async def test_a_hundred_a_minute_and_key_five_hundred_and_address(start):
    """The defaults, counted through the API: six keys and as many requests as each may make."""
    async with start() as gateway:
        keys = [gateway.key] + [await new_key(gateway) for _ in range(5)]
        for key in keys[:4]:
            found = Counter([(await models(gateway, key))[0] for _ in range(101)])
            assert found == {200: 100, 429: 1}
        left = [await models(gateway, keys[4]) for _ in range(96)]
        assert [status for status, _, _ in left] == [200] * 96, (
            "a request that its key's limit refused counts for the address"
        )
        status, headers, body = await models(gateway, keys[5])
        assert status == 429
        check_envelope(body, 2004, "rate_limit_exceeded")
        assert headers["x-ratelimit-limit-requests"] == "500", "the address's window"
        assert (headers["x-ratelimit-remaining-requests"], 1 <= int(headers["Retry-After"]) <= 60) == ("0", True)


async def test_parallel_requests_are_counted_exactly(start):
    async with start("[limits]\nkey_per_minute = 10") as gateway:
        found = Counter(status for status, _, _ in await asyncio.gather(*(models(gateway) for _ in range(40))))
        assert found == {200: 10, 429: 30}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_headers_count_down_and_retry_after_is_true(start, monkeypatch):
    """By a clock of the test's own: the promise can be waited out, and no minute ends early."""
    clock = Clock()
    monkeypatch.setattr("tornadogw.gateway.Limiter", partial(Limiter, clock=clock))
    async with start("[limits]\nkey_per_minute = 3") as gateway:
        left = []
        for _ in range(3):
            status, headers, _ = await models(gateway)
            assert (status, headers["x-ratelimit-limit-requests"]) == (200, "3")
            assert SECONDS.fullmatch(headers["x-ratelimit-reset-requests"])
            left.append(headers["x-ratelimit-remaining-requests"])
            clock.now += 10
        assert left == ["2", "1", "0"]
        status, headers, body = await models(gateway)
        assert status == 429
        check_envelope(body, 2004)
        wait = int(headers["Retry-After"])
        assert wait == 30
        assert headers["x-ratelimit-remaining-requests"] == "0"
        clock.now += wait - 1
        assert (await models(gateway))[0] == 429
        clock.now += 1
        assert (await models(gateway))[0] == 200, "true means: not refused again after that wait"
        assert (await models(gateway))[0] == 429


async def test_with_others_on_the_same_database_the_headers_are_as_true(start, monkeypatch):
    """A second process that has registered and asks for half of it: what it took is missing here at once."""

    def limiter(limits, store, _):
        return Limiter(limits, store, lambda: 2, deadline=15.0)

    monkeypatch.setattr("tornadogw.gateway.Limiter", limiter)
    async with start("[limits]\nkey_per_minute = 20") as gateway:
        store = MongoLimits(gateway.mongo)
        await store.share("processes", "other", 1, 1, 9, 60.0, 15.0)
        key_id = (await gateway.mongo.database["keys"].find_one({}))["_id"]
        began = time.monotonic()
        took = await store.take(f"k:{key_id}", 20, 10, (), 60.0, 15.0)
        assert took.granted == 10
        await eventually(lambda: gateway.gateway.parts.limiter.settled)
        asked = time.monotonic()
        found = [await models(gateway) for _ in range(12)]
        now = time.monotonic()
        assert [status for status, _, _ in found] == [200] * 10 + [429] * 2
        assert [int(each["x-ratelimit-remaining-requests"]) for _, each, _ in found] == [*range(9, -1, -1), 0, 0]
        _, headers, body = found[-1]
        check_envelope(body, 2004)
        assert headers["x-ratelimit-limit-requests"] == "20"
        assert 59 - (now - began) <= int(headers["Retry-After"]) <= 61
        minutes, seconds = SECONDS.fullmatch(headers["x-ratelimit-reset-requests"]).groups()
        assert 59 - (now - asked) <= 60 * int(minutes or 0) + int(seconds) <= 61


async def test_every_answer_of_the_api_says_what_is_left(start):
    async with start("[limits]\nip_per_minute = 50\nkey_per_minute = 40") as gateway:
        for body, key, expected in [
            ({}, gateway.key, "40"),
            ({"prompt": "x", "stream": True}, gateway.key, "40"),
            ({}, "no", "50"),
        ]:
            async with gateway.post(body=body, headers={"X-API-Key": key}) as response:
                await response.read()
                assert response.headers["x-ratelimit-limit-requests"] == expected
        _, headers, _ = await models(gateway, "no")
        assert headers["x-ratelimit-remaining-requests"] == "46"


async def test_a_key_can_have_a_limit_of_its_own(start):
    async with start("[limits]\nkey_per_minute = 2") as gateway:
        wide, narrow = await new_key(gateway, rpm=5), await new_key(gateway, rpm=1)
        for key, limit in [(gateway.key, 2), (wide, 5), (narrow, 1)]:
            found = [await models(gateway, key) for _ in range(limit + 1)]
            assert [status for status, _, _ in found] == [200] * limit + [429]
            assert {headers["x-ratelimit-limit-requests"] for _, headers, _ in found} == {str(limit)}


async def test_a_preflight_and_the_health_pages_do_not_count(start):
    async with start("[limits]\nip_per_minute = 1") as gateway:
        for _ in range(3):
            for method, path in [("OPTIONS", "/v1/models"), ("GET", "/healthz"), ("GET", "/readyz")]:
                async with gateway.session.request(method, gateway.url + path) as response:
                    assert response.status in (200, 204)
        assert (await models(gateway))[0] == 200
        assert (await models(gateway))[0] == 429


async def test_who_the_address_is_behind_a_trusted_proxy(start):
    top = '[server]\ntrusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]\n[limits]\nip_per_minute = 1'
    async with start(top) as gateway:
        first = [
            "203.0.113.7",
            "198.51.100.1, 203.0.113.8",
            "203.0.113.9, 10.1.2.3",
            "203.0.113.1, not an address, 203.0.113.10",
            "2001:db8:1:2:3:4:5:6",
            "",
        ]
        again = [
            "1.2.3.4, 203.0.113.7",
            "203.0.113.8",
            "::ffff:203.0.113.9",
            "8.8.8.8, 203.0.113.10",
            "2001:db8:1:2:ffff::1",
            "10.9.9.9",
        ]
        for forwarded in first:
            assert (await models(gateway, **{"X-Forwarded-For": forwarded}))[0] == 200, forwarded
        for forwarded in again[:5]:
            assert (await models(gateway, **{"X-Forwarded-For": forwarded}))[0] == 429, forwarded
        for name in ("X-Real-IP", "Forwarded", "CF-Connecting-IP", "X-Client-IP", "True-Client-IP"):
            assert (await models(gateway, **{name: "203.0.113.77"}))[0] == 429, name
    async with start("[limits]\nip_per_minute = 1") as gateway:
        for number, expected in enumerate([200, 429, 429]):
            assert (await models(gateway, **{"X-Forwarded-For": f"203.0.113.{number}"}))[0] == expected


async def test_an_allowed_address_is_the_real_one(start):
    async with start('[server]\ntrusted_proxies = ["127.0.0.1"]') as gateway:
        key = await new_key(gateway, ips=["203.0.113.0/24", "2001:db8::/32"])
        for forwarded, expected in [
            ("203.0.113.5", 200),
            ("203.0.114.5", 401),
            ("203.0.113.5, 8.8.8.8", 401),
            ("2001:db8::1", 200),
            ("::ffff:203.0.113.5", 200),
            ("", 401),
        ]:
            assert (await models(gateway, key, **{"X-Forwarded-For": forwarded}))[0] == expected, forwarded
