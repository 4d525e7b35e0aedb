"""Upstreams and models of the database, and those of the settings file to read, by the admin API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tornadogw.accounts.supply_shown import Shown
from tornadogw.handlers.admin.operation import Ask
from tornadogw.trial import Outcome

__all__ = [
    "add_key",
    "add_model",
    "add_upstream",
    "change_model",
    "change_upstream",
    "model",
    "models",
    "remove_key",
    "remove_model",
    "remove_upstream",
    "replace_key",
    "test_upstream",
    "upstream",
    "upstreams",
]

Revision = Annotated[int, Meta(ge=1, le=2**53, description="Of what was read; 409: it has changed meanwhile.")]
Name = Annotated[str, Meta(max_length=200)]
KeyText = Annotated[str, Meta(max_length=8192, description="`env:NAME`, `file:/path`, or the key itself.")]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read."""


class NewUpstream(Asked, frozen=True):
    """`fields`: those of `[[upstreams]]` in the settings but its name and keys."""

    name: Name
    fields: Mapping[str, Any]
    keys: Annotated[Sequence[KeyText], Meta(max_length=100)] = ()


class NewModel(Asked, frozen=True):
    """`fields`: those of `[[models]]` in the settings but its name; `price` and `routes` at least."""

    name: Name
    fields: Mapping[str, Any]


class Change(Asked, frozen=True):
    """What is not there stays; null takes a field away."""

    revision: Revision
    fields: Mapping[str, Any]


class KeyGiven(Asked, frozen=True):
    revision: Revision
    key: KeyText


class Number(Asked, frozen=True):
    revision: Revision
    number: int


class Replacement(Asked, frozen=True):
    revision: Revision
    number: int
    key: KeyText


class Removal(Asked, frozen=True):
    revision: Revision


class Question(Asked, frozen=True):
    model: Name = ""
    """The vendor's name of one to ask for beside those that it serves here."""


async def upstreams(ask: Ask) -> Sequence[Shown]:
    return await ask.parts.supply.upstreams()


async def upstream(ask: Ask, name: str) -> Shown:
    return await ask.parts.supply.upstream(name)


async def add_upstream(ask: Ask, body: NewUpstream) -> Shown:
    return await ask.parts.supply.add_upstream(ask.actor, body.name, body.fields, body.keys)


async def change_upstream(ask: Ask, name: str, body: Change) -> Shown:
    return await ask.parts.supply.change_upstream(ask.actor, name, body.fields, revision=body.revision)


async def remove_upstream(ask: Ask, name: str, body: Removal) -> None:
    await ask.parts.supply.remove_upstream(ask.actor, name, revision=body.revision)


async def add_key(ask: Ask, name: str, body: KeyGiven) -> Shown:
    return await ask.parts.supply.add_key(ask.actor, name, body.key, revision=body.revision)


async def replace_key(ask: Ask, name: str, body: Replacement) -> Shown:
    return await ask.parts.supply.replace_key(ask.actor, name, body.number, body.key, revision=body.revision)


async def remove_key(ask: Ask, name: str, body: Number) -> Shown:
    return await ask.parts.supply.remove_key(ask.actor, name, body.number, revision=body.revision)


async def test_upstream(ask: Ask, name: str, body: Question) -> Sequence[Outcome]:
    """What answers is no longer left alone."""
    outcomes = await ask.parts.supply.test(name, body.model)
    await ask.office.marks.answered(name, outcomes, by=ask.by)
    return outcomes


async def models(ask: Ask) -> Sequence[Shown]:
    return await ask.parts.supply.models()


async def model(ask: Ask, name: str) -> Shown:
    return await ask.parts.supply.model(name)


async def add_model(ask: Ask, body: NewModel) -> Shown:
    return await ask.parts.supply.add_model(ask.actor, body.name, body.fields)


async def change_model(ask: Ask, name: str, body: Change) -> Shown:
    return await ask.parts.supply.change_model(ask.actor, name, body.fields, revision=body.revision)


async def remove_model(ask: Ask, name: str, body: Removal) -> None:
    await ask.parts.supply.remove_model(ask.actor, name, revision=body.revision)
