"""API keys: make, list, disable, rotate. A key's text is shown once, by `create` or `rotate`, and kept by nobody."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import normal_email
from tornadogw.accounts.checks import checked_label, checked_models, checked_rpm, parse_duration
from tornadogw.auth import KeyHasher, new_key, parse_network
from tornadogw.errors import UsageError
from tornadogw.store.ports import Account, AccountStore, ApiKey, KeyStore

__all__ = ["Keys", "NewKey"]

_MOST_NETWORKS = 1000


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
            raise UsageError(f"{text!r} is neither an address nor a network such as 192.0.2.0/24") from None
    if len(networks) > _MOST_NETWORKS:
        raise UsageError(f"a key takes at most {_MOST_NETWORKS} networks")
    return tuple(networks)


class Keys:
    """What can be done with keys. Every method raises `UsageError` for a wrong argument, unknown account or key."""

    def __init__(
        self, keys: KeyStore, accounts: AccountStore, hash_key: bytes, *, now: Callable[[], float] = time.time
    ) -> None:
        """`hash_key`: the secret of the digests, from the server's secret."""
        self._keys, self._accounts, self._hasher, self._now = keys, accounts, KeyHasher(hash_key), now

    async def create(
        self,
        email: str,
        *,
        label: str = "",
        rpm: int | None = None,
        models: Sequence[str] | None = None,
        ips: Sequence[str] = (),
        expires: str | None = None,
        stream_default: bool | None = None,
    ) -> NewKey:
        """A new key. `models`, `ips`: allow-lists; `expires`: a duration from now, such as `30d`."""
        lifetime = None if expires is None else parse_duration(expires)
        now = self._now()
        key = ApiKey(
            id=secrets.token_hex(6),
            account_id="",
            label=checked_label(label),
            rpm=checked_rpm(rpm),
            models=checked_models(models),
            ips=_checked_ips(ips),
            expires=None if lifetime is None else now + lifetime,
            stream_default=stream_default,
            created=now,
        )
        account = await self._account(email)
        new = NewKey(msgspec.structs.replace(key, account_id=account.id), new_key())
        await self._keys.add(new.key, self._hasher.digest(new.text))
        return new

    async def list(self, email: str) -> Sequence[ApiKey]:
        """The account's keys, oldest first."""
        account = await self._account(email)
        return await self._keys.of_account(account.id)

    async def disable(self, email: str, key_id: str) -> ApiKey:
        return await self._set_disabled(email, key_id, disabled=True)

    async def enable(self, email: str, key_id: str) -> ApiKey:
        return await self._set_disabled(email, key_id, disabled=False)

    async def rotate(self, email: str, key_id: str) -> NewKey:
        """Give the key a new text; the old one is refused from now on."""
        account = await self._account(email)
        key = await self._key(account, key_id)
        text = new_key()
        if not await self._keys.set_digest(account.id, key.id, self._hasher.digest(text)):
            raise _unknown_key(account, key_id)
        return NewKey(key, text)

    async def _set_disabled(self, email: str, key_id: str, *, disabled: bool) -> ApiKey:
        account = await self._account(email)
        if not await self._keys.set_disabled(account.id, key_id, disabled):
            raise _unknown_key(account, key_id)
        return await self._key(account, key_id)

    async def _account(self, email: str) -> Account:
        address = normal_email(email)
        account = await self._accounts.by_email(address)
        if account is None:
            raise UsageError(f"there is no account {address}: `tornadogw account create {address}` makes it")
        return account

    async def _key(self, account: Account, key_id: str) -> ApiKey:
        for key in await self._keys.of_account(account.id):
            if key.id == key_id:
                return key
        raise _unknown_key(account, key_id)


def _unknown_key(account: Account, key_id: str) -> UsageError:
    return UsageError(f"{account.email} has no key {key_id}: `tornadogw key list {account.email}` shows its keys")
