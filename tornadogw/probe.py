"""One probe: asks a route for one token with one key, as a client would. Is it there, are we let in, does it answer?"""

from __future__ import annotations

import time

import msgspec

from tornadogw.catalogue import ModelEntry, RouteEntry
from tornadogw.framing import sniff
from tornadogw.legs import legs
from tornadogw.meter import Meter
from tornadogw.relay.reader import Reader
from tornadogw.settings.tables import Defaults
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport, Upstream
from tornadogw.types import Call, Credential, Draft, Failure

__all__ = ["Prober"]

MAX_TOKENS = (1, 16)
"""Output limits: what costs least, and what those take that refuse so little."""
ERROR_BODY = 65536
_SUCCESS = range(200, 300)
_UNAUTHORIZED = 401


class Prober:
    """Sends probes. Each is as short as the upstream allows, and ends with the first sign of an answer."""

    def __init__(self, transport: Transport, tokens: Tokens, defaults: Defaults) -> None:
        self._transport, self._tokens, self._defaults = transport, tokens, defaults

    async def ask(
        self, model: ModelEntry, route: RouteEntry, key: Credential, secrets: list[str]
    ) -> tuple[Failure | None, bool]:
        """Why no answer came, None if one did; and whether what came was a web page.

        A refused token is replaced once, and so is a refused limit of one token. Secrets that were sent beside the
        key's own are added to `secrets`. Raises TransportError, Cannot, whatever a vendor's bug raises. No deadline.
        """
        fresh = await self._fresh(route, key, secrets, "")
        failure, page = await self._answer(model, route, fresh, MAX_TOKENS[0])
        if failure is not None and failure.status == _UNAUTHORIZED and fresh is not key:
            fresh = await self._fresh(route, key, secrets, refused=secrets[-1])
            failure, page = await self._answer(model, route, fresh, MAX_TOKENS[0])
        if failure is not None and _minds_limit(failure):
            failure, page = await self._answer(model, route, fresh, MAX_TOKENS[1])
        return failure, page

    async def _fresh(
        self, route: RouteEntry, key: Credential, secrets: list[str], refused: str
    ) -> Credential | Failure:
        """The key itself, or with the token that it buys."""
        if not route.vendor.expires(key):
            return key
        fresh = await self._tokens.fresh(route, key, refused=refused)
        if isinstance(fresh, Credential):
            secrets.append(fresh.secret)
        return fresh

    async def _answer(
        self, model: ModelEntry, route: RouteEntry, key: Credential | Failure, limit: int
    ) -> tuple[Failure | None, bool]:
        if isinstance(key, Failure):
            return key, False
        call = legs(_draft(model, limit), route, "check", self._defaults)[0].call
        request = route.vendor.request(call, key, time.time())
        async with self._transport.send(request, connect=route.deadlines.connect, proxy=route.proxy) as upstream:
            if upstream.status in _SUCCESS:
                return await _read(upstream, route, call)
            body = await upstream.body(ERROR_BODY)
            failure = route.vendor.failure(upstream.status, upstream.headers, body, time.time())
            failure = msgspec.structs.replace(failure, status=upstream.status)
            return failure, sniff(body) == "html"


async def _read(upstream: Upstream, route: RouteEntry, call: Call) -> tuple[Failure | None, bool]:
    """The whole of a short answer, or as much of it as shows that the upstream answers."""
    reader = Reader(route.vendor, call, Meter(0, 0, 0))
    head = data = b""
    while data or not head:
        data = await upstream.read()
        head = head if len(head) >= ERROR_BODY else head + data
        if data:
            reader.feed(data)
        else:
            reader.end()
        if reader.failure is not None:
            return reader.failure, sniff(head) == "html"
        if reader.useful or reader.done or not data:
            break
    return None, False


def _minds_limit(failure: Failure) -> bool:
    """Some models take no limit of one token."""
    words = f"{failure.param or ''} {failure.message}".lower()
    return failure.kind in ("client", "cannot") and "token" in words


def _draft(model: ModelEntry, limit: int) -> Draft:
    text = "Say hello."
    if "chat" in model.modes:
        messages = [{"role": "user", "content": text}]
        return Draft("chat", model.name, messages, max_tokens=limit, prompt_bytes=len(text), message_count=1)
    return Draft("completion", model.name, prompts=[text], max_tokens=limit, prompt_bytes=len(text))
