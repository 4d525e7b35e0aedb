"""Asks each upstream, with each of its keys, for a very short answer: whether it is there and lets us in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from tornadogw.catalogue import Catalogue, ModelEntry, RouteEntry
from tornadogw.errors import Cannot
from tornadogw.legs import legs
from tornadogw.observe import mask
from tornadogw.settings.tables import Defaults
from tornadogw.transport import Transport, TransportError
from tornadogw.types import Credential, Draft

__all__ = ["probe"]

MAX_TOKENS = 16
"""The least that every vendor takes as output limit."""
ERROR_BODY = 65536
SECONDS = 30.0
"""A key that was not answered by then has failed."""
_SUCCESS = range(200, 300)


async def probe(catalogue: Catalogue, defaults: Defaults) -> Sequence[tuple[str, str]]:
    """Name of the credential, and what went wrong or "", for each credential of each upstream that a model uses."""
    chosen: dict[str, tuple[ModelEntry, RouteEntry]] = {}
    for model in catalogue.models:
        for route in model.routes:
            chosen.setdefault(route.upstream, (model, route))
    transport = Transport()
    await transport.open()
    try:
        asked = [(route, key, model) for model, route in chosen.values() for key in route.credentials]
        answers = await asyncio.gather(*(_ask(transport, model, route, key, defaults) for route, key, model in asked))
        return [(key.name, answer) for (_, key, _), answer in zip(asked, answers, strict=True)]
    finally:
        await transport.close()


async def _ask(transport: Transport, model: ModelEntry, route: RouteEntry, key: Credential, defaults: Defaults) -> str:
    """What went wrong, or "". The vendor's words are masked: they may repeat the key."""
    leg = legs(_draft(model), route, "check", defaults)[0]
    try:
        request = route.vendor.request(leg.call, key, time.time())
        async with (
            asyncio.timeout(SECONDS),
            transport.send(request, connect=route.deadlines.connect, proxy=route.proxy) as upstream,
        ):
            if upstream.status in _SUCCESS:
                return ""
            body = await upstream.body(ERROR_BODY)
            failure = route.vendor.failure(upstream.status, upstream.headers, body, time.time())
            return f"HTTP {upstream.status}, {mask(failure.message) or failure.code or failure.kind}"
    except TimeoutError:
        return f"no answer within {SECONDS:.0f} s"
    except (Cannot, TransportError) as error:
        return str(error)


def _draft(model: ModelEntry) -> Draft:
    text = "Say hello."
    if "chat" in model.modes:
        messages = [{"role": "user", "content": text}]
        return Draft("chat", model.name, messages, max_tokens=MAX_TOKENS, prompt_bytes=len(text), message_count=1)
    return Draft("completion", model.name, prompts=[text], max_tokens=MAX_TOKENS, prompt_bytes=len(text))
