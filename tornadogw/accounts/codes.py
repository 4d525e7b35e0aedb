"""Redeem codes: made in batches, shown once, kept as keyed hashes, good for an amount or for days of a plan, once.

A code is 16 symbols of chance (80 bits) and 4 of a check sum, in groups of four. The symbols are Crockford's: no letter
that is taken for a digit, and what is typed instead is understood. The check sum is keyed: nobody else can write a text
that is worth a look into the database.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import Accounts, parse_amount
from tornadogw.accounts.checks import checked_count, checked_label, parse_duration
from tornadogw.accounts.plans import Plans
from tornadogw.accounts.subscriptions import subscribed
from tornadogw.errors import NotThere, UsageError
from tornadogw.store.ports import Account, Entry
from tornadogw.store.trade import Batch, Code, CodeStore, Standing

__all__ = ["Coder", "Codes", "NewBatch", "Redeemed"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TYPED = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})
_RANDOM, _CHECK, _GROUP = 16, 4, 4
_LONGEST_TYPED = 64
_MOST_CODES = 10_000


class Coder:
    """Writes codes, and tells those that it may have written from anything else. `secret`: from the server's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def new(self) -> str:
        text = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
        text += self._check_sum(text)
        return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))

    def digest(self, typed: str) -> bytes | None:
        """The 32 bytes that are stored for a code, however it was typed. None: no code of this gateway."""
        if len(typed) > _LONGEST_TYPED:
            return None
        text = typed.strip().upper().translate(_TYPED)
        if len(text) != _RANDOM + _CHECK or not set(text) <= set(_ALPHABET):
            return None
        if not hmac.compare_digest(text[_RANDOM:], self._check_sum(text[:_RANDOM])):
            return None
        return hmac.digest(self._secret, b"code:" + text.encode(), "sha256")

    def _check_sum(self, text: str) -> str:
        number = int.from_bytes(hmac.digest(self._secret, b"check:" + text.encode(), "sha256")[:4])
        return "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_CHECK))


class NewBatch(msgspec.Struct, frozen=True):
    """A batch and the texts of its codes, for the one time they are shown."""

    batch: Batch
    codes: tuple[str, ...]

    @override
    def __repr__(self) -> str:
        return f"NewBatch(batch={self.batch!r}, codes=<masked>)"


class Redeemed(msgspec.Struct, frozen=True):
    """What a code was worth, and the account after it."""

    account: Account
    batch: Batch
    repeated: bool = False
    """This account had redeemed it before: nothing was added this time."""


class Codes:
    """What can be done with codes. Every method raises `UsageError` for a wrong argument or an unknown thing."""

    def __init__(
        self,
        store: CodeStore,
        accounts: Accounts,
        plans: Plans,
        hash_key: bytes,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`hash_key`: the secret of digests and check sums, from the server's secret."""
        self._store, self._accounts, self._plans = store, accounts, plans
        self._coder, self._now = Coder(hash_key), now

    async def create(
        self,
        *,
        count: int,
        amount: str | None = None,
        plan: str | None = None,
        expires: str | None = None,
        label: str = "",
        by: str = "",
    ) -> NewBatch:
        """A batch worth `amount` (decimal text) or a `plan` each; `expires`: a duration from now, such as `90d`."""
        if (amount is None) == (plan is None):
            raise UsageError(
                "a code is worth either an amount or a plan: give one of them",
                zh="兑换码要么值一个金额，要么值一个套餐：请填写其中之一",
                field="amount",
            )
        now = self._now()
        batch = Batch(
            id=secrets.token_hex(4),
            count=checked_count("codes of a batch", count, _MOST_CODES, zh="每批兑换码数量", field="count") or 0,
            amount=None if amount is None else parse_amount(amount),
            plan=plan,
            days=None if plan is None else (await self._plans.offered(plan)).days,
            expires=None if expires is None else now + parse_duration(expires),
            label=checked_label(label),
            created=now,
        )
        texts = tuple(self._coder.new() for _ in range(batch.count))
        digests = [digest for digest in map(self._coder.digest, texts) if digest is not None]
        await self._store.add(batch, digests, Entry(by=by, act="code.create", at=now, subject=batch.id))
        return NewBatch(batch, texts)

    async def list(self) -> Sequence[Batch]:
        """Every batch, oldest first."""
        return await self._store.batches()

    async def page(self, before: float | None = None, *, limit: int = 20) -> tuple[Sequence[Batch], float | None]:
        """The latest batches before then, newest first, and before when the next ones are; None: there are none."""
        return await self._store.page(before, limit)

    async def void(self, batch_id: str, *, by: str = "") -> Batch:
        """What is not used of the batch is good for nothing from now on."""
        entry = Entry(by=by, act="code.void", at=self._now(), subject=batch_id)
        batch = await self._store.void(batch_id, entry)
        if batch is None:
            raise NotThere(
                f"there is no batch {batch_id}: `tornadogw code list` shows those there are",
                zh=f"没有批次 {batch_id}",
            )
        return batch

    async def redeem(self, email: str, code: str, *, by: str = "") -> Redeemed:
        """Give the account what the code is worth, once. Text that is no code costs no look into the database."""
        digest = self._coder.digest(code)
        if digest is None:
            raise UsageError(
                "this is not a code: look for a wrong or missing character",
                zh="这不是兑换码：请检查是否有错字或漏字",
                field="code",
            )
        account = await self._accounts.show(email)
        if not account.active:
            raise UsageError(f"the account {account.email} is disabled", zh=f"账户 {account.email} 已停用")
        found, now = await self._find(digest), self._now()
        repeated = found.account_id == account.id
        if not repeated:
            _check(found, now)
            repeated = not await self._claim(digest, account, found.batch, now, by)
        return Redeemed(await self._accounts.show(email), found.batch, repeated)

    async def _claim(self, digest: bytes, account: Account, batch: Batch, now: float, by: str) -> bool:
        """False: another call for the same account was first. Raises UsageError if somebody else was."""

        def edit(standing: Standing) -> Standing:
            return subscribed(standing, batch.plan or "", batch.days or 0, now)

        entry = Entry(by=by, act="code.redeem", at=now, account_id=account.id, subject=batch.id)
        if await self._store.claim(digest, account.id, edit, entry):
            return True
        found = await self._find(digest)
        if found.account_id != account.id:
            _check(found, now)
            raise UsageError("this code cannot be redeemed now: try again", zh="现在无法兑换：请再试一次", field="code")
        return False

    async def _find(self, digest: bytes) -> Code:
        found = await self._store.find(digest)
        if found is None:
            raise UsageError("there is no such code", zh="没有这个兑换码", field="code")
        return found


def _check(found: Code, now: float) -> None:
    """Raises UsageError when the code is good for nobody."""
    if found.account_id is not None:
        raise UsageError("this code was redeemed already", zh="这个兑换码已经用过", field="code")
    if found.batch.voided is not None:
        raise UsageError("this code is void", zh="这个兑换码已作废", field="code")
    if found.batch.expires is not None and found.batch.expires <= now:
        when = datetime.fromtimestamp(found.batch.expires, UTC).isoformat(" ", "seconds")
        raise UsageError(f"this code has expired, on {when}", zh=f"这个兑换码已于 {when} 过期", field="code")
