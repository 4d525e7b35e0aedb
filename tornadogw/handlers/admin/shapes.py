"""What the admin API reads and gives where it is not a value of the services. Unknown fields are refused.

Amounts are integers in micro-units of the currency, moments Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tornadogw.store.ports import Account, ApiKey, Role, Status
from tornadogw.usage import By

__all__ = [
    "AccountChange",
    "AccountQuery",
    "Amount",
    "AuditQuery",
    "Batches",
    "Call",
    "CallQuery",
    "Days",
    "Enable",
    "Enabled",
    "Given",
    "Invitation",
    "Key",
    "KeyChange",
    "KeyQuery",
    "LatestQuery",
    "Mark",
    "NewAccount",
    "NewBatch",
    "NewInvitation",
    "NewKey",
    "NewPlan",
    "NewSubscription",
    "NewToken",
    "Page",
    "Password",
    "Payment",
    "PlanChange",
    "PlanQuery",
    "Secret",
    "TotalRow",
    "UsageQuery",
]

T = TypeVar("T")
Language = Literal["zh", "en"]
Amount = Annotated[int, Meta(gt=0, le=10**15, description="Micro-units of the currency.")]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Text = Annotated[str, Meta(max_length=500)]
Limit = Annotated[int, Meta(ge=1, le=200, description="How many are given at most.")]
Moment = Annotated[float, Meta(ge=0, le=10**11, description="Unix seconds.")]
Cursor = Annotated[float, Meta(ge=0, le=10**11, description="The `next` of the page before.")]
Duration = Annotated[str, Meta(max_length=10, description="A number and m, h, d or w, such as `30d`.")]
Days = Annotated[int, Meta(ge=1, le=3660)]
Words = Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=1000)]


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of many. `next`: the `cursor` for the ones after them; null: there are none."""

    items: Sequence[T]
    next: str | float | None


# --- accounts --------------------------------------------------------------------------------------------------------


class AccountQuery(Given, frozen=True):
    search: Text = ""
    """What the e-mail address begins with, or the account's id."""
    role: Role | None = None
    status: Status | None = None
    cursor: Text = ""
    limit: Limit = 50


class NewAccount(Given, frozen=True):
    """A role other than `user` takes the scope `roles:write`."""

    email: Text
    role: Role = "user"
    language: Language | None = None
    password: bool = False
    """With a password by chance, which is in the answer."""


class AccountChange(Given, frozen=True):
    """What is not there stays; changed in this order, and the first that is refused ends it."""

    role: Role | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    time_zone: Text | UnsetType = UNSET
    """An IANA name; empty: the setting."""
    language: Language | UnsetType | None = UNSET
    email: Text | UnsetType = UNSET
    """Every login of the account ends, and the old address is told, if mail is sent."""


class Password(msgspec.Struct, frozen=True):
    """An account and its password, this once; empty: it has none."""

    account: Account
    password: str


class Payment(Given, frozen=True):
    amount: Amount
    reason: Text
    ref: Annotated[str, Meta(max_length=128)] | None = None
    """Makes it safe to repeat: money moves once a reference."""


class LatestQuery(Given, frozen=True):
    """The latest of what an account has."""

    limit: Limit = 50


class NewSubscription(Given, frozen=True):
    plan: Text
    days: Days | None = None
    """Null: the plan's."""
    since: Annotated[str, Meta(max_length=10)] | None = None
    """A day of the account's, `YYYY-MM-DD`; null: by the rules of plans."""
    ref: Annotated[str, Meta(max_length=128)] | None = None
    """Makes it safe to repeat: a plan is given once a reference, until 90 days after its end."""


# --- keys ------------------------------------------------------------------------------------------------------------


class KeyQuery(Given, frozen=True):
    search: Annotated[str, Meta(max_length=200)]
    """A key's id, or what its label begins with."""
    limit: Limit = 50


class NewKey(Given, frozen=True):
    label: Text = ""
    rpm: Count | None = None
    models: Words | None = None
    ips: Words = ()
    expires: Duration | None = None
    stream_default: bool | None = None
    budget_daily: Amount | None = None
    budget_total: Amount | None = None
    tokens_per_minute: Count | None = None
    concurrent: Count | None = None


class KeyChange(Given, frozen=True):
    """What is not there stays; null takes a limit away: all models, from anywhere, for ever, the settings' limits."""

    disabled: bool | UnsetType = UNSET
    label: Text | UnsetType = UNSET
    rpm: Count | UnsetType | None = UNSET
    models: Words | UnsetType | None = UNSET
    ips: Words | UnsetType | None = UNSET
    expires: Duration | UnsetType | None = UNSET
    """From now on."""
    stream_default: bool | UnsetType | None = UNSET
    budget_daily: Amount | UnsetType | None = UNSET
    budget_total: Amount | UnsetType | None = UNSET
    tokens_per_minute: Count | UnsetType | None = UNSET
    concurrent: Count | UnsetType | None = UNSET


class Key(ApiKey, frozen=True):
    """A key, and what it does not say of itself."""

    last_used: float | None = None
    """When its last call began; null: never, or before calls were kept."""


class Secret(msgspec.Struct, frozen=True):
    """A key and its text, this once."""

    key: Key
    text: str


# --- plans, codes, invitations ---------------------------------------------------------------------------------------


class NewPlan(Given, frozen=True):
    name: Annotated[str, Meta(max_length=64)]
    daily: Amount
    models: Words | None = None
    rpm: Count | None = None
    factor: Annotated[int, Meta(gt=0, le=10**9, description="What it takes of a price, in millionths.")] = 1_000_000
    days: Days = 30
    prepaid_after: bool = True
    prepaid_outside: bool = True


class PlanChange(Given, frozen=True):
    """What is not there stays; `models` null: all; `rpm` null: no limit of its own."""

    daily: Amount | UnsetType = UNSET
    models: Words | UnsetType | None = UNSET
    rpm: Count | UnsetType | None = UNSET
    factor: Annotated[int, Meta(gt=0, le=10**9)] | UnsetType = UNSET
    days: Days | UnsetType = UNSET
    prepaid_after: bool | UnsetType = UNSET
    prepaid_outside: bool | UnsetType = UNSET


class PlanQuery(Given, frozen=True):
    """Pages of what is listed by when it was made."""

    cursor: Cursor | None = None
    limit: Limit = 50


class NewBatch(Given, frozen=True):
    """Each code is worth either an amount or a plan."""

    count: Annotated[int, Meta(ge=1, le=10_000)]
    amount: Amount | None = None
    plan: Text | None = None
    expires: Duration | None = None
    label: Text = ""


class Batches(msgspec.Struct, frozen=True):
    """A batch's id and its codes, this once."""

    id: str
    codes: Sequence[str]


class NewInvitation(Given, frozen=True):
    uses: Annotated[int, Meta(ge=1, le=100_000)] = 1
    expires: Duration = "30d"


class Invitation(msgspec.Struct, frozen=True):
    id: str
    uses: int
    """How often it may still be used."""
    expires: float
    by: str
    code: str | None = None
    """Only in the answer to its making."""


# --- records ---------------------------------------------------------------------------------------------------------


class UsageQuery(Given, frozen=True):
    days: Days = 30
    by: By = "model"


class TotalRow(msgspec.Struct, frozen=True):
    """What calls of all accounts came to on one day, by model and upstream that answered."""

    day: str
    model: str
    upstream: str
    requests: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    cost: int
    """Charged."""
    paid: int
    """What the operator pays, where that is known."""
    unknown: int
    """Charged for calls of which it is not."""


class CallQuery(Given, frozen=True):
    account_id: Text = ""
    key_id: Text = ""
    model: Text = ""
    upstream: Text = ""
    failed: bool = False
    since: Moment = 0.0
    cursor: Cursor | None = None
    limit: Limit = 50


class Call(msgspec.Struct, frozen=True):
    id: str
    account_id: str
    key_id: str
    started: float
    ms: int
    mode: str
    stream: bool
    asked: str
    model: str
    upstream: str
    finish: str
    code: int
    prompt_tokens: int
    completion_tokens: int
    cost: int


class AuditQuery(Given, frozen=True):
    account_id: Text = ""
    act: Text = ""
    """What the act begins with."""
    by: Text = ""
    """Who did it, exactly."""
    since: Moment = 0.0
    cursor: Cursor | None = None
    limit: Limit = 50


# --- upstreams, tokens -----------------------------------------------------------------------------------------------


class Mark(msgspec.Struct, frozen=True):
    """What of an upstream is left alone, for all processes."""

    upstream: str
    key: str
    """Its name; empty: whatever the key."""
    model: str
    """Empty: whatever the model."""
    disabled: bool
    openings: int
    """How often its breaker has opened since it was closed."""
    cool: float
    """Seconds for which it is left alone from now on."""


class Enable(Given, frozen=True):
    name: Text
    """Of a key or an upstream."""


class Enabled(msgspec.Struct, frozen=True):
    places: int
    """How many places are used again."""


class NewToken(Given, frozen=True):
    scopes: Words
    label: Text = ""
    expires: Duration | None = "90d"
    """Null: it never ends."""
