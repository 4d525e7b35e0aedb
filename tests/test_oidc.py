"""The protocol, against a real provider on loopback."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.oidc_provider import CLIENT, SECRET, OidcProvider, jwk, oidc_provider, signed
from tornadogw.errors import UsageError
from tornadogw.id_tokens import SigningKeys
from tornadogw.oidc import KEPT, MOST, Journey, NoSignIn, Provider, checked, provider
from tornadogw.settings.tables import Oidc, Server, Settings
from tornadogw.store.ports_people import Identity
from tornadogw.transport import Transport

NOW = 1_790_000_000.0
TABLE = Oidc(issuer="https://login.example", client_id=CLIENT)
RIGHT = {"iss": TABLE.issuer, "aud": CLIENT, "sub": "s", "nonce": "n", "iat": NOW, "exp": NOW + 60}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def asking(there: OidcProvider, *, clock: Any = time.monotonic, **options: Any) -> AsyncIterator[Provider]:
    """A client of that provider."""
    deadline = options.pop("deadline", 30.0)
    table = Oidc(**{"issuer": there.url, "client_id": CLIENT, "client_secret": SECRET, **options})
    transport = Transport()
    await transport.open()
    try:
        yield Provider(table, "http://gw.test/", transport, SigningKeys, clock=clock, deadline=deadline)
    finally:
        await transport.close()


async def walk(there: OidcProvider, client: Provider, journey: Journey | None = None, **more: str) -> Identity:
    """The whole way; `more` is in the answer beside or instead of what is right."""
    journey = journey or Journey.new()
    back = there.consent(await client.begin(journey), **more)
    return await client.finish(journey, dict(parse_qsl(urlsplit(back).query)))


async def test_there_and_back_with_documents_that_are_kept_for_an_hour():
    clock = Clock()
    async with oidc_provider() as there, asking(there, clock=clock) as client:
        found = await asyncio.gather(*(walk(there, client) for _ in range(3)))
        assert found == [Identity(there.url, "s-1", "Ann@example.com", verified=True)] * 3
        documents = ["/.well-known/openid-configuration", "/jwks"]
        assert sorted(there.asked) == [documents[0], documents[1], *["/token"] * 3]
        clock.now = KEPT
        await walk(there, client)
        assert sorted(there.asked)[:4] == [documents[0], documents[0], documents[1], documents[1]]


async def test_what_an_address_has_of_the_way_tells_nothing_of_the_seed():
    journey = Journey.new()
    async with oidc_provider() as there, asking(there) as client:
        there.description["authorization_endpoint"] = f"{there.url}/authorize?tenant=a"
        location = await client.begin(journey)
    assert location.startswith(f"{there.url}/authorize?tenant=a&response_type=code&")
    assert journey.seed not in location
    assert journey.verifier not in location
    assert len({journey.state, journey.nonce, journey.verifier, journey.challenge}) == 4
    assert journey.fits(journey.state)
    assert not journey.fits(Journey.new().state)
    assert not journey.fits("é")


async def test_a_key_that_is_new_at_the_provider_is_fetched_once():
    async with oidc_provider() as there, asking(there) as client:
        await walk(there, client)
        there.keys, there.key = [jwk("two")], "two"
        await walk(there, client)
        assert there.asked.count("/jwks") == 2
        there.token = signed({}, kid="three")
        with pytest.raises(NoSignIn, match="does not have"):
            await walk(there, client)
        assert there.asked.count("/jwks") == 3


@pytest.mark.parametrize("options", [{"client_secret": ""}, {}])
async def test_a_secret_in_the_form_and_no_secret(options):
    async with oidc_provider() as there, asking(there, **options) as client:
        there.description["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        assert (await walk(there, client)).subject == "s-1"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"state": "x"}, "state is not that"),
        ({"iss": "https://evil.example"}, "another provider"),
        ({"error": "access_denied"}, "said access_denied"),
        ({"error": "<b>é"}, "said nothing to repeat"),
        ({"code": ""}, "said nothing to repeat"),
        ({"code": "c" * 5000}, "too long"),
        ({"code": "stolen"}, "answered 400, invalid_grant"),
    ],
)
async def test_an_answer_that_is_not_right(answer: Mapping[str, str], words: str):
    async with oidc_provider() as there, asking(there) as client:
        with pytest.raises(NoSignIn, match=words) as caught:
            await walk(there, client, **answer)
        assert "stolen" not in str(caught.value)


async def test_a_wrong_secret_is_not_repeated():
    async with oidc_provider() as there, asking(there, client_secret="wrong one") as client:
        with pytest.raises(NoSignIn, match="401, invalid_client") as caught:
            await walk(there, client)
        assert "wrong one" not in str(caught.value)


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({"issuer": "https://other.example"}, "calls itself otherwise"),
        ({"token_endpoint": "http://login.example/token"}, "without TLS"),
        ({"jwks_uri": "file:///etc/passwd"}, "without TLS"),
        ({"jwks_uri": 1}, "cannot be read"),
        ({"filling": "x" * MOST}, "too long"),
    ],
)
async def test_a_description_that_is_not_good(description: Mapping[str, Any], words: str):
    async with oidc_provider() as there, asking(there) as client:
        there.description.update(description)
        with pytest.raises(NoSignIn, match=words):
            await client.begin(Journey.new())


async def test_a_provider_that_hangs_or_is_gone():
    async with oidc_provider() as there, asking(there, deadline=0.2) as client:
        there.silent = True
        said = await asyncio.gather(*(client.begin(Journey.new()) for _ in range(3)), return_exceptions=True)
        assert [str(each) for each in said] == ["the provider did not answer in time"] * 3
    async with asking(there) as client:
        with pytest.raises(NoSignIn):
            await client.begin(Journey.new())


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://login.example/"},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["another"]},
        {"aud": [CLIENT, "another"], "azp": None},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": NOW - 60},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"iat": NOW + 61},
        {"iat": None},
        {"nbf": NOW + 61},
        {"nonce": "m"},
        {"nonce": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "s" * 256},
        {"sub": "\ud800"},
    ],
)
def test_claims_that_are_not_good(claims: Mapping[str, Any]):
    with pytest.raises(NoSignIn, match="|".join(claims)):
        checked({**RIGHT, **claims}, TABLE, "n", NOW)


def test_claims_within_a_minute_and_what_they_say():
    late = {"exp": NOW - 59, "iat": NOW + 59, "nbf": NOW + 59, "aud": [CLIENT, "x"], "azp": CLIENT}
    assert checked({**RIGHT, **late}, TABLE, "n", NOW) == Identity(TABLE.issuer, "s")
    for email, verified in (("a@b.example", "true"), ("a@b.example", 1), ("a@\ud800", True), (7, True)):
        found = checked({**RIGHT, "email": email, "email_verified": verified}, TABLE, "n", NOW)
        assert not (found.email and found.verified)


def test_only_who_wants_it_needs_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "joserfc", None)
    monkeypatch.delitem(sys.modules, "tornadogw.id_tokens", raising=False)
    assert provider(Settings(), Transport()) is None
    with pytest.raises(UsageError, match=r"pip install tornadogw\[oidc\]"):
        provider(Settings(server=Server(public_url="https://gw.example"), oidc=TABLE), Transport())
