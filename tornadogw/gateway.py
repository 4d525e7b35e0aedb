"""Everything that a running gateway is made of, wired once, opened in order and closed in reverse."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.first import Welcome, welcome
from tornadogw.accounts.keys import Keys
from tornadogw.aftermath import Aftermath
from tornadogw.auth import Auth, KeyHasher
from tornadogw.catalogue import Catalogue
from tornadogw.dialects.chat_negotiate import JSON_CLIENTS
from tornadogw.errors import Unavailable
from tornadogw.exchange import Gate
from tornadogw.handlers.base import Inflight, Parts
from tornadogw.health import Health
from tornadogw.ledger import Ledger
from tornadogw.limits import Windows, networks
from tornadogw.plugins import Plugins
from tornadogw.router import Router
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.starts import Starts
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_indexes import INDEXES
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.store.mongo_ledger import MongoLedger, MongoStarts
from tornadogw.store.mongo_watch import Watch
from tornadogw.store.ports import StoreUnavailable
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport
from tornadogw.transport.fetch import Fetcher, Limits
from tornadogw.types import Value

__all__ = ["Gateway", "open_gateway"]

log = logging.getLogger(__name__)

_OF_CALLERS = ("status", "lang")
"""Fields of an account that its callers are made of; its money changes with every call."""
_FRESH = 1.5
"""Seconds since the change stream was last heard within which callers are believed; it answers four times a second."""


class Gateway(Value, frozen=True):
    """What the server needs of an open gateway."""

    parts: Parts
    ledger: Ledger
    welcome: Welcome | None
    """Only at the very first start."""


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    plugins: Plugins,
    environ: Mapping[str, str],
    secret: Secret,
    mongo_url: str,
    data: Path,  # noqa: ARG001 -- where the journal will stand
) -> AsyncIterator[Gateway]:
    """A gateway that can answer; what it keeps on disk stands below `data`.

    Raises UsageError with what to change, StoreUnavailable while MongoDB is away.
    """
    catalogue = Catalogue.build(settings, plugins.register_vendors(), environ)
    async with AsyncExitStack() as stack:
        mongo = Mongo.connect(mongo_url, settings.mongo.database, settings.mongo.timeout_ms)
        stack.push_async_callback(mongo.close)
        await _prepare(mongo, secret)
        starts = Starts(MongoStarts(mongo))
        await starts.begin()
        stack.push_async_callback(starts.end)
        await starts.release_dead_starts()
        ledger = Ledger(MongoLedger(mongo), starts.id)
        stack.push_async_callback(_drained, ledger)
        auth = await stack.enter_async_context(_authenticating(mongo, secret))
        transport = Transport()
        await transport.open()
        stack.push_async_callback(transport.close)
        tokens = Tokens(transport)
        stack.push_async_callback(tokens.close)
        await plugins.startup()
        stack.push_async_callback(plugins.shutdown)
        aftermath = Aftermath(plugins.call_finished if plugins.has_call_finished else None)
        stack.push_async_callback(aftermath.close)
        parts = _parts(settings, catalogue, auth, ledger, transport, tokens, aftermath, Readiness(mongo, catalogue))
        accounts, keys = MongoAccounts(mongo), MongoKeys(mongo)
        first = await welcome(Accounts(accounts), Keys(keys, accounts, secret.key_hash_key))
        yield Gateway(parts, ledger, first)


async def _prepare(mongo: Mongo, secret: Secret) -> None:
    await mongo.check()
    await mongo.check_secret(secret.fingerprint)
    await mongo.ensure_indexes(*INDEXES)


async def _drained(ledger: Ledger) -> None:
    lost = await ledger.drain(10.0)
    if lost:
        log.error("%d writes of money did not reach the database; what they hold is given back by the next start", lost)


@asynccontextmanager
async def _authenticating(mongo: Mongo, secret: Secret) -> AsyncIterator[Auth]:
    """Changes of keys and accounts reach the cache of callers at once."""
    auth = Auth(MongoKeys(mongo), KeyHasher(secret.key_hash_key), fresh=lambda: watch.silence < _FRESH)

    def changed(collection: str, document_id: str, _kind: str, _document: Mapping[str, Any] | None) -> None:
        if collection == "keys":
            auth.drop(key_id=document_id)
        else:
            auth.drop(account_id=document_id)

    watch = Watch(mongo, {"keys": None, "accounts": _OF_CALLERS}, changed, auth.drop_all)
    watch.start()
    try:
        yield auth
    finally:
        await watch.close()


def _parts(
    settings: Settings,
    catalogue: Catalogue,
    auth: Auth,
    ledger: Ledger,
    transport: Transport,
    tokens: Tokens,
    aftermath: Aftermath,
    ready: Readiness,
) -> Parts:
    health, images = Health(time.monotonic), settings.images
    router = Router(catalogue, health, max_tokens=settings.defaults.max_tokens, rng=random.Random())  # noqa: S311 -- shares load, keeps no secret
    gate = Gate(
        router=router,
        ledger=ledger,
        transport=transport,
        tokens=tokens,
        fetcher=Fetcher(Limits(frozenset(images.allow), images.max_bytes, images.timeout)),
        health=health,
        defaults=settings.defaults,
        json_clients=re.compile(settings.server.json_clients or JSON_CLIENTS),
        upstream_names=_names(settings),
        finished=aftermath.finished if aftermath.listens else None,
    )
    return Parts(
        settings=settings,
        auth=auth,
        windows=Windows(),
        catalogue=catalogue,
        gate=gate,
        trusted=networks(settings.server.trusted_proxies),
        ready=ready,
        inflight=Inflight(),
    )


def _names(settings: Settings) -> Sequence[str]:
    """What an upstream's error must not tell a client."""
    return tuple({name for upstream in settings.upstreams for name in (upstream.name, upstream.vendor)})


class Readiness:
    """Whether requests can be served, asked of MongoDB at most once a second."""

    def __init__(self, mongo: Mongo, catalogue: Catalogue) -> None:
        self._mongo, self._catalogue = mongo, catalogue
        self._asked, self._fine = -1.0, False
        self._lock = asyncio.Lock()
        self.draining = False

    async def __call__(self) -> None:
        """Raises Unavailable while nothing can be served."""
        if self.draining or not self._catalogue.models:
            raise Unavailable(retry_after=1)
        async with self._lock:
            if time.monotonic() - self._asked >= 1:
                self._fine = await self._reachable()
                self._asked = time.monotonic()
        if not self._fine:
            raise Unavailable(retry_after=1)

    async def _reachable(self) -> bool:
        try:
            await self._mongo.ping()
        except StoreUnavailable:
            return False
        return True
