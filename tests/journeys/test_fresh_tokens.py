"""A vendor whose tokens expire, through the whole gateway: bought once, kept, bought anew, shown to nobody."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.journeys.google import SPOKEN, google, settings, sse
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

__all__ = ["google"]

pytestmark = pytest.mark.usefixtures("google")
JSON = {"Content-Type": "application/json"}


def key_file(url):
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "gateway@p.iam.gserviceaccount.com",
            "private_key": pem.decode(),
            "token_uri": f"{url}/token",
        }
    )


def bought(name):
    body = json.dumps({"access_token": f"bought-{name}", "expires_in": 3599}).encode()
    return Answer(body=body, headers=JSON)


UNAUTHORIZED = Answer(
    status=401,
    body=b'{"error":{"code":401,"message":"Request had invalid credentials bought-first","status":"UNAUTHENTICATED"}}',
    headers=JSON,
)


def sent(upstream):
    """What came: the path where a token was asked for, else what the call carried."""
    return [request.headers.get("authorization", request.path) for request in upstream.requests]


async def test_a_service_account_buys_one_token_for_all_calls(start):
    async with FakeUpstream(bought("first"), sse(SPOKEN)) as upstream:
        async with start(settings(upstream.url, vendor="vertex", key=key_file(upstream.url))) as gateway:
            for _ in range(2):
                status, answer = await gateway.ask({**CHAT, "model": "m"})
                assert (status, answer["choices"][0]["message"]["content"]) == (200, "Rain.")
        assert sent(upstream) == ["/token", "Bearer bought-first", "Bearer bought-first"]
        assert upstream.requests[1].path == (
            "/v1beta1/projects/p/locations/europe-west4/publishers/google/models/gemini-3-flash-preview"
            ":streamGenerateContent?alt=sse"
        )


async def test_an_expired_token_is_bought_anew_once(start):
    async with FakeUpstream(bought("first"), UNAUTHORIZED, bought("second"), sse(SPOKEN)) as upstream:
        gateway = start(settings(upstream.url, vendor="vertex", key=key_file(upstream.url)))
        async with gateway as running, running.post(body={**CHAT, "model": "m"}) as response:
            assert (response.status, response.headers["X-Gateway-Attempts"]) == (200, "2")
            await response.read()
        assert sent(upstream) == ["/token", "Bearer bought-first", "/token", "Bearer bought-second"]


async def test_a_credential_that_buys_nothing_is_left_alone(start, caplog, claim_log):
    claim_log("tornadogw.health", "is disabled")
    refused = Answer(status=400, body=b'{"error":"invalid_grant","error_description":"account deleted"}', headers=JSON)
    async with FakeUpstream(refused) as upstream:
        secret = key_file(upstream.url)
        async with start(settings(upstream.url, vendor="vertex", key=secret)) as gateway:
            for _ in range(2):
                status, answer = await gateway.ask({**CHAT, "model": "m"})
                assert (status, answer["code"]) == (503, 4001)
        assert sent(upstream) == ["/token"]
        assert "PRIVATE KEY" not in caplog.text + json.dumps(answer)


async def test_a_message_that_quotes_the_token_is_masked(start):
    quoting = b'{"error":{"code":400,"message":"strange: bought-first","status":"INVALID_ARGUMENT"}}'
    async with FakeUpstream(bought("first"), Answer(status=400, body=quoting, headers=JSON)) as upstream:
        async with start(settings(upstream.url, vendor="vertex", key=key_file(upstream.url))) as gateway:
            status, answer = await gateway.ask({**CHAT, "model": "m"})
        assert (status, answer["code"]) == (400, 1002)
        assert "strange" in answer["message"]
        assert "bought-" not in answer["message"]


async def test_a_token_that_is_refused_twice_disables_the_key_and_is_shown_to_nobody(start, caplog, claim_log):
    claim_log("tornadogw.health", "is disabled")
    caplog.set_level("INFO")
    async with FakeUpstream(bought("first"), UNAUTHORIZED, bought("second"), UNAUTHORIZED) as upstream:
        async with start(settings(upstream.url, vendor="vertex", key=key_file(upstream.url))) as gateway:
            for _ in range(2):
                status, answer = await gateway.ask({**CHAT, "model": "m"})
                assert (status, answer["code"]) == (503, 4001)
        assert len(upstream.requests) == 4
        assert "bought-" not in json.dumps(answer)
        assert "disable UNAUTHENTICATED" in caplog.text
        assert "bought-" not in caplog.text
