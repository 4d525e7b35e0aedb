"""The database for one command: the operator's own, that of a running `serve`, or a private one for the moment."""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.codes import Codes
from tornadogw.accounts.keys import Keys
from tornadogw.accounts.plans import Plans
from tornadogw.accounts.subscriptions import Subscriptions
from tornadogw.cli.output import logs_on_stderr
from tornadogw.cli.state import State
from tornadogw.doctor import Doctor
from tornadogw.errors import UsageError
from tornadogw.secret import Secret, load_secret
from tornadogw.settings import Loaded
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_codes import MongoCodes
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.mongo_decisions import MongoDecisions
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_embedded import open_private
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.mongo_indexes import INDEXES
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_decisions import DecisionStore
from tornadogw.store.ports_health import HealthStore
from tornadogw.store.ports_usage import DayStore

__all__ = ["Session", "with_database"]

T = TypeVar("T")

PATIENCE_MS = 10_000
"""What one operation on a private server may take at least."""


class Session(msgspec.Struct, frozen=True):
    """What commands work with while the database is open."""

    loaded: Loaded
    accounts: Accounts
    keys: Keys
    plans: Plans
    subscriptions: Subscriptions
    codes: Codes
    audit: Audit
    days: DayStore
    decisions: DecisionStore
    health: HealthStore
    doctor: Doctor

    @property
    def by(self) -> str:
        """Who uses the command line, for the audit log."""
        return f"command line ({_user()})"

    @property
    def currency(self) -> str:
        return self.loaded.settings.money.currency


def with_database(state: State, work: Callable[[Session], Awaitable[T]], loaded: Loaded | None = None) -> T:
    """The result of `work`. Raises UsageError, also while the database is away."""
    loaded = loaded or state.load()
    settings = loaded.settings
    secret = load_secret(settings.server.secret, state.data)
    try:
        with logs_on_stderr():
            if settings.mongo.url:
                return asyncio.run(_connected(loaded, settings.mongo.url, secret, work))
            with open_private(state.data, "command") as private:
                return asyncio.run(_connected(_patient(loaded), private.url, secret, work))
    except StoreUnavailable as error:
        raise UsageError(f"{error}. Is the address in `mongo.url` right, and does it answer from here?") from error


def _patient(loaded: Loaded) -> Loaded:
    """A server that has just begun may be slow, and no client waits for a command."""
    mongo = loaded.settings.mongo
    mongo = msgspec.structs.replace(mongo, timeout_ms=max(mongo.timeout_ms, PATIENCE_MS))
    return msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, mongo=mongo))


async def _connected(loaded: Loaded, url: str, secret: Secret, work: Callable[[Session], Awaitable[T]]) -> T:
    """A command may be the first that ever touches the database: it checks and prepares it as `serve` does."""
    settings = loaded.settings.mongo
    mongo = Mongo.connect(url, settings.database, settings.timeout_ms)
    try:
        await mongo.check()
        await mongo.check_secret(secret.fingerprint)
        await mongo.ensure_indexes(*INDEXES)
        return await work(_session(loaded, mongo, secret))
    finally:
        await mongo.close()


def _session(loaded: Loaded, mongo: Mongo, secret: Secret) -> Session:
    store = MongoAccounts(mongo)
    accounts, plans = Accounts(store), Plans(MongoPlans(mongo))
    zone = loaded.settings.money.time_zone
    return Session(
        loaded=loaded,
        accounts=accounts,
        keys=Keys(MongoKeys(mongo), store, secret.key_hash_key),
        plans=plans,
        subscriptions=Subscriptions(MongoSubscriptions(mongo), accounts, plans, time_zone=zone),
        codes=Codes(MongoCodes(mongo), accounts, plans, secret.code_hash_key),
        audit=Audit(MongoAudit(mongo), accounts),
        days=MongoDays(mongo, zone),
        decisions=MongoDecisions(mongo),
        health=MongoHealth(mongo, secrets.token_hex(8)),
        doctor=Doctor(MongoDoctor(mongo, zone), MongoDayJobs(mongo, zone)),
    )


def _user() -> str:
    """Containers run as users without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
