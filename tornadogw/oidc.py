"""Log-in by an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

A browser gets a random `seed` in a signed cookie; `state`, `nonce` and the verifier are digests of it, so that an
answer fits the browser that has asked and no other. The ID token comes from the provider itself, and is checked whole
nevertheless: signature, issuer, audience, times, nonce.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tornadogw.errors import Unreadable, UsageError
from tornadogw.settings import Settings
from tornadogw.settings.rules import is_secure
from tornadogw.settings.tables import Oidc
from tornadogw.store.ports_people import Identity
from tornadogw.transport import Transport, TransportError
from tornadogw.types import UpstreamRequest, Value

Shape = TypeVar("Shape")

__all__ = ["BACK", "Journey", "NoSignIn", "Provider", "checked", "provider"]

BACK = "/login/oidc/back"
"""Where the provider sends people back to."""
DEADLINE = 10.0
"""Seconds that one step may take, all that is fetched for it and waiting for others who fetch it."""
CONNECT = 5.0
KEPT = 3600.0
"""Seconds for which the provider's description and keys are believed."""
MOST = 262_144
"""Bytes of a document of the provider."""
LEEWAY = 60.0
"""Seconds by which clocks may differ."""
_LONGEST_CODE = 4096
_OK = 200
_NEVER = 1e12
_SUBJECT = re.compile(r"[ -~]{1,255}", re.ASCII)
_WORD = re.compile(r"[a-z_]{1,40}", re.ASCII)
_FORM = "application/x-www-form-urlencoded"


class NoSignIn(Exception):
    """It did not work. The words are for the log: no secret, no code, nothing of a token."""


class Keys(Protocol):
    """Signing keys (`id_tokens`)."""

    def claims(self, token: str) -> Mapping[str, Any] | None:
        """None: it is signed with an unknown key. Raises `Unreadable`."""


class Journey(Value, frozen=True):
    """One browser's way to the provider and back. Who knows `state` or `nonce` does not know the seed."""

    seed: str

    @classmethod
    def new(cls) -> Journey:
        return cls(secrets.token_urlsafe(32))

    @property
    def state(self) -> str:
        return self._digest("state")

    @property
    def nonce(self) -> str:
        return self._digest("nonce")

    @property
    def verifier(self) -> str:
        return self._digest("verifier")

    @property
    def challenge(self) -> str:
        """Of the verifier, S256."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def fits(self, state: str) -> bool:
        """Whether an answer with this state is to this browser."""
        return hmac.compare_digest(self.state.encode(), state.encode())

    def _digest(self, what: str) -> str:
        return hashlib.sha256(f"{what} {self.seed}".encode()).hexdigest()


class _Description(msgspec.Struct, frozen=True):
    """What is taken of a provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Answer(msgspec.Struct, frozen=True):
    """What is taken of a token endpoint's answer; or of its refusal."""

    id_token: str = ""
    error: str = ""


class Provider:
    """The one provider of the settings."""

    def __init__(
        self,
        table: Oidc,
        public_url: str,
        transport: Transport,
        keys: Callable[[bytes], Keys],
        *,
        clock: Callable[[], float] = time.monotonic,
        deadline: float = DEADLINE,
    ) -> None:
        """`keys`: reads a JWKS document; raises `Unreadable`."""
        self._table, self._back, self._transport = table, f"{public_url.rstrip('/')}{BACK}", transport
        self._read_keys, self._clock, self._deadline = keys, clock, deadline
        self._fetching = asyncio.Lock()
        self._described: tuple[float, _Description] | None = None
        self._keys: tuple[float, Keys] | None = None

    async def begin(self, journey: Journey) -> str:
        """Where the browser goes. Raises `NoSignIn`."""
        async with _in_time(self._deadline):
            place = (await self._description()).authorization_endpoint
        query = {
            "response_type": "code",
            "client_id": self._table.client_id,
            "redirect_uri": self._back,
            "scope": self._table.scopes,
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": journey.challenge,
            "code_challenge_method": "S256",
        }
        return f"{place}{'&' if '?' in place else '?'}{urlencode(query, quote_via=quote)}"

    async def finish(self, journey: Journey, answer: Mapping[str, str]) -> Identity:
        """Who has come back with these arguments. Raises `NoSignIn`."""
        if not journey.fits(answer.get("state", "")):
            raise NoSignIn("the state is not that of this browser")
        if answer.get("iss", self._table.issuer) != self._table.issuer:
            raise NoSignIn("another provider has answered")  # RFC 9207
        if (error := answer.get("error", "")) or not (code := answer.get("code", "")):
            raise NoSignIn(f"the provider said {_word(error)}")
        if len(code) > _LONGEST_CODE:
            raise NoSignIn("the code is too long")
        async with _in_time(self._deadline):
            claims = await self._claims(await self._id_token(code, journey.verifier))
        return checked(claims, self._table, journey.nonce, time.time())

    async def _id_token(self, code: str, verifier: str) -> str:
        described = await self._description()
        table, headers = self._table, {"content-type": _FORM, "accept": "application/json"}
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
            "client_id": table.client_id,
        }
        if table.client_secret and "client_secret_basic" in described.token_endpoint_auth_methods_supported:
            pair = f"{quote(table.client_id, safe='')}:{quote(table.client_secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif table.client_secret:
            form["client_secret"] = table.client_secret
        request = UpstreamRequest(described.token_endpoint, headers, urlencode(form).encode())
        status, body = await self._ask(request)
        answer = _decoded(body, _Answer, "the token endpoint's answer")
        if status != _OK or not answer.id_token:
            raise NoSignIn(f"the token endpoint answered {status}, {_word(answer.error)}")
        return answer.id_token

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """What a token says that is signed; keys that are new at the provider are fetched once."""
        for fresh in (False, True):
            keys = await self._signing_keys(fresh=fresh)
            try:
                claims = keys.claims(token)
            except Unreadable as error:
                raise NoSignIn(str(error)) from None
            if claims is not None:
                return claims
        raise NoSignIn("the token is signed with a key that the provider does not have")

    async def _description(self) -> _Description:
        async with self._fetching:
            if self._described is not None and self._clock() - self._described[0] < KEPT:
                return self._described[1]
            body = await self._document(f"{self._table.issuer.rstrip('/')}/.well-known/openid-configuration")
            found = _decoded(body, _Description, "the provider's description")
            if found.issuer != self._table.issuer:
                raise NoSignIn("the provider calls itself otherwise than `oidc.issuer` does")
            if not all(map(is_secure, (found.authorization_endpoint, found.token_endpoint, found.jwks_uri))):
                raise NoSignIn("the provider describes addresses without TLS")
            self._described = self._clock(), found
            return found

    async def _signing_keys(self, *, fresh: bool) -> Keys:
        described = await self._description()
        async with self._fetching:
            if not fresh and self._keys is not None and self._clock() - self._keys[0] < KEPT:
                return self._keys[1]
            body = await self._document(described.jwks_uri)
            try:
                keys = self._read_keys(body)
            except Unreadable as error:
                raise NoSignIn(str(error)) from None
            self._keys = self._clock(), keys
            return keys

    async def _document(self, url: str) -> bytes:
        status, body = await self._ask(UpstreamRequest(url, {"accept": "application/json"}, b"", "GET"))
        if status != _OK:
            raise NoSignIn(f"the provider answered {status} for its description or keys")
        return body

    async def _ask(self, request: UpstreamRequest) -> tuple[int, bytes]:
        async with self._transport.send(request, connect=CONNECT) as answer:
            body = await answer.body(MOST + 1)
            if len(body) > MOST:
                raise NoSignIn("an answer of the provider is too long")
            return answer.status, body


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    """A block that ends in time. What can go wrong at a socket comes out of it as `NoSignIn`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise NoSignIn("the provider did not answer in time") from None
    except TransportError as error:
        raise NoSignIn(str(error)) from None


def checked(claims: Mapping[str, Any], table: Oidc, nonce: str, now: float) -> Identity:
    """Who it is that a token with a good signature speaks of (OpenID Connect Core, 3.1.3.7). Raises `NoSignIn`."""
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    subject, email = claims.get("sub"), claims.get("email")
    faults = {
        "iss": claims.get("iss") != table.issuer,
        "aud": table.client_id not in several,
        "azp": claims.get("azp", None if len(several) > 1 else table.client_id) != table.client_id,
        "exp": not _number(claims.get("exp")) or claims["exp"] + LEEWAY <= now,
        "iat": not _number(claims.get("iat")) or claims["iat"] - LEEWAY > now,
        "nbf": not _number(claims.get("nbf", 0)) or claims.get("nbf", 0) - LEEWAY > now,
        "nonce": claims.get("nonce") != nonce,
        "sub": not isinstance(subject, str) or not _SUBJECT.fullmatch(subject),
    }
    if wrong := [name for name, fault in faults.items() if fault]:
        raise NoSignIn(f"the token is not good: {', '.join(wrong)}")
    return Identity(
        issuer=table.issuer,
        subject=str(subject),
        email=email if isinstance(email, str) and email.isprintable() else "",
        verified=claims.get("email_verified") is True,
    )


def provider(settings: Settings, transport: Transport) -> Provider | None:
    """None: nobody wants one. Raises UsageError where the library for it is missing."""
    if not settings.oidc.issuer:
        return None
    try:
        from tornadogw.id_tokens import SigningKeys  # noqa: PLC0415 -- only who wants it waits for its library
    except ImportError as error:
        raise UsageError(f"`oidc.issuer` needs `pip install tornadogw[oidc]`: {error}.") from None
    return Provider(settings.oidc, settings.server.public_url, transport, SigningKeys)


def _number(value: object) -> bool:
    """Whether it is a moment: no truth, no infinity."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _NEVER


def _word(text: str) -> str:
    """A code as the standard has them; anything else is not repeated."""
    return text if _WORD.fullmatch(text) else "nothing to repeat"


def _decoded(body: bytes, kind: type[Shape], what: str) -> Shape:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NoSignIn(f"{what} cannot be read") from None
