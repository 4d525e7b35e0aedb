"""Who may ask, and what is refused before an operation is asked."""

from __future__ import annotations

from unittest.mock import patch

from tests.handlers.admin.program import Program, made
from tornadogw.accounts.admin_tokens import PREFIX
from tornadogw.handlers.admin.base import MOST_BYTES
from tornadogw.store.ports import StoreUnavailable

OLGA = "olga@example.com"


async def test_only_a_good_token_with_the_scope_is_let_in(start) -> None:
    async with start() as gateway:
        program, office = await made(gateway, "plans:read"), gateway.gateway.parts.office
        assert await program.do("GET", "plans") == []
        assert program.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in program.headers
        assert "Set-Cookie" not in program.headers
        assert "it takes plans:write" in await program.refused(403, "forbidden", "POST", "plans", {})
        assert "it takes tokens:read" in await program.refused(403, "forbidden", "GET", "tokens")
        for headers in ({"Authorization": ""}, {"Authorization": f"Basic {program.token}"}, {"X-API-Key": "x"}):
            other = Program(gateway, "")
            await other.refused(401, "invalid_token", "GET", "plans", headers=headers)
            assert other.headers["WWW-Authenticate"] == "Bearer"
        for token in (gateway.key, f"{PREFIX}{'x' * 43}", "é"):
            await Program(gateway, token).refused(401, "invalid_token", "GET", "plans")
        status, body = await program.ask("GET", "plans", headers={"Authorization": "", "Accept-Language": "zh"})
        assert (status, body["message"]) == (401, "管理令牌无效")
        async with gateway.session.get(f"{gateway.url}/v1/models", headers={"X-API-Key": program.token}) as got:
            assert got.status == 401, "an admin token is no key"

        await office.accounts.create(OLGA, role="operator")
        hers = await made(gateway, "plans:write", email=OLGA, expires="1h")
        await hers.do("POST", "plans", {"name": "basic", "daily": 1})
        await office.accounts.set_role(OLGA, "reader")
        await hers.refused(403, "forbidden", "POST", "plans", {"name": "more", "daily": 1})
        await office.accounts.set_role(OLGA, "operator")
        await office.accounts.disable(OLGA)
        await hers.refused(401, "invalid_token", "POST", "plans", {"name": "more", "daily": 1})
        await office.accounts.enable(OLGA)
        await gateway.mongo.database.admin_tokens.update_many({"e": {"$ne": None}}, [{"$set": {"e": "$$NOW"}}])
        await hers.refused(401, "invalid_token", "GET", "plans")


async def test_what_is_refused_of_a_request(start) -> None:
    async with start() as gateway:
        program = await made(gateway)
        await program.refused(404, "not_found", "GET", "nothing")
        await program.refused(404, "not_found", "GET", "accounts/x/y/z")
        await program.refused(405, "method_not_allowed", "PUT", "plans")
        assert program.headers["Allow"] == "GET, POST"
        await program.refused(405, "method_not_allowed", "OPTIONS", "plans")
        good = {"name": "basic", "daily": 1}
        for body, status, slug, words in (
            (b"{", 400, "invalid_request", "is not JSON"),
            (b'{"name": "\xff", "daily": 1}', 400, "invalid_request", "is not JSON"),
            (b"[" * 200_000, 422, "unprocessable", "Expected `object`"),
            ({**good, "dayly": 2}, 422, "unprocessable", "unknown field `dayly`"),
            ({"name": "basic"}, 422, "unprocessable", "missing required field `daily`"),
            ({**good, "daily": "1"}, 422, "unprocessable", "Expected `int`"),
            ({**good, "daily": 0}, 422, "unprocessable", ">= 1"),
            ({**good, "daily": 10**30}, 422, "unprocessable", "`int`"),
            ({**good, "name": "a b"}, 422, "unprocessable", "is no name for a plan"),
            (b" " * (MOST_BYTES + 1), 413, "request_too_large", "the limit is"),
        ):
            assert words in await program.refused(status, slug, "POST", "plans", body), body
        status, body = await program.ask("POST", "plans", {**good, "daily": "1"})
        assert body["error"]["param"] == "daily"
        account = (await program.office.accounts.list())[0]
        for method, path, given, param in (
            ("PATCH", f"accounts/{account.id}", {"time_zone": "Mars/Olympus"}, "time_zone"),
            ("POST", f"accounts/{account.id}/subscriptions", {"plan": "gone"}, "plan"),
            ("GET", "plans/gone", None, "name"),
        ):
            status, body = await program.ask(method, path, given)
            assert (status in (404, 422), body["error"]["param"]) == (True, param), body
        for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
            await program.refused(415, "unsupported_media_type", "POST", "plans", good, headers=headers)
        for query, param in (
            ("limit=0", "limit"),
            ("limit=x", "limit"),
            ("cursor=null", "cursor"),
            ("since=nan", "since"),
            ("at=%ff", "at"),
        ):
            status, body = await program.ask("GET", f"audit?{query}")
            assert (status, body["error"]["param"]) == (422, param), body
        assert "unknown field `x`" in await program.refused(422, "unprocessable", "GET", "audit?x=1")
        assert await program.do("GET", "plans") == []


async def test_wrong_tokens_of_an_address_are_stopped_but_no_right_one(start) -> None:
    async with start() as gateway:
        right, wrong = await made(gateway, "plans:read"), Program(gateway, f"{PREFIX}{'x' * 43}")
        seen = [(await wrong.ask("GET", "plans"))[0] for _ in range(31)]
        assert seen == [401] * 30 + [429]
        assert int(wrong.headers["Retry-After"]) > 0
        assert await right.do("GET", "plans") == []


async def test_requests_of_an_address_are_limited(start) -> None:
    async with start("[limits]\nip_per_minute = 5") as gateway:
        program = await made(gateway, "plans:read")
        seen = [(await program.ask("GET", "plans"))[0] for _ in range(6)]
        assert seen == [200] * 5 + [429]


async def test_a_database_that_is_away_is_said(start) -> None:
    async with start() as gateway:
        program = await made(gateway)
        with patch("tornadogw.store.mongo_admin_tokens.MongoAdminTokens.find", side_effect=StoreUnavailable):
            await program.refused(503, "temporarily_unavailable", "GET", "plans")
            assert program.headers["Retry-After"] == "1"
        with patch("tornadogw.store.mongo_plans.MongoPlans.all", side_effect=StoreUnavailable):
            await program.refused(503, "temporarily_unavailable", "GET", "plans")
