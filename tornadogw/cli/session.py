"""The database for one command: the operator's own, that of a running `serve`, or a private one for the moment."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from tornadogw.accounts.office import Office, office
from tornadogw.cli.output import logs_on_stderr
from tornadogw.cli.state import State
from tornadogw.doctor import Doctor
from tornadogw.errors import UsageError
from tornadogw.seals import Seal
from tornadogw.secret import Secret, load_secret
from tornadogw.settings import Loaded
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_embedded import open_private
from tornadogw.store.mongo_indexes import INDEXES
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_supply import MongoSupply
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_supply import SupplyStore

__all__ = ["Session", "with_database"]

T = TypeVar("T")

PATIENCE_MS = 10_000
"""What one operation on a private server may take at least."""


class Session(Office, frozen=True):
    """What commands work with while the database is open."""

    loaded: Loaded
    doctor: Doctor
    supplied: SupplyStore
    seal: Seal
    """Of what is sealed in the database."""

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
    zone, shared = loaded.settings.money.time_zone, office(mongo, secret, loaded.settings)
    doctor = Doctor(MongoDoctor(mongo, zone), MongoDayJobs(mongo, zone))
    return Session(
        **msgspec.structs.asdict(shared),
        loaded=loaded,
        doctor=doctor,
        supplied=MongoSupply(mongo),
        seal=Seal(secret.upstream_secrets_key),
    )


def _user() -> str:
    """Containers run as users without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
