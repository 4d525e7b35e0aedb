"""Service accounts: a signed statement of who we are, bought for a token that lasts an hour (RFC 7523). No I/O."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tornadogw import Failure, Fetched, Refreshed, Unreadable, UpstreamRequest

__all__ = ["is_service_account", "read_token", "token_request"]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 -- an address
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600
"""Seconds; the vendor gives no longer."""


def is_service_account(secret: str) -> bool:
    """Whether the secret is a key file, not a token or an API key."""
    return secret.lstrip().startswith("{")


def token_request(secret: str, now: float) -> UpstreamRequest | Failure:
    """What to send for a token; a Failure that says what is wrong with the key file, and nothing of what is in it."""
    try:
        account = orjson.loads(secret)
    except ValueError:
        account = None
    if not isinstance(account, dict):
        return _useless("the service account's key file is no JSON")
    if account.get("type", "service_account") != "service_account":
        return _useless("the credential file is not one of a service account")
    email, uri = account.get("client_email"), account.get("token_uri") or TOKEN_URI
    if not isinstance(email, str) or not email:
        return _useless("the service account's key file has no client_email")
    if not isinstance(uri, str) or not _is_safe(uri):
        return _useless("the service account's token_uri must be https")
    key = _private_key(account.get("private_key"))
    if key is None:
        return _useless("the service account's private_key is no RSA key in PEM form")
    header = {"alg": "RS256", "typ": "JWT", "kid": account.get("private_key_id")}
    claims = {"iss": email, "scope": SCOPE, "aud": uri, "iat": int(now), "exp": int(now) + LIFETIME}
    signed = b".".join(_base64(orjson.dumps(part)) for part in (header, claims))
    statement = signed + b"." + _base64(key.sign(signed, PKCS1v15(), SHA256()))
    body = urlencode({"grant_type": GRANT, "assertion": statement.decode()}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    return UpstreamRequest(uri, headers, body)


def read_token(answer: Fetched) -> Refreshed | Failure:
    """The token in the answer. Raises Unreadable."""
    try:
        said: Any = orjson.loads(answer.body)
    except ValueError:
        said = None
    said = said if isinstance(said, dict) else {}
    if answer.status in (400, 401, 403):  # invalid_grant, invalid_client: the key was deleted, or the clock is wrong
        code, why = said.get("error"), said.get("error_description")
        told = why if isinstance(why, str) else "the service account was refused"
        return Failure("disable", "key", code=code if isinstance(code, str) else "", message=told, status=answer.status)
    if answer.status != 200:  # noqa: PLR2004 -- HTTP's own numbers read best
        return Failure("elsewhere", "key", code="token", message="no token was given", status=answer.status)
    token, seconds = said.get("access_token"), said.get("expires_in")
    if not isinstance(token, str) or not token or type(seconds) not in (int, float):
        raise Unreadable("no access_token")
    return Refreshed(token, float(seconds))


def _private_key(pem: Any) -> RSAPrivateKey | None:
    if not isinstance(pem, str):
        return None
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except Exception:  # noqa: BLE001 -- the library raises several, and their words may quote the key
        return None
    return key if isinstance(key, RSAPrivateKey) else None


def _is_safe(uri: str) -> bool:
    """The statement is as good as a password for its hour: never in the clear, but to this machine."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    try:
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _useless(message: str) -> Failure:
    return Failure("disable", "key", code="bad_credential", message=message)


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
