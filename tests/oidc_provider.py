"""A real OpenID provider on loopback. It says what a test wants it to say, and checks what it is told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from aiohttp import BasicAuth, web
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

CLIENT, SECRET = "gw", "a client's secret: +/%"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """The same for the same name: making one takes a while. `small` is too small."""
    return rsa.generate_private_key(65537, 1024 if name == "small" else 2048)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def packed(value: Any) -> str:
    return b64(json.dumps(value).encode())


def jwk(name: str) -> dict[str, Any]:
    """The public half."""
    numbers = rsa_key(name).public_key().public_numbers()
    n, e = (b64(each.to_bytes((each.bit_length() + 7) // 8)) for each in (numbers.n, numbers.e))
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": n, "e": e}


def signed(claims: Any, name: str = "one", **header: Any) -> str:
    """A token; `header` may lie."""
    text = f"{packed({'alg': 'RS256', 'kid': name, **header})}.{packed(claims)}"
    return f"{text}.{b64(rsa_key(name).sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


class OidcProvider:
    """`claims` are put over the right ones; `token`, if set, is given instead of a right one."""

    def __init__(self) -> None:
        self.url = ""
        self.claims: dict[str, Any] = {}
        self.token = ""
        self.key = "one"
        self.description: dict[str, Any] = {}
        self.keys: list[Any] = [jwk("one")]
        self.silent = False
        self.leaving = asyncio.Event()
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def settings(self) -> str:
        """TOML for a gateway that is reached at http://gw.test."""
        return (
            f'[server]\npublic_url = "http://gw.test"\n[oidc]\nissuer = "{self.url}"\nname = "Corp & Co"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        )

    def consent(self, location: str, **more: str) -> str:
        """What a browser does that is sent to `location`: path and query with which it comes back."""
        asked = dict(parse_qsl(urlsplit(location).query))
        assert location.startswith(f"{self.url}/authorize?")
        assert asked["redirect_uri"] == "http://gw.test/login/oidc/back"
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url, **more}
        return f"{urlsplit(asked['redirect_uri']).path}?{urlencode(back)}"

    async def _serve(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.silent:
            await self.leaving.wait()
        if request.path == "/.well-known/openid-configuration":
            return web.json_response(
                {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "jwks_uri": f"{self.url}/jwks",
                    **self.description,
                }
            )
        if request.path == "/jwks":
            return web.json_response({"keys": self.keys})
        assert (request.method, request.path) == ("POST", "/token")
        return await self._token(request)

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        if "Authorization" in request.headers:
            given = BasicAuth.decode(request.headers["Authorization"])
            client = unquote(given.login), unquote(given.password)
        else:
            client = form["client_id"], form.get("client_secret", SECRET)
        if client != (CLIENT, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self._codes.pop(str(form["code"]), None)
        challenge = b64(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return web.json_response({"error": "invalid_grant", "error_description": str(form["code"])}, status=400)
        now = int(time.time())
        right = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "s-1",
            "email": "Ann@example.com",
            "email_verified": True,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
        }
        token = self.token or signed({**right, **self.claims}, self.key)
        return web.json_response({"access_token": "at", "token_type": "Bearer", "id_token": token})


@asynccontextmanager
async def oidc_provider() -> AsyncIterator[OidcProvider]:
    provider = OidcProvider()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider._serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield provider
    finally:
        provider.leaving.set()
        await runner.cleanup()
