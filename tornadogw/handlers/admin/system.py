"""Marks of upstreams, the gateway's settings and plugins, and the tokens themselves, by the admin API."""

from __future__ import annotations

from collections.abc import Sequence

from tornadogw.errors import NotThere
from tornadogw.handlers.admin.operation import Ask
from tornadogw.handlers.admin.shapes import Enable, Enabled, Mark, NewToken
from tornadogw.plugins import PluginInfo
from tornadogw.settings import Line
from tornadogw.store.ports_people import AdminToken
from tornadogw.types import Value

__all__ = ["TokenText", "create_token", "enable", "marks", "plugins", "revoke_token", "settings", "tokens"]


class TokenText(Value, frozen=True):
    """A token and its text, this once."""

    token: AdminToken
    text: str


async def marks(ask: Ask) -> Sequence[Mark]:
    found = [
        Mark(each.spot[0], each.key, each.spot[2], each.disabled, each.openings, each.cool)
        for each in await ask.office.marks.all()
        if each.openings or each.disabled or each.cool > 0
    ]
    return sorted(found, key=lambda mark: (mark.upstream, mark.key, mark.model))


async def enable(ask: Ask, body: Enable) -> Enabled:
    found = await ask.office.marks.enable(body.name, by=ask.by)
    if not found:
        raise NotThere("nothing of this name is left alone", zh="没有以此名称搁置的上游或密钥", field="name")
    return Enabled(len(found))


async def settings(ask: Ask) -> Sequence[Line]:
    return ask.parts.lines


async def plugins(ask: Ask) -> Sequence[PluginInfo]:
    return ask.parts.plugins


async def tokens(ask: Ask) -> Sequence[AdminToken]:
    return await ask.office.admin_tokens.list()


async def create_token(ask: Ask, body: NewToken) -> TokenText:
    """It has what this token has at most, and is of the same account."""
    bearer = ask.bearer
    new = await ask.office.admin_tokens.create(
        bearer.account.email,
        body.scopes,
        label=body.label,
        expires=body.expires,
        within=bearer.scopes,
        by=ask.by,
    )
    return TokenText(new.token, new.text)


async def revoke_token(ask: Ask, token_id: str) -> AdminToken:
    return await ask.office.admin_tokens.revoke(token_id, by=ask.by)
