"""Everything that a running gateway is made of, wired once, opened in order and closed in reverse."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tornadogw.accounts.first import Welcome, welcome
from tornadogw.accounts.office import office
from tornadogw.auth import Auth, KeyHasher
from tornadogw.catalogue import Catalogue
from tornadogw.day_writer import DayWriter
from tornadogw.decisions import Decisions
from tornadogw.dialects.chat_negotiate import JSON_CLIENTS
from tornadogw.errors import Unavailable
from tornadogw.exchange import Gate
from tornadogw.handlers.base import Inflight, Parts
from tornadogw.health import Health
from tornadogw.hedging import Hedging
from tornadogw.journal.replay import replay
from tornadogw.journal.slot import take_slot
from tornadogw.journal.writer import Journal
from tornadogw.ledger import Leasing, Ledger
from tornadogw.limits.addresses import networks
from tornadogw.limits.limiter import Limiter
from tornadogw.listeners import deciding, figures, left_alone, telling
from tornadogw.plugins import Plugins
from tornadogw.probe import Prober
from tornadogw.probing import Probing
from tornadogw.queues import Limit, Queues
from tornadogw.rebuild import Rebuild
from tornadogw.reclaim import Reclaimer
from tornadogw.router import Router
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.sharing import Sharing, spots
from tornadogw.standing import Standing
from tornadogw.starts import Starts
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_decisions import MongoDecisions, keep_decisions
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.mongo_health import MongoHealth
from tornadogw.store.mongo_indexes import INDEXES
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.store.mongo_leases import MongoLeases
from tornadogw.store.mongo_limits import MongoLimits
from tornadogw.store.mongo_prices import note_prices
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_retention import keep
from tornadogw.store.mongo_starts import MongoStarts
from tornadogw.store.mongo_totals import MongoBooks
from tornadogw.store.mongo_watch import Watch
from tornadogw.store.ports import StoreUnavailable
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport
from tornadogw.transport.fetch import Fetcher, Limits
from tornadogw.types import Record, Value

__all__ = ["Gateway", "open_gateway"]

log = logging.getLogger(__name__)

_OF_CALLERS = ("status", "lang", "sv", "credited")
"""Fields of an account that its callers are made of, and what is paid in; the rest of its money is always moving."""
DRAIN = 10.0
"""Seconds that the last events may take into the database."""
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
    data: Path,
    *,
    worker: int = 0,
) -> AsyncIterator[Gateway]:
    """A gateway that can answer; its journal is in the folder `data`. Its figures are those of the `worker`.

    Raises UsageError with what to change, StoreUnavailable while MongoDB is away.
    """
    catalogue = Catalogue.build(settings, plugins.register_vendors(), environ)
    async with AsyncExitStack() as stack:
        mongo = Mongo.connect(mongo_url, settings.mongo.database, settings.mongo.timeout_ms)
        stack.push_async_callback(mongo.close)
        await _prepare(mongo, secret)
        await keep(mongo, events=settings.usage.keep_events, days=settings.usage.keep_days)
        await keep_decisions(mongo, settings.explain.days)
        starts = Starts(MongoStarts(mongo))
        await starts.begin()
        stack.push_async_callback(starts.end)
        await starts.release_dead_starts()
        prices = {model.name: model.price for model in catalogue.models}
        await note_prices(mongo, prices, by=f"settings on {socket.gethostname()}", at=time.time())
        rebuild = Rebuild(MongoDayJobs(mongo, settings.money.time_zone), starts.id)
        rebuild.start()
        stack.push_async_callback(rebuild.close)
        ledger = await stack.enter_async_context(_keeping_books(settings, mongo, starts, data))
        rng = random.Random()  # noqa: S311 -- shares load, keeps no secret
        health = Health(time.monotonic, rng, retry=settings.health.retry_disabled)
        marks = MongoHealth(mongo, secrets.token_hex(8))
        sharing = Sharing(marks, health, spots(catalogue, secret.upstream_key))
        await sharing.start()
        stack.push_async_callback(sharing.close)
        auth = await stack.enter_async_context(_watching(mongo, secret, ledger, sharing))
        transport = Transport()
        await transport.open()
        stack.push_async_callback(transport.close)
        tokens = Tokens(transport)
        stack.push_async_callback(tokens.close)
        await plugins.startup()
        stack.push_async_callback(plugins.shutdown)
        decisions = Decisions(MongoDecisions(mongo), keep=settings.explain.days > 0)
        stack.push_async_callback(decisions.close)
        workers = settings.server.workers  # known before they have registered
        limiter = Limiter(settings.limits, MongoLimits(mongo), lambda: max(workers, starts.processes))
        limiter.open()
        stack.push_async_callback(limiter.close)
        inflight, queues = Inflight(), _queues(settings)
        metrics = figures(settings, catalogue, inflight.__len__, lambda: left_alone(health, queues), worker)
        if metrics is not None:
            metrics.start()
            stack.callback(metrics.close)
        finished = await stack.enter_async_context(telling(settings, plugins, metrics))
        gate = _gate(settings, catalogue, ledger, transport, tokens, finished, decisions, limiter, health, queues, rng)
        await stack.enter_async_context(
            Probing(Prober(transport, tokens, settings.defaults), health, gate.standing, marks.claim, rng).of(catalogue)
        )
        shared = office(mongo, secret, settings)
        parts = Parts(
            settings=settings,
            auth=auth,
            limiter=limiter,
            catalogue=catalogue,
            gate=gate,
            decisions=MongoDecisions(mongo),
            office=shared,
            secret=secret,
            trusted=networks(settings.server.trusted_proxies),
            ready=Readiness(mongo, gate.router),
            inflight=inflight,
            metrics=metrics,
        )
        first = await welcome(shared.accounts, shared.keys)
        yield Gateway(parts, ledger, first)


async def _prepare(mongo: Mongo, secret: Secret) -> None:
    await mongo.check()
    await mongo.check_secret(secret.fingerprint)
    await mongo.ensure_indexes(*INDEXES)


@asynccontextmanager
async def _keeping_books(settings: Settings, mongo: Mongo, starts: Starts, data: Path) -> AsyncIterator[Ledger]:
    """The ledger and who looks after leases. What earlier processes left in their journals is booked first."""
    money, leases, events = settings.money, MongoLeases(mongo), MongoEvents(mongo)
    days = DayWriter(MongoBooks(mongo, money.time_zone))
    identity = await mongo.identity()
    slot = take_slot(data / "journal") if money.journal == "disk" else None
    journal = None
    if slot is not None:
        try:
            await replay(data / "journal", slot, identity, leases, events, days.add, days.mark)
        except BaseException:
            slot.release()
            raise
        journal = Journal(slot, identity, starts.id)
    ledger = Ledger(
        leases,
        events,
        starts.id,
        journal=journal,
        time_zone=money.time_zone,
        leasing=Leasing(money.lease_seconds, min(2.0, money.lease_seconds / 6)),
        processes=lambda: starts.processes,
        inserted=days.add,
    )
    reclaimer = Reclaimer(leases, money.reclaim_after)
    days.start()
    ledger.start()
    reclaimer.start()
    try:
        yield ledger
    finally:
        await reclaimer.close()
        lost = await ledger.drain(DRAIN)
        await days.close()
        if lost:
            where = "the journal has them for the next start" if journal else "they are lost"
            log.error("%d charged calls did not reach the database; %s", lost, where)


@asynccontextmanager
async def _watching(mongo: Mongo, secret: Secret, ledger: Ledger, sharing: Sharing) -> AsyncIterator[Auth]:
    """Changes of keys, accounts and plans reach the cache of callers at once, and marks of upstreams this process."""
    auth = Auth(MongoKeys(mongo), KeyHasher(secret.key_hash_key), fresh=lambda: watch.silence < _FRESH)

    def changed(collection: str, document_id: str, _kind: str, _document: Mapping[str, Any] | None) -> None:
        if collection == "keys":
            auth.drop(key_id=document_id)
        elif collection == "plans":
            auth.drop_all()
        elif collection == "health":
            sharing.look()
        else:
            auth.drop(account_id=document_id)
            ledger.hope(document_id)

    def missed() -> None:
        auth.drop_all()
        sharing.look()

    watched = {"keys": None, "plans": None, "accounts": _OF_CALLERS, "health": None}
    watch = Watch(mongo, watched, changed, missed)
    watch.start()
    try:
        yield auth
    finally:
        await watch.close()


def _gate(  # noqa: PLR0913, PLR0917 -- it wires: each part once
    settings: Settings,
    catalogue: Catalogue,
    ledger: Ledger,
    transport: Transport,
    tokens: Tokens,
    finished: Callable[[Record], None] | None,
    decisions: Decisions,
    limiter: Limiter,
    health: Health,
    queues: Queues,
    rng: random.Random,
) -> Gate:
    images = settings.images
    standing = Standing((route.place for model in catalogue.models for route in model.routes), time.monotonic)
    most = settings.defaults.max_tokens
    router = Router(catalogue, health, standing, queues, max_tokens=most, rng=rng, auto=settings.auto)
    return Gate(
        router=router,
        ledger=ledger,
        transport=transport,
        tokens=tokens,
        fetcher=Fetcher(Limits(frozenset(images.allow), images.max_bytes, images.timeout)),
        health=health,
        standing=standing,
        queues=queues,
        hedging=Hedging(model.name for model in catalogue.models if model.hedge),
        defaults=settings.defaults,
        json_clients=re.compile(settings.server.json_clients or JSON_CLIENTS),
        upstream_names=_names(settings),
        finished=finished,
        decided=deciding(decisions, settings.explain.log),
        spent=limiter.spent,
    )


def _queues(settings: Settings) -> Queues:
    limited = [each for each in settings.upstreams if each.max_in_flight]
    return Queues({each.name: Limit(each.max_in_flight, each.queue, each.queue_seconds) for each in limited})


def _names(settings: Settings) -> Sequence[str]:
    """What an upstream's error must not tell a client."""
    return tuple({name for upstream in settings.upstreams for name in (upstream.name, upstream.vendor)})


class Readiness:
    """Whether requests can be served: this process goes on, a route may be asked, MongoDB answers.

    MongoDB is asked at most once a second.
    """

    def __init__(self, mongo: Mongo, router: Router) -> None:
        self._mongo, self._router = mongo, router
        self._asked, self._fine = -1.0, False
        self._lock = asyncio.Lock()
        self.draining = False

    async def __call__(self) -> None:
        """Raises Unavailable while nothing can be served."""
        if self.draining or not self._router.can_route():
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
