"""A service account's key buys a token; what is wrong with one is told without a word of what is in it."""

from __future__ import annotations

import asyncio
import base64
import json
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import jwt
from tornadogw_gemini import Gemini, Vertex

from tornadogw import Call, Cannot, Credential, Draft, Failure, Fetched, Refreshed, Unreadable

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = 1_800_000_000.0


def pem(key=KEY):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def account(**changes):
    said = {
        "type": "service_account",
        "client_email": "gateway@p.iam.gserviceaccount.com",
        "private_key_id": "k1",
        "private_key": pem(),
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return Credential("cloud#1", json.dumps({**said, **changes}))


def refresh(credential, answer=None):
    """(what was sent, what came of it)."""
    sent = []

    async def http(request):
        sent.append(request)
        return answer or Fetched(200, {}, b'{"access_token":"ya29.fresh","expires_in":3599,"token_type":"Bearer"}')

    return sent, asyncio.run(Vertex().refresh(http, credential, NOW))


def test_only_key_files_expire():
    assert Vertex().expires(account())
    assert not Vertex().expires(Credential("k", "ya29.token"))
    assert not Vertex().expires(Credential("k", "AIzaKey"))
    assert not Gemini().expires(Credential("k", "AIzaKey"))


@pytest.mark.parametrize("vendor", [Gemini(), Vertex()])
def test_a_key_file_is_never_sent_itself(vendor):
    draft = Draft(mode="chat", model="m", messages=({"role": "user", "content": "hi"},))
    call = Call(id="r", draft=draft, model="m", base_url="http://x", options={"project": "p"})
    with pytest.raises(Cannot, match="key file"):
        vendor.request(call, account(), NOW)


def test_the_statement_is_signed_as_the_vendor_wants_it():
    [request], fresh = refresh(account())
    assert fresh == Refreshed("ya29.fresh", 3599.0)
    assert request.url == "https://oauth2.googleapis.com/token"
    form = parse_qs(request.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    (statement,) = form["assertion"]
    header, claims, signed, signature = jwt._unverified_decode(statement)
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims == {
        "iss": "gateway@p.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": int(NOW),
        "exp": int(NOW) + 3600,
    }
    KEY.public_key().verify(signature, signed, padding.PKCS1v15(), SHA256())
    assert base64.urlsafe_b64decode(statement.split(".")[2] + "==") == signature


def test_the_same_moment_gives_the_same_statement():
    assert refresh(account())[0][0].body == refresh(account())[0][0].body


@pytest.mark.parametrize(
    "credential",
    [
        Credential("k", "{no json"),
        Credential("k", "{}"),
        account(type="authorized_user"),
        account(client_email=None),
        account(client_email=5),
        account(private_key=None),
        account(private_key="-----BEGIN PRIVATE KEY-----\nsecretpart\n-----END PRIVATE KEY-----\n"),
        account(private_key=pem(ec.generate_private_key(ec.SECP256R1()))),
        account(token_uri="http://oauth2.googleapis.com/token"),
        account(token_uri="http://[::1"),
        account(token_uri="ftp://127.0.0.1/"),
        account(token_uri="https://"),
        account(token_uri=["https://x"]),
    ],
)
def test_a_key_file_that_is_no_good_disables_the_key(credential):
    sent, failure = refresh(credential)
    assert sent == []
    assert (failure.kind, failure.scope, failure.code) == ("disable", "key", "bad_credential")
    assert "secretpart" not in repr(failure)
    assert "gserviceaccount" not in repr(failure)


def test_this_machine_may_be_asked_in_the_clear():
    [request], _ = refresh(account(token_uri="http://127.0.0.1:9/token"))
    assert request.url == "http://127.0.0.1:9/token"
    [request], _ = refresh(account(token_uri=None))
    assert request.url == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}', "disable", "invalid_grant"),
        (401, b'{"error":"invalid_client"}', "disable", "invalid_client"),
        (403, b"<html>", "disable", ""),
        (500, b"{}", "elsewhere", "token"),
        (429, b"", "elsewhere", "token"),
    ],
)
def test_what_the_token_endpoint_refuses(status, body, kind, code):
    _, failure = refresh(account(), Fetched(status, {}, body))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.scope, failure.code, failure.status) == (kind, "key", code, status)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"access_token":"","expires_in":1}', b'{"access_token":"t","expires_in":"1"}']
)
def test_an_answer_without_a_token_is_unreadable(body):
    with pytest.raises(Unreadable):
        refresh(account(), Fetched(200, {}, body))
