"""What every handler under an API prefix shares: limits, key, CORS.

Order of checks (contract.md): IP limit, key, the key's limit, path and verb; all from the headers alone.
"""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from tornadogw.errors import InternalError, RateLimited
from tornadogw.handlers.base import Access, BaseHandler, Parts
from tornadogw.limits.addresses import client_address, real_address
from tornadogw.limits.windows import Verdict, format_reset
from tornadogw.types import Caller

__all__ = ["ApiHandler", "bearer"]

_EXPOSED = ", ".join(
    ["x-request-id", "retry-after"]
    + [f"x-ratelimit-{what}-requests" for what in ("limit", "remaining", "reset")]
    + [f"x-gateway-{what}" for what in ("attempts", "buffer", "dropped")]
)


class ApiHandler(BaseHandler):
    """Base of the handlers under an API prefix."""

    access: ClassVar[Access] = "key"

    @override
    def initialize(self, parts: Parts, under_prefix: bool = False) -> None:
        super().initialize(parts, under_prefix)
        self._caller: Caller | None = None
        self.allow_origin()

    @property
    def caller(self) -> Caller:
        """Who asks; known once the checks have passed."""
        if self._caller is None:
            raise InternalError
        return self._caller

    @override
    async def check(self) -> None:
        if self.request.method == "OPTIONS":
            return
        forwarded = self.request.headers.get("X-Forwarded-For")
        peer, trusted = self.request.remote_ip or "", self.parts.trusted
        limiter, address = self.parts.limiter, client_address(peer, forwarded, trusted)
        verdict = limiter.address(address) or await limiter.ask_address(address)
        try:
            _pass(verdict)
            self._caller = caller = await self.who(real_address(peer, forwarded, trusted))
            verdict = limiter.key(caller) or await limiter.ask_key(caller)
            _pass(verdict)
        finally:
            self._tell(verdict)
        await super().check()

    async def who(self, address: str) -> Caller:
        """Whose key this request has. Raises GatewayError."""
        headers = self.request.headers
        key = headers.get("X-API-Key") or bearer(headers.get("Authorization", ""))
        return await self.parts.auth.caller(key, address)

    def _tell(self, verdict: Verdict) -> None:
        """The window that applies: the address's until the key is known, then the key's."""
        self.fields["X-Ratelimit-Limit-Requests"] = str(verdict.limit)
        self.fields["X-Ratelimit-Remaining-Requests"] = str(verdict.remaining)
        self.fields["X-Ratelimit-Reset-Requests"] = format_reset(verdict.reset)

    def allow_origin(self) -> None:
        """CORS stands on every answer of the API, errors and SSE included."""
        allowed = self.parts.settings.server.cors_origins
        origin = self.request.headers.get("Origin", "")
        if "*" in allowed:
            self.fields["Access-Control-Allow-Origin"] = "*"
        else:
            self.set_header("Vary", "Origin")
            if origin in allowed:
                self.set_header("Access-Control-Allow-Origin", origin)
        self.fields["Access-Control-Expose-Headers"] = _EXPOSED

    @override
    def options(self, *rest: str) -> None:
        """A preflight needs no key and gets the headers that it asks for."""
        self.set_status(204)
        self.set_header("Access-Control-Allow-Methods", ", ".join((*self.verbs, "OPTIONS")))
        if asked := self.request.headers.get("Access-Control-Request-Headers"):
            self.set_header("Access-Control-Allow-Headers", asked)
        self.set_header("Access-Control-Max-Age", "86400")
        self.clear_header("Content-Type")
        _ = self.finish()


def _pass(verdict: Verdict) -> None:
    if not verdict.allowed:
        seconds = verdict.retry_after
        raise RateLimited(zh=f"请在 {seconds} 秒后重试", en=f"try again in {seconds} s", retry_after=seconds)


def bearer(authorization: str) -> str:
    """The key or token of such a header; empty: it has none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
