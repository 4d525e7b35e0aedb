"""API keys, by the admin API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from tornadogw.accounts.accounts import format_amount
from tornadogw.accounts.checks import parse_duration
from tornadogw.accounts.keys import KEEP, NEVER, Wanted, as_is
from tornadogw.accounts.keys import NewKey as Made
from tornadogw.errors import NotThere, UsageError
from tornadogw.handlers.admin.operation import Ask
from tornadogw.handlers.admin.shapes import Key, KeyChange, KeyQuery, NewKey, Page, Secret
from tornadogw.store.ports import ApiKey

__all__ = ["change", "create", "of_account", "rotate", "search"]


async def search(ask: Ask, query: KeyQuery) -> Page[Key]:
    return Page(await _shown(ask, await ask.office.keys.search(query.search, limit=query.limit)), None)


async def of_account(ask: Ask, account_id: str) -> Sequence[Key]:
    account = await ask.office.desk.show(account_id)
    return await _shown(ask, await ask.office.keys.list(account.email))


async def create(ask: Ask, account_id: str, body: NewKey) -> Secret:
    new = await ask.office.desk.create_key(
        ask.actor,
        account_id,
        label=body.label,
        rpm=body.rpm,
        models=body.models,
        ips=body.ips,
        expires=body.expires,
        stream_default=body.stream_default,
        daily_budget=_amount(body.budget_daily),
        budget=_amount(body.budget_total),
        tpm=body.tokens_per_minute,
        concurrent=body.concurrent,
    )
    return await _secret(ask, new)


async def change(ask: Ask, account_id: str, key_id: str, body: KeyChange) -> Key:
    desk, actor = ask.office.desk, ask.actor
    if body == KeyChange():
        raise UsageError("nothing to change: give a field", zh="没有要修改的：请至少给出一个字段")
    expires = KEEP if body.expires is UNSET else NEVER if body.expires is None else body.expires
    if isinstance(body.expires, str):
        parse_duration(body.expires)  # the words for no duration are nobody's to say here
    fields = _fields(body)
    if fields or expires != KEEP:

        def wanted(key: ApiKey) -> Wanted:
            return replace(as_is(key), **fields)

        await desk.change_key(actor, account_id, key_id, wanted, expires=expires)
    if body.disabled is not UNSET:
        await (desk.disable_key if body.disabled else desk.enable_key)(actor, account_id, key_id)
    found = [each for each in await of_account(ask, account_id) if each.id == key_id]
    if not found:
        raise NotThere("the account has no such key", zh="该账户没有这个密钥")
    return found[0]


async def rotate(ask: Ask, account_id: str, key_id: str) -> Secret:
    new = await ask.office.desk.rotate_key(ask.actor, account_id, key_id)
    return await _secret(ask, new)


async def _shown(ask: Ask, keys: Sequence[ApiKey]) -> list[Key]:
    used = await ask.office.uses.last([each.id for each in keys])
    return [Key(**asdict(each), last_used=used.get(each.id)) for each in keys]


async def _secret(ask: Ask, new: Made) -> Secret:
    [key] = await _shown(ask, [new.key])
    return Secret(key, new.text)


def _amount(micro: int | None) -> str | None:
    return None if micro is None else format_amount(micro)


def _fields(body: KeyChange) -> dict[str, Any]:
    """Those of `Wanted` that are given."""
    given: dict[str, Any] = {
        "label": body.label,
        "rpm": body.rpm,
        "models": body.models,
        "ips": () if body.ips is None else body.ips,
        "stream_default": body.stream_default,
        "daily_budget": UNSET if body.budget_daily is UNSET else _amount(body.budget_daily),
        "budget": UNSET if body.budget_total is UNSET else _amount(body.budget_total),
        "tpm": body.tokens_per_minute,
        "concurrent": body.concurrent,
    }
    return {name: value for name, value in given.items() if value is not UNSET}
