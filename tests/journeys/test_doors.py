"""Paths and aliases, verbs, the list of models, request ids, browsers: every door of the API and who opens it."""

from __future__ import annotations

import re
from typing import Any

import orjson

from tests.journeys.raw import Raw
from tests.journeys.wire import check_envelope, events_of, joined, model, said, serving
from tests.running import CHAT, new_key
from tornadogw.testing import Answer, FakeUpstream

BASES = ("/xlei/v1", "/xlei/v1/v1", "/v1")
EXPOSED = {
    "x-request-id",
    "retry-after",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-gateway-attempts",
    "x-gateway-buffer",
    "x-gateway-dropped",
}
BAD_KEY = {"X-API-Key": "sk-nobody"}


async def call(gateway: Any, method: str, path: str, **headers: str) -> tuple[int, Any, Any]:
    """(status, headers, body) with the key unless there are headers."""
    headers = headers or {"X-API-Key": gateway.key}
    async with gateway.session.request(method, gateway.url + path, headers=headers) as response:
        raw = await response.read()
        return response.status, response.headers, await response.json() if raw else None


async def test_every_base_has_every_path(start):
    async with start() as gateway:
        for base in BASES:
            for door in ("/chat/completions", "/completions", "/completions/"):
                status, body = await gateway.ask({**CHAT, "stream": False}, base + door)
                assert (status, body["object"]) == (200, "chat.completion"), base + door
            status, _, body = await call(gateway, "GET", base + "/models")
            assert (status, body["object"], [each["id"] for each in body["data"]]) == (200, "list", ["auto", "echo"]), (
                base
            )
            for model in body["data"]:
                assert set(model) == {"id", "object", "created", "owned_by"}
                assert (model["object"], type(model["created"]), type(model["owned_by"])) == ("model", int, str)
                assert (await call(gateway, "GET", f"{base}/models/{model['id']}"))[2] == model


async def test_the_aliases_of_the_prefix_stream_by_default_and_v1_does_not(start):
    async with start() as gateway:
        for base, kind in zip(BASES, ("text/event-stream", "text/event-stream", "application/json"), strict=True):
            async with gateway.post(base + "/chat/completions") as response:
                assert response.content_type == kind, base


async def test_another_prefix_takes_the_place_of_the_first(start):
    async with start('[server]\nprefix = "/api/llm"') as gateway:
        for path, expected in [("/api/llm/models", 200), ("/api/llm/v1/models", 200), ("/v1/models", 200)]:
            assert (await call(gateway, "GET", path))[0] == expected, path
        status, _, body = await call(gateway, "GET", "/xlei/v1/models")
        assert status == 404
        check_envelope(body, 1002, "not_found")


async def test_the_key_comes_before_the_path_and_the_verb(start):
    async with start() as gateway:
        for base in BASES:
            for path in ("/nothing", "", "/chat", "/chat/completions/more", "/models/echo/x", "/embeddings", "/%00"):
                status, _, body = await call(gateway, "GET", base + path, **BAD_KEY)
                assert status == 401, base + path
                check_envelope(body, 2001, "invalid_api_key")
                status, _, body = await call(gateway, "GET", base + path)
                assert status in (404, 400), (base + path, body)
                if status == 404:
                    check_envelope(body, 1002, "not_found")
        for verb in ("PUT", "DELETE", "GET", "PATCH", "HEAD", "PROPFIND"):
            status, _, body = await call(gateway, verb, "/v1/chat/completions", **BAD_KEY)
            assert status == 401, verb
            status, headers, body = await call(gateway, verb, "/v1/chat/completions")
            assert (status, headers["Allow"]) == (405, "POST"), verb
            if verb != "HEAD":
                check_envelope(body, 1002, "method_not_allowed")
        status, headers, body = await call(gateway, "POST", "/v1/models")
        assert (status, headers["Allow"]) == (405, "GET")


async def test_outside_the_api_no_key_is_asked_for_and_programs_read_the_contract(start):
    async with start() as gateway:
        for path in ("/nothing", "/xlei", "/xlei/v1x/models", "/v2/models", "//", "/v1%2fmodels"):
            status, headers, body = await call(gateway, "GET", path, Accept="application/json")
            assert status == 404, path
            check_envelope(body, 1002, "not_found")
            assert "Access-Control-Allow-Origin" not in headers, path
        for path in ("/healthz", "/readyz"):
            status, headers, body = await call(gateway, "GET", path, Accept="*/*")
            assert (status, body["code"], body["message"]) == (200, 0, "ok"), path
            assert "Access-Control-Allow-Origin" not in headers, path
        status, headers, body = await call(gateway, "POST", "/healthz", Accept="*/*")
        assert (status, headers["Allow"]) == (405, "GET")


async def test_readiness_ends_when_the_process_is_about_to_stop(start):
    async with start() as gateway:
        gateway.gateway.parts.ready.draining = True
        status, headers, body = await call(gateway, "GET", "/readyz", Accept="*/*")
        assert (status, headers["Retry-After"]) == (503, "1")
        check_envelope(body, 5000)
        assert (await call(gateway, "GET", "/healthz", Accept="*/*"))[0] == 200


async def test_models_are_those_that_the_key_may_use(start):
    two = model("org/other", "u0", price="0", aliases='["o"]')
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url, model=two)) as gateway:
        for names, seen in [(["m"], ["auto", "m"]), (["o"], ["auto", "org/other"]), (["gone"], [])]:
            headers = {"X-API-Key": await new_key(gateway, models=names)}
            status, _, body = await call(gateway, "GET", "/v1/models", **headers)
            assert (status, [each["id"] for each in body["data"]]) == (200, seen), names
            status, _, body = await call(gateway, "GET", "/v1/models/org/other", **headers)
            assert status == (200 if "org/other" in seen else 400)
        for path in ("/v1/models/org/other", "/v1/models/org%2Fother"):
            assert (await call(gateway, "GET", path))[2]["id"] == "org/other"


async def test_an_error_of_any_handler_keeps_all_its_headers(start):
    async with start() as gateway:
        for path in ("/v1/models/unknown", "/v1/nothing"):
            status, headers, body = await call(gateway, "GET", path)
            assert status in (400, 404)
            check_envelope(body, 1003 if status == 400 else 1002)
            assert re.fullmatch("[0-9a-f]{24}", headers["X-Request-Id"]), path
            assert headers["x-ratelimit-limit-requests"] == "100", path
            assert headers["Access-Control-Allow-Origin"] == "*", path
            assert headers["Content-Type"] == "application/json; charset=utf-8", path


async def test_every_answer_carries_a_request_id(start):
    async with start() as gateway:
        for sent, kept in [
            ("my.id_1-A", True),
            ("x" * 64, True),
            ("x" * 65, False),
            ("a b", False),
            ("é", False),
            ("", False),
        ]:
            for path, key in [("/v1/chat/completions", gateway.key), ("/v1/chat/completions", "no"), ("/healthz", "")]:
                async with gateway.post(path, headers={"X-Request-Id": sent, "X-API-Key": key}) as response:
                    answered = response.headers["X-Request-Id"]
                    assert (answered == sent) is kept, (sent, path)
                    assert re.fullmatch("[A-Za-z0-9._-]{1,64}", answered)
                    await response.read()
        assert {each["r"] for each in await gateway.events()} >= {"my.id_1-A"}


async def test_two_calls_with_one_request_id_are_two_calls(start):
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url)) as gateway:
        for _ in range(3):
            assert (await gateway.ask(headers={"X-Request-Id": "again"}))[0] == 200
        assert [each["c"] for each in await gateway.events()] == [9, 9, 9]


async def test_a_preflight_needs_no_key_and_gets_what_it_asks_for(start):
    asked = "authorization,content-type,x-stainless-arch,x-stainless-retry-count,openai-organization"
    preflight = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": asked,
    }
    async with start() as gateway:
        for path in ("/v1/chat/completions", "/xlei/v1/completions", "/v1/models", "/v1/models/echo", "/v1/nothing"):
            status, headers, body = await call(gateway, "OPTIONS", path, **preflight)
            assert (status, body) == (204, None), path
            assert headers["Access-Control-Allow-Origin"] == "*", path
            assert headers["Access-Control-Allow-Headers"] == asked, path
            assert headers["Access-Control-Max-Age"] == "86400", path
            assert "x-ratelimit-limit-requests" not in headers, path
        _, headers, _ = await call(gateway, "OPTIONS", "/v1/chat/completions", **preflight)
        assert headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"


async def test_cors_stands_on_json_streams_and_errors(start):
    async with start() as gateway:
        origin = {"Origin": "https://app.example"}
        for body, headers, status in [
            ({**CHAT, "stream": False}, {}, 200),
            ({**CHAT, "stream": True}, {}, 200),
            ({}, {}, 400),
            (CHAT, BAD_KEY, 401),
            ({**CHAT, "model": "unknown"}, {}, 400),
        ]:
            async with gateway.post(body=body, headers={**origin, **headers}) as response:
                await response.read()
                assert response.status == status
                assert response.headers["Access-Control-Allow-Origin"] == "*"
                exposed = {each.strip() for each in response.headers["Access-Control-Expose-Headers"].split(",")}
                assert exposed == EXPOSED


async def test_only_the_allowed_origins(start):
    async with start('[server]\ncors_origins = ["https://app.example"]') as gateway:
        for origin, allowed in [("https://app.example", "https://app.example"), ("https://evil.example", None)]:
            for method in ("OPTIONS", "GET"):
                _, headers, _ = await call(gateway, method, "/v1/models", Origin=origin, **{"X-API-Key": gateway.key})
                assert headers.get("Access-Control-Allow-Origin") == allowed, (method, origin)
                assert headers["Vary"] == "Origin", "a cache must not give one origin's answer to another"


async def test_one_connection_serves_one_request_after_the_other(start):
    """Also after an error: what was refused has been read to its end."""
    async with start() as gateway, Raw(gateway) as client:
        for body, expected in [(b'{"messages": []}', 400), (orjson.dumps({**CHAT, "stream": False}), 200)] * 2:
            client.ask(body)
            assert (await client.answer())[0] == expected


async def test_a_client_of_http_1_0_gets_its_stream(start):
    async with start() as gateway, Raw(gateway) as client:
        client.ask(orjson.dumps({**CHAT, "stream": True}), first="POST /v1/chat/completions HTTP/1.0")
        head, _, body = (await client.reader.read()).partition(b"\r\n\r\n")
        assert b"chunked" not in head
        assert joined(events_of(body)) == "Hello there"


async def test_a_verb_that_names_something_inside_is_only_a_wrong_verb(start):
    async with start() as gateway:
        for verb in ("__CLASS__", "FINISH", "REFUSE", "get", "INITIALIZE", "CONNECT"):
            async with Raw(gateway) as client:
                client.head(first=f"{verb} /v1/models HTTP/1.1")
                assert (await client.answer())[0] == 405, verb
