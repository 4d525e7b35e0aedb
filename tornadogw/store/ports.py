"""What the core needs from MongoDB, as protocols and frozen values. No driver type passes this line.

Every method may raise `StoreUnavailable`; after it, a write may have happened or not, so each one is safe to repeat.
Amounts are integers in micro-units of the currency, moments are Unix seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from tornadogw.types import Record, Terms

__all__ = [
    "MAX_AMOUNT",
    "PAYMENT_REF",
    "ROLES",
    "STATUSES",
    "Account",
    "AccountStore",
    "ApiKey",
    "Duplicate",
    "Entry",
    "Found",
    "KeyStore",
    "LastOwner",
    "Payment",
    "PaymentStore",
    "Released",
    "Role",
    "Start",
    "StartStore",
    "Status",
    "StoreUnavailable",
    "UsageStore",
]

MAX_AMOUNT = 2**63 - 1
"""The largest amount the database can hold."""

PAYMENT_REF = re.compile(r"code-[0-9a-f]{64}|order-[0-9a-f]{20}(-refund)?", re.ASCII)
"""References of what codes and orders pay in and take back; no payment by hand has such a one."""

Role = Literal["user", "reader", "operator", "owner"]
Status = Literal["active", "disabled"]
ROLES: tuple[Role, ...] = ("user", "reader", "operator", "owner")
"""Each may do what those before it may. A reader sees the operators' console and changes nothing there."""
STATUSES: tuple[Status, ...] = ("active", "disabled")


class StoreUnavailable(Exception):
    """MongoDB is away or did not answer in time. A write may or may not have happened."""


class Duplicate(Exception):
    """Something that has to be unique is there already."""


class LastOwner(Exception):
    """Nobody would be left who may do everything."""


class Value(msgspec.Struct, frozen=True):
    """Base of every value here."""


class Account(Value, frozen=True):
    """An account as anybody may see it: without the password's hash. `balance + held + spent == credited`, always."""

    id: str
    email: str
    status: Status = "active"
    role: Role = "user"
    language: str | None = None
    """`zh`, `en`, or None: the setting."""
    has_password: bool = False
    credited: int = 0
    balance: int = 0
    """What can be spent now; below zero only after calls that cost more than was held for them."""
    held: int = 0
    """Set aside for calls that are running."""
    spent: int = 0
    created: float = 0.0

    @property
    def active(self) -> bool:
        return self.status == "active"


class ApiKey(Value, frozen=True):
    """A key as anybody may see it: neither its text nor its hash."""

    id: str
    account_id: str
    label: str = ""
    disabled: bool = False
    rpm: int | None = None
    """Requests per minute; None: the setting."""
    models: tuple[str, ...] | None = None
    """Models it may use; None: all."""
    ips: tuple[str, ...] = ()
    """Networks it may be used from; empty: anywhere."""
    expires: float | None = None
    stream_default: bool | None = None
    """Whether its requests stream when neither they nor their headers say; None: the contract's rule."""
    budget_daily: int | None = None
    """What it may spend on one local day of its account, micro-units; None: no limit of its own."""
    budget_total: int | None = None
    """What it may spend in all, micro-units."""
    tokens_per_minute: int | None = None
    """None: the setting."""
    concurrent: int | None = None
    """Requests that may run at the same time; None: the setting."""
    created: float = 0.0


class Found(Value, frozen=True):
    """A key as authentication needs it: with what its account adds."""

    key: ApiKey
    account_active: bool
    language: str | None = None
    terms: tuple[Terms, ...] = ()
    """The account's plans by their beginning, those that are over among them."""
    time_zone: str = ""


class Entry(Value, frozen=True):
    """One line of the audit log: who did what, when, and what it changed. Never a secret."""

    by: str
    act: str
    """Such as `account.credit`."""
    at: float
    account_id: str = ""
    """Whose; empty: nobody's, such as a plan."""
    subject: str = ""
    """Which key, plan, batch or order."""
    before: Mapping[str, Any] = {}
    after: Mapping[str, Any] = {}


class Released(Value, frozen=True):
    """Holds that were given back."""

    count: int = 0
    amount: int = 0


class Start(Value, frozen=True):
    """One run of a process, as it registered itself."""

    id: str
    host: str
    """Machine, boot and process namespace: a process id means something only inside it."""
    pid: int
    began: str
    """When the process began, in the machine's own measure: tells a process from a later one with its id."""
    silent: float = 0.0
    """Seconds since its last heartbeat, by the database's clock."""


class AccountStore(Protocol):
    """Accounts and what was paid in. Every change is one step with its line in the audit log."""

    async def add(self, account: Account, password_hash: str | None, entry: Entry) -> None:
        """Store a new account; its amounts start at zero. Raises `Duplicate` for a known e-mail address."""

    async def by_email(self, email: str) -> Account | None: ...

    async def by_id(self, account_id: str) -> Account | None: ...

    async def all(self) -> Sequence[Account]:
        """Every account, by e-mail address."""

    async def search(
        self, prefix: str, *, role: Role | None = None, status: Status | None = None, after: str = "", limit: int
    ) -> Sequence[Account]:
        """The first accounts by e-mail address, of those that begin with `prefix` and come after `after`."""

    async def emails(self, account_ids: Sequence[str]) -> Mapping[str, str]:
        """The addresses of these accounts, by id."""

    async def count(self, status: Status | None = None) -> int:
        """How many accounts there are; without `status` about so many."""

    async def set_status(self, account_id: str, status: Status, entry: Entry) -> None:
        """Raises `LastOwner` if no active owner would be left."""

    async def set_role(self, account_id: str, role: Role, entry: Entry) -> None:
        """Raises `LastOwner` as above."""

    async def set_language(self, account_id: str, language: str | None, entry: Entry) -> None: ...

    async def set_email(self, account_id: str, email: str, entry: Entry) -> None:
        """Raises `Duplicate` if it is another account's."""

    async def set_password(self, account_id: str, password_hash: str | None, entry: Entry) -> None: ...

    async def password_hash(self, account_id: str) -> str | None: ...

    async def credit(
        self, account_id: str, amount: int, *, ref: str, by: str, at: float, act: str = "account.credit", why: str = ""
    ) -> bool:
        """Pay in, or take back a negative amount, once a `ref`. False: this very payment was there already.

        `why`: the reason, for payment and audit log.

        Raises `Duplicate` if `ref` belongs to another account or amount.
        """


class Payment(Value, frozen=True):
    """What moved an account's money other than calls."""

    ref: str
    amount: int
    """Micro-units; negative: taken back."""
    at: float
    by: str


class PaymentStore(Protocol):
    async def of_account(self, account_id: str, limit: int) -> Sequence[Payment]:
        """The latest of the account, newest first."""


class KeyStore(Protocol):
    """API keys, known by their digest: 32 bytes, a keyed hash. Every change has its line in the audit log."""

    async def add(self, key: ApiKey, digest: bytes, entry: Entry) -> None: ...

    async def find(self, digest: bytes) -> Found | None:
        """The key with this digest, in one read."""

    async def of_account(self, account_id: str) -> Sequence[ApiKey]:
        """The account's keys, oldest first."""

    async def by_id(self, key_id: str) -> ApiKey | None: ...

    async def digest(self, account_id: str, key_id: str) -> bytes | None:
        """By what the key is known now; None: the account has no such key."""

    async def labelled(self, prefix: str, limit: int) -> Sequence[ApiKey]:
        """Keys of whatever account whose label begins so, by label."""

    async def set_disabled(self, account_id: str, key_id: str, disabled: bool, entry: Entry) -> bool:
        """False: the account has no such key."""

    async def set_digest(self, account_id: str, key_id: str, digest: bytes, entry: Entry) -> bool:
        """Give the key another text; the old one is unknown from now on. False: the account has no such key."""

    async def change(
        self, account_id: str, key_id: str, edit: Callable[[ApiKey], ApiKey], entry: Entry
    ) -> ApiKey | None:
        """What `edit` makes of the key, all but its id, account and text; None: the account has no such key."""

    async def set_budgets(self, account_id: str, key_id: str, budgets: Mapping[str, int | None], entry: Entry) -> bool:
        """`budgets`: `daily`, `total` or both; None takes one away. False: the account has no such key."""


class StartStore(Protocol):
    """Which processes are alive, and the holds of those that are not."""

    async def beat(self, start: Start) -> None:
        """Register the start, or say that it still lives."""

    async def end(self, start_id: str) -> None:
        """Forget the start."""

    async def alive(self, silence: float) -> int:
        """How many starts were heard of within so many seconds."""

    async def holding(self) -> frozenset[str]:
        """Ids of the starts that hold something in the way of the first version."""

    async def migrate(self) -> None:
        """Give accounts without such holds the form of this version."""

    async def starts(self) -> Sequence[Start]:
        """Every registered start."""

    async def release_starts(self, start_ids: Iterable[str]) -> Released:
        """Give back every hold of these starts and forget them."""


class UsageStore(Protocol):
    """Finished calls, read back."""

    async def record(self, account_id: str, request_id: str) -> Record | None:
        """The account's latest call with this id."""
