"""Signatures of ID tokens: which are believed."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.oidc_provider import b64, jwk, packed, rsa_key, signed
from tornadogw.errors import Unreadable
from tornadogw.id_tokens import SigningKeys

CLAIMS = {"sub": "ann"}


def keys(*listed) -> SigningKeys:
    return SigningKeys(json.dumps({"keys": listed}).encode())


def test_what_a_known_key_has_signed_is_believed():
    assert keys(jwk("one")).claims(signed(CLAIMS)) == CLAIMS
    assert keys(jwk("two"), jwk("one")).claims(signed(CLAIMS)) == CLAIMS
    assert keys(jwk("two"), jwk("one")).claims(signed(CLAIMS, kid="three")) is None


def test_an_elliptic_key_is_believed():
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    x, y = b64(numbers.x.to_bytes(32)), b64(numbers.y.to_bytes(32))
    text = f"{packed({'alg': 'ES256', 'kid': 'e'})}.{packed(CLAIMS)}"
    r, s = decode_dss_signature(private.sign(text.encode(), ec.ECDSA(SHA256())))
    token = f"{text}.{b64(r.to_bytes(32) + s.to_bytes(32))}"
    listed = {"kty": "EC", "crv": "P-256", "kid": "e", "x": x, "y": y}
    assert keys(listed).claims(token) == CLAIMS
    assert keys({**jwk("one"), "kid": "e"}).claims(token) is None, "no key of that name is for this algorithm"


def hs256() -> str:
    """Signed with the public key as if it were a password."""
    text = f"{packed({'alg': 'HS256', 'kid': 'one'})}.{packed(CLAIMS)}"
    modulus = jwk("one")["n"].encode()
    return f"{text}.{b64(hmac.new(modulus, text.encode(), hashlib.sha256).digest())}"


def tokens():
    good = signed(CLAIMS)
    head, body, signature = good.split(".")
    yield "another key under the same name", f"{head}.{body}.{signed(CLAIMS, 'two', kid='one').split('.')[2]}"
    yield "other claims", f"{head}.{packed({'sub': 'bob'})}.{signature}"
    yield "alg none", f"{packed({'alg': 'none', 'kid': 'one'})}.{body}."
    yield "alg none, signed", signed(CLAIMS, alg="none")
    yield "a public key as password", hs256()
    yield "another algorithm", signed(CLAIMS, alg="RS512")
    yield "critical extension", signed(CLAIMS, crit=["x"], x=1)
    yield "no claims", signed(["sub"])
    yield "four parts", f"{good}.x"
    yield "nothing", ""
    yield "rubbish", "é.\ud800.é"
    yield "deep", f"{b64(b'[' * 5000)}.{body}.{signature}"


@pytest.mark.parametrize(("name", "token"), [pytest.param(*each, id=each[0]) for each in tokens()])
def test_nothing_else_is(name, token):
    with pytest.raises(Unreadable) as caught:
        keys(jwk("one")).claims(token)
    assert "ann" not in str(caught.value), name


def test_keys_that_are_no_use_are_left_out():
    small, secret = jwk("small"), {"kty": "oct", "kid": "one", "k": b64(b"x" * 32)}
    odd = [1, {}, {"kty": "EC", "crv": "P-9"}, {"kty": "RSA", "kid": "one", "n": "!", "e": "?"}, small, secret]
    odd += [{**jwk("one"), "use": "enc"}, {**jwk("one"), "alg": "RS512"}, {"kty": "PQC", "kid": "one"}]
    assert keys(*odd).claims(signed(CLAIMS)) is None
    assert keys(*odd, jwk("one")).claims(signed(CLAIMS)) == CLAIMS
    assert rsa_key("small").key_size == 1024


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": {"a": 1}}', b"[" * 5000, b"\xff"])
def test_a_document_that_is_none(document):
    with pytest.raises(Unreadable):
        SigningKeys(document)
