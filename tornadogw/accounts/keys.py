"""API keys: make, list, disable, rotate. A key's text is shown once, by `create` or `rotate`, and kept by nobody."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import format_amount, normal_email, parse_amount
from tornadogw.accounts.checks import checked_count, checked_label, checked_models, checked_rpm, parse_duration
from tornadogw.auth import KeyHasher, new_key, parse_network
from tornadogw.errors import NotThere, UsageError
from tornadogw.store.ports import Account, AccountStore, ApiKey, Duplicate, Entry, KeyStore

__all__ = ["KEEP", "NEVER", "NO_BUDGET", "Keys", "NewKey", "Wanted", "as_is"]

NO_BUDGET = "none"
KEEP = "keep"
NEVER = "never"
"""What becomes of a key's expiry."""
_LONGEST_SOUGHT = 200
_MOST_NETWORKS, _MOST_TOKENS, _MOST_CONCURRENT = 1000, 10**9, 100_000


class Wanted(msgspec.Struct, frozen=True):
    """What a key is to be like; amounts are decimal text, as people write them."""

    label: str = ""
    rpm: int | None = None
    models: Sequence[str] | None = None
    ips: Sequence[str] = ()
    stream_default: bool | None = None
    daily_budget: str | None = None
    budget: str | None = None
    tpm: int | None = None
    concurrent: int | None = None


def as_is(key: ApiKey) -> Wanted:
    """What the key is like already, to change some of it."""
    daily, total = key.budget_daily, key.budget_total
    return Wanted(
        label=key.label,
        rpm=key.rpm,
        models=key.models,
        ips=key.ips,
        stream_default=key.stream_default,
        daily_budget=None if daily is None else format_amount(daily),
        budget=None if total is None else format_amount(total),
        tpm=key.tokens_per_minute,
        concurrent=key.concurrent,
    )


class NewKey(msgspec.Struct, frozen=True):
    """A key and its text, for the one time it is shown."""

    key: ApiKey
    text: str

    @override
    def __repr__(self) -> str:
        return f"NewKey(key={self.key!r}, text=<masked>)"


def _checked_ips(ips: Sequence[str]) -> tuple[str, ...]:
    networks: dict[str, None] = {}
    for text in ips:
        try:
            networks[str(parse_network(text.strip()))] = None
        except ValueError:
            raise UsageError(
                f"{text!r} is neither an address nor a network such as 192.0.2.0/24",
                zh=f"{text!r} 既不是地址，也不是网段（例如 192.0.2.0/24）",
                field="ips",
            ) from None
    if len(networks) > _MOST_NETWORKS:
        raise UsageError(
            f"a key takes at most {_MOST_NETWORKS} networks", zh=f"一个密钥最多 {_MOST_NETWORKS} 个网段", field="ips"
        )
    return tuple(networks)


def _budget(text: str | None, field: str) -> int | None:
    try:
        return None if text is None else parse_amount(text)
    except UsageError as error:
        raise UsageError(str(error), zh=error.zh, field=field) from None


def _shaped(key: ApiKey, wanted: Wanted) -> ApiKey:
    """The key as it is wanted. Raises `UsageError`."""
    daily, total = wanted.daily_budget, wanted.budget
    return msgspec.structs.replace(
        key,
        label=checked_label(wanted.label),
        rpm=checked_rpm(wanted.rpm),
        models=checked_models(wanted.models),
        ips=_checked_ips(wanted.ips),
        stream_default=wanted.stream_default,
        budget_daily=_budget(daily, "daily_budget"),
        budget_total=_budget(total, "budget"),
        tokens_per_minute=checked_count(
            "tokens per minute", wanted.tpm, _MOST_TOKENS, zh="每分钟 token 数", field="tpm"
        ),
        concurrent=checked_count(
            "concurrent requests", wanted.concurrent, _MOST_CONCURRENT, zh="同时进行的请求数", field="concurrent"
        ),
    )


class Keys:
    """What can be done with keys. Every method raises `UsageError` for a wrong argument, unknown account or key."""

    def __init__(
        self, keys: KeyStore, accounts: AccountStore, hash_key: bytes, *, now: Callable[[], float] = time.time
    ) -> None:
        """`hash_key`: the secret of the digests, from the server's secret."""
        self._keys, self._accounts, self._hasher, self._now = keys, accounts, KeyHasher(hash_key), now

    async def create(  # noqa: PLR0913 -- each is a property of the key
        self,
        email: str,
        *,
        label: str = "",
        rpm: int | None = None,
        models: Sequence[str] | None = None,
        ips: Sequence[str] = (),
        expires: str | None = None,
        stream_default: bool | None = None,
        daily_budget: str | None = None,
        budget: str | None = None,
        tpm: int | None = None,
        concurrent: int | None = None,
        by: str = "",
    ) -> NewKey:
        """A new key. `models`, `ips`: allow-lists; `expires`: a duration from now, such as `30d`.

        `daily_budget`, `budget`: what it may spend on one day and in all, decimal text; `tpm`: tokens per minute.
        """
        lifetime = None if expires is None else parse_duration(expires)
        now = self._now()
        wanted = Wanted(label, rpm, models, ips, stream_default, daily_budget, budget, tpm, concurrent)
        expiry = None if lifetime is None else now + lifetime
        key = _shaped(ApiKey(id=secrets.token_hex(6), account_id="", expires=expiry, created=now), wanted)
        account = await self._account(email)
        new = NewKey(msgspec.structs.replace(key, account_id=account.id), new_key())
        await self._keys.add(new.key, self._hasher.digest(new.text), self._entry("key.create", account, key.id, by))
        return new

    async def change(
        self,
        email: str,
        key_id: str,
        wanted: Wanted | Callable[[ApiKey], Wanted],
        *,
        expires: str = KEEP,
        by: str = "",
    ) -> ApiKey:
        """Make the key as `wanted`, all of it, or as it says of what the key is at that moment, with nobody in between.

        `expires`: a duration from now, `never`, or `keep` what it has.
        """
        lifetime = None if expires in (KEEP, NEVER) else parse_duration(expires)
        if isinstance(wanted, Wanted):
            _shaped(ApiKey("", ""), wanted)  # what is wrong is said before anything is looked for
        account = await self._account(email)

        def edit(key: ApiKey) -> ApiKey:
            shaped = _shaped(key, wanted if isinstance(wanted, Wanted) else wanted(key))
            if expires == KEEP:
                return shaped
            return msgspec.structs.replace(shaped, expires=None if lifetime is None else self._now() + lifetime)

        changed = await self._keys.change(account.id, key_id, edit, self._entry("key.change", account, key_id, by))
        if changed is None:
            raise _unknown_key(account, key_id)
        return changed

    async def ensure(self, account: Account, key_id: str, text: str, *, label: str, by: str) -> bytes:
        """The account has a key with this id, whatever its text is by now, or one with this text; else it gets one.

        Returns by what digest it is known.
        """
        known = await self._keys.digest(account.id, key_id)
        if known is not None:
            return known
        digest = self._hasher.digest(text)
        if await self._keys.find(digest) is None:
            key = ApiKey(id=key_id, account_id=account.id, label=label, created=self._now())
            with suppress(Duplicate):  # made at the same moment
                await self._keys.add(key, digest, self._entry("key.create", account, key.id, by))
        return digest

    async def list(self, email: str) -> Sequence[ApiKey]:
        """The account's keys, oldest first."""
        account = await self._account(email)
        return await self._keys.of_account(account.id)

    async def search(self, text: str, *, limit: int = 50) -> Sequence[ApiKey]:
        """Keys of whatever account: that with this id, that with this very text, or those whose label begins so."""
        sought = text.strip()
        if not sought or len(sought) > _LONGEST_SOUGHT:
            return []
        found = await self._keys.by_id(sought)
        if found is None and (known := await self._keys.find(self._hasher.digest(sought))) is not None:
            found = known.key
        return [found] if found is not None else await self._keys.labelled(sought, limit)

    async def disable(self, email: str, key_id: str, *, by: str = "") -> ApiKey:
        return await self._set_disabled(email, key_id, disabled=True, by=by)

    async def enable(self, email: str, key_id: str, *, by: str = "") -> ApiKey:
        return await self._set_disabled(email, key_id, disabled=False, by=by)

    async def rotate(self, email: str, key_id: str, *, by: str = "") -> NewKey:
        """Give the key a new text; the old one is refused from now on."""
        account = await self._account(email)
        key = await self._key(account, key_id)
        text, entry = new_key(), self._entry("key.rotate", account, key_id, by)
        if not await self._keys.set_digest(account.id, key.id, self._hasher.digest(text), entry):
            raise _unknown_key(account, key_id)
        return NewKey(key, text)

    async def set_budgets(
        self, email: str, key_id: str, *, daily: str | None = None, total: str | None = None, by: str = ""
    ) -> ApiKey:
        """What the key may spend on one day and in all, decimal text; `none` takes a budget away, None leaves it."""
        given = {"daily": daily, "total": total}
        budgets = {
            name: None if text == NO_BUDGET else parse_amount(text) for name, text in given.items() if text is not None
        }
        if not budgets:
            raise UsageError(
                "nothing to change: give a daily budget, a total one, or both",
                zh="没有要修改的：请填写每日预算、总预算，或两者",
            )
        account = await self._account(email)
        if not await self._keys.set_budgets(
            account.id, key_id, budgets, self._entry("key.budget", account, key_id, by)
        ):
            raise _unknown_key(account, key_id)
        return await self._key(account, key_id)

    async def _set_disabled(self, email: str, key_id: str, *, disabled: bool, by: str) -> ApiKey:
        account = await self._account(email)
        entry = self._entry("key.disable" if disabled else "key.enable", account, key_id, by)
        if not await self._keys.set_disabled(account.id, key_id, disabled, entry):
            raise _unknown_key(account, key_id)
        return await self._key(account, key_id)

    def _entry(self, act: str, account: Account, key_id: str, by: str) -> Entry:
        return Entry(by=by, act=act, at=self._now(), account_id=account.id, subject=key_id)

    async def _account(self, email: str) -> Account:
        address = normal_email(email)
        account = await self._accounts.by_email(address)
        if account is None:
            raise NotThere(
                f"there is no account {address}: `tornadogw account create {address}` makes it",
                zh=f"没有账户 {address}",
            )
        return account

    async def _key(self, account: Account, key_id: str) -> ApiKey:
        for key in await self._keys.of_account(account.id):
            if key.id == key_id:
                return key
        raise _unknown_key(account, key_id)


def _unknown_key(account: Account, key_id: str) -> UsageError:
    return NotThere(
        f"{account.email} has no key {key_id}: `tornadogw key list {account.email}` shows its keys",
        zh=f"{account.email} 没有密钥 {key_id}",
    )
