"""A second factor at the log-in: codes by time (TOTP, RFC 6238) from an app, or recovery codes that work once each."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

import msgspec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from typing_extensions import override

from tornadogw.accounts.logins import digest
from tornadogw.accounts.own import Own
from tornadogw.accounts.tries import Tries
from tornadogw.errors import NotThere, UsageError
from tornadogw.seals import Broken, Seal
from tornadogw.store.ports import Account, Entry
from tornadogw.store.ports_people import Factor, FactorStore

__all__ = ["RECOVERY", "Setup", "TwoFactor", "code_at"]

RECOVERY = 10
"""Recovery codes."""
STEP = 30
"""Seconds for which a code is shown."""
DRIFT = 1
"""Steps by which a clock may be wrong."""
SETUP = 1800.0
"""Seconds in which a set-up has to be confirmed."""
_SECRET = 20
"""Bytes (RFC 4226)."""
_DIGITS = 6
_LONGEST = 64
"""Characters of a code that are looked at."""


class Setup(msgspec.Struct, frozen=True):
    """A second factor before its confirmation: it is stored nowhere yet."""

    secret: str
    """In Base32, for who cannot take a picture."""
    uri: str
    sealed: str
    """What `confirm` takes; only this gateway can open it, for this account."""

    @override
    def __repr__(self) -> str:
        return "Setup(<masked>)"


class TwoFactor:
    """Every method raises `UsageError` with what to do instead."""

    def __init__(
        self,
        store: FactorStore,
        own: Own,
        tries: Tries,
        seal: Seal,
        title: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`title`: what apps call this deployment."""
        self._store, self._own, self._tries = store, own, tries
        self._seal, self._title, self._now = seal, " ".join(title.split()), now

    async def on(self, account: Account) -> bool:
        return await self._store.find(account.id) is not None

    async def left(self, account: Account) -> int | None:
        """Recovery codes that were not used; None: there is no second factor."""
        factor = await self._store.find(account.id)
        return None if factor is None else len(factor.recovery)

    async def begin(self, account: Account, password: str, *, address: str = "") -> Setup:
        """A secret to put into an app."""
        await self._own.prove(account, password, address=address)
        await self._not_on(account)
        secret = base64.b32encode(secrets.token_bytes(_SECRET)).decode()
        sealed = self._seal.close(f"{self._now():.0f} {secret}", _setup(account))
        return self._shown(account, secret, base64.urlsafe_b64encode(sealed).decode())

    def again(self, account: Account, sealed: str) -> Setup:
        """The set-up that `begin` made, while it may be confirmed."""
        try:
            at, _, secret = self._seal.open(base64.urlsafe_b64decode(sealed), _setup(account)).partition(" ")
        except (Broken, ValueError):
            at, secret = "0", ""
        if not 0 <= self._now() - float(at) + 1 <= SETUP:
            raise UsageError("this took too long: begin again", zh="操作超时：请重新开始")
        return self._shown(account, secret, sealed)

    async def confirm(
        self, account: Account, sealed: str, code: str, *, address: str = "", by: str = ""
    ) -> Sequence[str]:
        """From now on the log-in asks for codes. The recovery codes, for the one time they are shown."""
        setup = self.again(account, sealed)
        await self._not_on(account)
        await self._tries.allow("totp", account.id, address)
        counter = self._counter(setup.secret, _plain(code))
        if counter is None:
            raise _wrong()
        codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY)]
        factor = Factor(
            account_id=account.id,
            sealed=self._seal.close(setup.secret, account.id),
            counter=counter,
            recovery=tuple(map(digest, codes)),
            since=self._now(),
        )
        await self._store.put(factor, self._entry("account.two_factor", account, by))
        await self._tries.forgive("totp", account.id, address)
        return ["-".join(text[at : at + 4] for at in range(0, len(text), 4)) for text in codes]

    async def check(self, account: Account, code: str, *, address: str = "") -> None:
        """A code of the app, of this half minute or the ones beside it, or a recovery code: each works once."""
        await self._tries.allow("totp", account.id, address)
        factor = await self._store.find(account.id)
        if factor is not None and not await self._fits(account, factor, _plain(code)):
            raise _wrong()
        await self._tries.forgive("totp", account.id, address)

    async def switch_off(self, account: Account, password: str, code: str, *, address: str = "", by: str = "") -> None:
        """By its owner."""
        await self._own.prove(account, password, address=address)
        await self.check(account, code, address=address)
        await self.take_away(account, by=by)

    async def take_away(self, account: Account, *, by: str = "") -> None:
        """For who has lost the app and the recovery codes: whoever asks has been checked before."""
        if not await self._store.remove(account.id, self._entry("account.two_factor_off", account, by)):
            raise NotThere("this account has no second factor", zh="此账户没有启用两步验证")

    async def _fits(self, account: Account, factor: Factor, code: str) -> bool:
        if len(code) != _DIGITS:
            entry = self._entry("account.recovery_code", account, account.email)
            return await self._store.use_recovery(account.id, digest(code), entry)
        try:
            secret = self._seal.open(factor.sealed, account.id)
        except Broken:
            raise UsageError(
                "codes cannot be checked here any more: ask the operator", zh="无法再验证动态码：请联系运营者"
            ) from None
        counter = self._counter(secret, code)
        return counter is not None and await self._store.use_counter(account.id, counter)

    def _counter(self, secret: str, code: str) -> int | None:
        """Of which half minute the code is; None: of none that is near."""
        here, found = int(self._now() // STEP), None
        for counter in range(here - DRIFT, here + DRIFT + 1):
            if secrets.compare_digest(code_at(secret, counter * STEP).encode(), code.encode()):
                found = counter
        return found

    async def _not_on(self, account: Account) -> None:
        if await self.on(account):
            raise UsageError("this account has a second factor already", zh="此账户已启用两步验证")

    def _shown(self, account: Account, secret: str, sealed: str) -> Setup:
        label = quote(f"{self._title}:{account.email}", safe="@")
        query = urlencode({"secret": secret, "issuer": self._title}, quote_via=quote)
        return Setup(secret, f"otpauth://totp/{label}?{query}", sealed)

    def _entry(self, act: str, account: Account, by: str) -> Entry:
        return Entry(by=by, act=act, at=self._now(), account_id=account.id)


def code_at(secret: str, at: float) -> str:
    """The code that an app shows at a moment."""
    key = base64.b32decode(secret)
    return TOTP(key, _DIGITS, SHA1(), STEP).generate(int(at)).decode()  # noqa: S303 -- what all apps take (RFC 6238)


def _plain(code: str) -> str:
    return code[:_LONGEST].replace(" ", "").replace("-", "").upper()


def _setup(account: Account) -> str:
    return f"set-up of {account.id}"


def _wrong() -> UsageError:
    return UsageError(
        "this code is wrong, too old, or was used: take the next one",
        zh="动态码不正确、已过期或已使用：请使用下一个",
        field="code",
    )
