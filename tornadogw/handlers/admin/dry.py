"""Where a request would go, and why, by the admin API. Nobody is asked, nothing is charged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from tornadogw.dry_run import MOST_TOKENS, Place, ask_for, caller_of, dry_run
from tornadogw.errors import UsageError
from tornadogw.handlers.admin.operation import Ask
from tornadogw.handlers.admin.shapes import Given
from tornadogw.types import Caller, Mode, Value

__all__ = ["Dried", "DryQuery", "Refusal", "run"]


class DryQuery(Given, frozen=True):
    model: Annotated[str, Meta(min_length=1, max_length=200)]
    """As a client asks for it, `auto` too."""
    key: Annotated[str, Meta(max_length=200)] = ""
    """Id of the key that asks; empty: one that may use every model."""
    mode: Mode = "chat"
    stream: bool = False
    tools: bool = False
    images: bool = False
    json_schema: bool = False
    prompt_tokens: Annotated[int, Meta(ge=0, le=MOST_TOKENS)] = 100
    max_tokens: Annotated[int, Meta(ge=1, le=10**9)] | None = None


class Refusal(Value, frozen=True):
    """What the client would read at once, as in docs/errors.md."""

    status: int
    code: int
    slug: str
    message: str


class Dried(Value, frozen=True):
    """What the router of the process that answers would make of it at this moment."""

    places: Sequence[Place]
    """Candidates in their order, then those that are none."""
    first: Place | None
    """Who would be asked."""
    error: Refusal | None


async def run(ask: Ask, query: DryQuery) -> Dried:
    asked_for = {"tools": query.tools, "images": query.images, "json_schema": query.json_schema}
    draft = ask_for(
        query.model,
        mode=query.mode,
        needs=[need for need, wanted in asked_for.items() if wanted],
        stream=query.stream,
        prompt_tokens=query.prompt_tokens,
        max_tokens=query.max_tokens,
    )
    dry = dry_run(ask.parts.gate, await _caller(ask, query.key), draft)
    error = dry.error
    refusal = None if error is None else Refusal(error.status, error.code, error.slug, error.message("en"))
    return Dried(dry.places, dry.first, refusal)


async def _caller(ask: Ask, key_id: str) -> Caller:
    if not key_id:
        return Caller("", "")
    for key in await ask.office.keys.search(key_id):
        if key.id == key_id:
            return caller_of(key)
    raise UsageError(f"there is no key {key_id}", zh=f"没有密钥 {key_id}", field="key")
