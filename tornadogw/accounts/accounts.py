"""Accounts: make, show, change, pay in.

Frozen values come out, `UsageError` with a helpful sentence when something cannot be done.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import ParamSpec, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tornadogw.accounts.checks import checked_ref
from tornadogw.errors import Conflict, NotThere, UsageError
from tornadogw.store.ports import (
    PAYMENT_REF,
    ROLES,
    STATUSES,
    Account,
    AccountStore,
    Duplicate,
    Entry,
    LastOwner,
    Role,
    Status,
)

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["Accounts", "Credit", "format_amount", "normal_email", "parse_amount"]

MICRO = 1_000_000
HASHING = 2
"""Passwords that are hashed at the same time."""
MAX_CREDIT = 10**9
"""Currency units in one payment; keeps sums far from what the database can hold."""

_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,18})?", re.ASCII)
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}")
_LABEL = re.compile(r"[^\W_](([^\W_]|-){0,61}[^\W_])?")
_REASON = re.compile(r"[^\x00-\x1f\x7f]{0,500}")
_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_LANGUAGES = ("zh", "en")
_LONGEST_EMAIL = 254
_SHORTEST, _LONGEST = 8, 1024


class Credit(msgspec.Struct, frozen=True):
    """A payment, and the account after it."""

    account: Account
    amount: int
    """Micro-units; negative: taken back."""
    ref: str
    repeated: bool = False
    """The payment was there already: nothing was paid in this time."""


def parse_amount(text: str) -> int:
    """Currency units as decimal text to micro-units, exactly. Raises `UsageError`."""
    if not _AMOUNT.fullmatch(text.strip()):
        raise UsageError(
            f"{text!r} is not an amount: give a positive decimal number of currency units, such as 12.50",
            zh=f"{text!r} 不是金额：请填写正的十进制数，例如 12.50",
            field="amount",
        )
    micro = Decimal(text.strip()) * MICRO
    if micro != int(micro):
        raise UsageError(
            f"{text!r} is too fine: the smallest amount is 0.000001",
            zh=f"{text!r} 太精细：最小金额是 0.000001",
            field="amount",
        )
    if not 0 < micro <= MAX_CREDIT * MICRO:
        raise UsageError(
            f"{text!r} is out of range: one payment is more than 0 and at most {MAX_CREDIT}",
            zh=f"{text!r} 超出范围：一次付款须大于 0 且不超过 {MAX_CREDIT}",
            field="amount",
        )
    return int(micro)


def format_amount(micro: int) -> str:
    """Micro-units as decimal text of currency units, at least two decimals."""
    units, rest = divmod(abs(micro), MICRO)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micro < 0 else ''}{units}.{decimals}"


def normal_email(text: str) -> str:
    """The one way an address is stored and looked up: trimmed, lower case. Raises `UsageError`."""
    email = text.strip().lower()
    local, at, domain = email.rpartition("@")
    if not at or len(email) > _LONGEST_EMAIL or not _LOCAL.fullmatch(local):
        raise UsageError(f"{text!r} is not an e-mail address", zh=f"{text!r} 不是电子邮箱地址", field="email")
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise UsageError(
            f"{text!r} is not an e-mail address: the part after @ is no domain",
            zh=f"{text!r} 不是电子邮箱地址：@ 后面不是域名",
            field="email",
        )
    return email


def _last_owner(account: Account) -> UsageError:
    return Conflict(
        f"{account.email} is the last active owner: make another one first",
        zh=f"{account.email} 是最后一个可用的所有者：请先指定另一个",
        field="role",
    )


def _checked_password(password: str) -> str:
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise UsageError(
            f"a password has {_SHORTEST} to {_LONGEST} characters",
            zh=f"密码须有 {_SHORTEST} 到 {_LONGEST} 个字符",
            field="password",
        )
    return password


def _checked_role(role: str) -> Role:
    for known in ROLES:
        if role == known:
            return known
    raise UsageError(
        f"there is no role {role!r}: take one of {', '.join(ROLES)}",
        zh=f"没有角色 {role!r}：请选择 {', '.join(ROLES)} 之一",
        field="role",
    )


def _checked_language(language: str | None) -> str | None:
    if language is not None and language not in _LANGUAGES:
        raise UsageError(
            f"there is no language {language!r}: take one of {', '.join(_LANGUAGES)}",
            zh=f"没有语言 {language!r}：请选择 {', '.join(_LANGUAGES)} 之一",
            field="language",
        )
    return language


class Accounts:
    """What can be done with accounts. Every method raises `UsageError` for a wrong argument or an unknown account."""

    def __init__(
        self, store: AccountStore, *, hasher: PasswordHasher | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._store, self._hasher, self._now = store, hasher or PasswordHasher(), now
        self._hashing = asyncio.Semaphore(HASHING)

    async def create(
        self,
        email: str,
        *,
        password: str | None = None,
        hashed: str | None = None,
        role: str = "user",
        language: str | None = None,
        by: str = "",
    ) -> Account:
        """A new account with an empty balance; without a password nobody can log in to it.

        `hashed`: the password as `hashed` has made it earlier.
        """
        account = Account(
            id=secrets.token_hex(8),
            email=normal_email(email),
            role=_checked_role(role),
            language=_checked_language(language),
            has_password=password is not None or hashed is not None,
            created=self._now(),
        )
        try:
            kept = hashed or await self._hash(password)
            await self._store.add(account, kept, self._entry("account.create", account, by))
        except Duplicate:
            raise Conflict(
                f"there is an account {account.email} already", zh=f"账户 {account.email} 已经存在", field="email"
            ) from None
        return account

    async def show(self, email: str) -> Account:
        address = normal_email(email)
        account = await self._store.by_email(address)
        if account is None:
            raise NotThere(
                f"there is no account {address}: `tornadogw account list` shows those there are",
                zh=f"没有账户 {address}",
                field="email",
            )
        return account

    async def find(self, email: str) -> Account | None:
        """None: there is none with this address."""
        return await self._store.by_email(normal_email(email))

    async def hashed(self, password: str) -> str:
        """A password to keep until there is an account for it."""
        return await self._slowly(self._hasher.hash, _checked_password(password))

    async def fits(self, hashed: str, password: str) -> bool:
        """Whether it is the password of which `hashed` was made."""
        return len(password) <= _LONGEST and await self._slowly(self._fits, hashed, password)

    async def mark(self, account_id: str) -> str:
        """Changes whenever the account's password does, and tells nothing of it."""
        stored = await self._store.password_hash(account_id)
        return hashlib.sha256(f"{account_id} {stored}".encode()).hexdigest()

    async def by_id(self, account_id: str) -> Account | None:
        return await self._store.by_id(account_id)

    async def list(self) -> Sequence[Account]:
        """Every account, by e-mail address."""
        return await self._store.all()

    async def search(
        self, text: str = "", *, role: str = "", status: str = "", after: str = "", limit: int = 50
    ) -> Sequence[Account]:
        """The first accounts after the address `after`: those whose address begins with `text`, or that one's whose id
        it is.
        """
        sought = text.strip().lower()[:_LONGEST_EMAIL]
        if _ID.fullmatch(sought) and (account := await self._store.by_id(sought)) is not None:
            return [account]
        wanted_role = _checked_role(role) if role else None
        wanted_status = next((known for known in STATUSES if known == status), None)
        return await self._store.search(sought, role=wanted_role, status=wanted_status, after=after, limit=limit)

    async def emails(self, account_ids: Sequence[str]) -> Mapping[str, str]:
        """The addresses of these accounts by id, without their figures."""
        return await self._store.emails(account_ids)

    async def count(self, *, disabled: bool = False) -> int:
        """How many there are, about; or how many are disabled."""
        return await self._store.count("disabled" if disabled else None)

    async def disable(self, email: str, *, by: str = "") -> Account:
        """Its keys are refused from now on; what runs is finished and charged."""
        return await self._set_status(email, "disabled", "account.disable", by)

    async def enable(self, email: str, *, by: str = "") -> Account:
        return await self._set_status(email, "active", "account.enable", by)

    async def set_role(self, email: str, role: str, *, by: str = "") -> Account:
        checked = _checked_role(role)
        account = await self.show(email)
        try:
            await self._store.set_role(account.id, checked, self._entry("account.role", account, by))
        except LastOwner:
            raise _last_owner(account) from None
        return msgspec.structs.replace(account, role=checked)

    async def set_language(self, email: str, language: str | None, *, by: str = "") -> Account:
        checked = _checked_language(language)
        account = await self.show(email)
        await self._store.set_language(account.id, checked, self._entry("account.language", account, by))
        return msgspec.structs.replace(account, language=checked)

    async def set_email(self, account: Account, email: str, *, by: str = "") -> Account:
        """Another address, if it is not another account's."""
        new = normal_email(email)
        if new == account.email:
            return account
        try:
            await self._store.set_email(account.id, new, self._entry("account.email", account, by))
        except Duplicate:
            raise Conflict(f"there is an account {new} already", zh=f"账户 {new} 已经存在", field="email") from None
        return msgspec.structs.replace(account, email=new)

    async def set_password(self, email: str, password: str | None, *, by: str = "") -> Account:
        """None takes the password away: nobody can log in any more."""
        account = await self.show(email)
        return await self.set_hashed(account, await self._hash(password), by=by)

    async def set_hashed(self, account: Account, hashed: str | None, *, by: str = "") -> Account:
        """As `set_password`, of what `hashed` made."""
        await self._store.set_password(account.id, hashed, self._entry("account.password", account, by))
        return msgspec.structs.replace(account, has_password=hashed is not None)

    async def log_in(self, email: str, password: str) -> Account | None:
        """The active account with this password, or None; as slow for an unknown address as for a wrong password."""
        if len(password) > _LONGEST:
            return None
        try:
            account = await self._store.by_email(normal_email(email))
        except UsageError:
            account = None
        stored = None if account is None else await self._store.password_hash(account.id)
        if stored is None:
            await self._slowly(self._hasher.hash, password)
            return None
        fits = await self._slowly(self._fits, stored, password)
        return account if fits and account is not None and account.active else None

    async def credit(
        self, email: str, amount: str, *, ref: str | None = None, reason: str = "", by: str = ""
    ) -> Credit:
        """Pay in `amount` (decimal text, currency units). `ref` makes it safe to repeat: a payment counts once.

        `reason` and `by`, who did it, are for the record.
        """
        return await self._pay(email, parse_amount(amount), ref, "account.credit", by, reason)

    async def debit(self, email: str, amount: str, *, ref: str | None = None, reason: str = "", by: str = "") -> Credit:
        """Take `amount` back, as `credit` pays in: a correction. The balance may fall below zero."""
        return await self._pay(email, -parse_amount(amount), ref, "account.debit", by, reason)

    async def _pay(self, email: str, micro: int, ref: str | None, act: str, by: str, reason: str) -> Credit:
        if not _REASON.fullmatch(reason):
            raise UsageError(
                "a reason has at most 500 characters, in one line", zh="原因最多 500 个字符，写在一行", field="reason"
            )
        checked_ref(ref)
        if ref is not None and PAYMENT_REF.fullmatch(ref):
            raise UsageError(
                f"{ref!r} is a reference as codes and orders have them: take another",
                zh=f"{ref!r} 是兑换码和订单使用的编号：请换一个",
                field="ref",
            )
        account = await self.show(email)
        name = ref or f"manual-{secrets.token_hex(8)}"
        try:
            new = await self._store.credit(account.id, micro, ref=name, by=by, at=self._now(), act=act, why=reason)
        except Duplicate:
            raise Conflict(
                f"the reference {name} belongs to another payment: no money was moved",
                zh=f"编号 {name} 属于另一笔付款：没有动用任何资金",
                field="ref",
            ) from None
        return Credit(await self.show(email), micro, name, repeated=not new)

    async def _set_status(self, email: str, status: Status, act: str, by: str) -> Account:
        account = await self.show(email)
        try:
            await self._store.set_status(account.id, status, self._entry(act, account, by))
        except LastOwner:
            raise _last_owner(account) from None
        return msgspec.structs.replace(account, status=status)

    def _entry(self, act: str, account: Account, by: str) -> Entry:
        return Entry(by=by, act=act, at=self._now(), account_id=account.id)

    async def _hash(self, password: str | None) -> str | None:
        """Slow by design, so in a thread."""
        return None if password is None else await self.hashed(password)

    async def _slowly(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """In a thread, few at a time: each takes a core and 64 MiB."""
        async with self._hashing:
            return await asyncio.to_thread(work, *arguments, **named)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
