"""Everything that a running gateway is made of, wired once, opened in order and closed in reverse."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tornadogw.accounts.first import Welcome, welcome
from tornadogw.accounts.letters import Mailer
from tornadogw.accounts.office import office
from tornadogw.accounts.supply import Supply
from tornadogw.auth import Auth, KeyHasher
from tornadogw.day_writer import DayWriter
from tornadogw.decisions import Decisions
from tornadogw.dialects.chat_negotiate import JSON_CLIENTS
from tornadogw.entries import Entries, Offer
from tornadogw.errors import Unavailable
from tornadogw.exchange import Gate
from tornadogw.handlers.base import Current, Inflight, Parts
from tornadogw.health import Health
from tornadogw.hedging import Hedging
from tornadogw.journal.replay import replay
from tornadogw.journal.slot import take_slot
from tornadogw.journal.writer import Journal
from tornadogw.ledger import Leasing, Ledger
from tornadogw.limits.addresses import networks
from tornadogw.limits.limiter import Limiter
from tornadogw.listeners import deciding, figures, left_alone, telling
from tornadogw.live import Live, Source, Touched, hedged, limits, places, upstream_names
from tornadogw.oidc import provider
from tornadogw.plugins import Plugins
from tornadogw.probe import Prober
from tornadogw.probing import Probing
from tornadogw.queues import Queues
from tornadogw.rebuild import Rebuild
from tornadogw.reclaim import Reclaimer
from tornadogw.router import Router
from tornadogw.seals import Seal
from tornadogw.secret import Secret
from tornadogw.settings import Loaded, Settings
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
from tornadogw.store.mongo_supply import COLLECTION as SUPPLY
from tornadogw.store.mongo_supply import MongoSupply
from tornadogw.store.mongo_totals import MongoBooks
from tornadogw.store.mongo_watch import Watch
from tornadogw.store.ports import StoreUnavailable
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport
from tornadogw.transport.fetch import Fetcher, Limits
from tornadogw.types import Price, Record, Value

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

    current: Current
    ledger: Ledger
    welcome: Welcome | None
    """Only at the very first start."""

    @property
    def parts(self) -> Parts:
        """Those of the present generation."""
        return self.current.parts


@asynccontextmanager
async def open_gateway(
    loaded: Loaded,
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
    settings, vendors = loaded.settings, plugins.register_vendors()
    entries = Entries(settings, loaded.origins, vendors, environ, Seal(secret.upstream_secrets_key))
    async with AsyncExitStack() as stack:
        mongo = Mongo.connect(mongo_url, settings.mongo.database, settings.mongo.timeout_ms)
        stack.push_async_callback(mongo.close)
        await _prepare(mongo, secret, settings)
        source = Source(MongoSupply(mongo), entries, asyncio.Event())
        offer = entries.of(await source.store.read())
        catalogue = offer.catalogue
        starts = await stack.enter_async_context(_registered(mongo))
        await _note_prices(mongo, offer.prices)
        await stack.enter_async_context(_rebuilding(mongo, settings, starts))
        ledger = await stack.enter_async_context(_keeping_books(settings, mongo, starts, data))
        rng = random.Random()  # noqa: S311 -- shares load, keeps no secret
        health = Health(time.monotonic, rng, retry=settings.health.retry_disabled)
        marks = MongoHealth(mongo, secrets.token_hex(8))
        sharing = Sharing(marks, health, spots(catalogue, secret.upstream_key))
        await sharing.start()
        stack.push_async_callback(sharing.close)
        auth = await stack.enter_async_context(_watching(mongo, secret, ledger, sharing, source.news.set))
        transport, tokens = await stack.enter_async_context(_upstream())
        await plugins.startup()
        stack.push_async_callback(plugins.shutdown)
        decisions = Decisions(MongoDecisions(mongo), keep=settings.explain.days > 0)
        stack.push_async_callback(decisions.close)
        workers = settings.server.workers  # known before they have registered
        limiter = Limiter(settings.limits, MongoLimits(mongo), lambda: max(workers, starts.processes))
        limiter.open()
        stack.push_async_callback(limiter.close)
        inflight, queues = Inflight(), Queues(limits(offer.settings))
        metrics = figures(settings, catalogue, inflight.__len__, lambda: left_alone(health, queues), worker)
        if metrics is not None:
            metrics.start()
            stack.callback(metrics.close)
        finished = await stack.enter_async_context(telling(settings, plugins, metrics))
        gate = _gate(offer, ledger, transport, tokens, finished, decisions, limiter, health, queues, rng)
        prober = Prober(transport, tokens, settings.defaults)
        probing = Probing(prober, health, gate.standing, marks.claim, rng)
        await stack.enter_async_context(probing.of(catalogue))
        ready = Readiness(mongo, lambda: current.parts.gate.router)
        shared = office(mongo, secret, settings, await stack.enter_async_context(_mailing(settings)))
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
            ready=ready,
            inflight=inflight,
            metrics=metrics,
            supply=Supply(source.store, entries, prober),
            revision=offer.revision,
            oidc=provider(settings, transport),
            lines=loaded.explain(),
            plugins=plugins.list(),
        )
        current = Current(parts)
        touched = Touched(sharing, probing, metrics, rng, secret.upstream_key, partial(_note_prices, mongo))
        live = Live(source, offer, current, touched)
        live.start()
        stack.push_async_callback(live.close)
        first = await welcome(shared.accounts, shared.keys)
        yield Gateway(current, ledger, first)


async def _prepare(mongo: Mongo, secret: Secret, settings: Settings) -> None:
    await mongo.check()
    await mongo.check_secret(secret.fingerprint)
    await mongo.ensure_indexes(*INDEXES)
    await keep(mongo, events=settings.usage.keep_events, days=settings.usage.keep_days)
    await keep_decisions(mongo, settings.explain.days)


@asynccontextmanager
async def _registered(mongo: Mongo) -> AsyncIterator[Starts]:
    """Other processes know of this one; what those that are gone have left is cleared away."""
    starts = Starts(MongoStarts(mongo))
    await starts.begin()
    try:
        await starts.release_dead_starts()
        yield starts
    finally:
        await starts.end()


@asynccontextmanager
async def _rebuilding(mongo: Mongo, settings: Settings, starts: Starts) -> AsyncIterator[None]:
    """Closed days are counted anew, on whichever node claims one."""
    rebuild = Rebuild(MongoDayJobs(mongo, settings.money.time_zone), starts.id)
    rebuild.start()
    try:
        yield
    finally:
        await rebuild.close()


async def _note_prices(mongo: Mongo, prices: Mapping[str, Price]) -> None:
    await note_prices(mongo, prices, by=f"settings on {socket.gethostname()}", at=time.time())


@asynccontextmanager
async def _upstream() -> AsyncIterator[tuple[Transport, Tokens]]:
    """What calls of upstreams go through."""
    transport = Transport()
    await transport.open()
    tokens = Tokens(transport)
    try:
        yield transport, tokens
    finally:
        await tokens.close()
        await transport.close()


@asynccontextmanager
async def _mailing(settings: Settings) -> AsyncIterator[Mailer | None]:
    """Who carries letters; None: nobody, and its library is not loaded."""
    if not settings.mail.host:
        yield None
        return
    from tornadogw.mail import Mail  # noqa: PLC0415 -- as said above

    mail = Mail(settings.mail)
    mail.start()
    try:
        yield mail
    finally:
        await mail.close()


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
async def _watching(
    mongo: Mongo, secret: Secret, ledger: Ledger, sharing: Sharing, supplied: Callable[[], None]
) -> AsyncIterator[Auth]:
    """Changes of keys, accounts and plans reach the cache of callers at once, and marks of upstreams this process.

    `supplied` is called when upstreams and models of the database may be others.
    """
    auth = Auth(MongoKeys(mongo), KeyHasher(secret.key_hash_key), fresh=lambda: watch.silence < _FRESH)

    def changed(collection: str, document_id: str, _kind: str, _document: Mapping[str, Any] | None) -> None:
        if collection == "keys":
            auth.drop(key_id=document_id)
        elif collection == "plans":
            auth.drop_all()
        elif collection == "health":
            sharing.look()
        elif collection == SUPPLY:
            supplied()
        else:
            auth.drop(account_id=document_id)
            ledger.hope(document_id)

    def missed() -> None:
        auth.drop_all()
        sharing.look()
        supplied()

    watched = {"keys": None, "plans": None, "accounts": _OF_CALLERS, "health": None, SUPPLY: None}
    watch = Watch(mongo, watched, changed, missed)
    watch.start()
    try:
        yield auth
    finally:
        await watch.close()


def _gate(  # noqa: PLR0913, PLR0917 -- it wires: each part once
    offer: Offer,
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
    settings, catalogue, images = offer.settings, offer.catalogue, offer.settings.images
    standing = Standing(places(catalogue), time.monotonic)
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
        hedging=Hedging(hedged(catalogue)),
        defaults=settings.defaults,
        json_clients=re.compile(settings.server.json_clients or JSON_CLIENTS),
        upstream_names=upstream_names(settings),
        finished=finished,
        decided=deciding(decisions, settings.explain.log),
        spent=limiter.spent,
    )


class Readiness:
    """Whether requests can be served: this process goes on, a route may be asked, MongoDB answers.

    MongoDB is asked at most once a second.
    """

    def __init__(self, mongo: Mongo, router: Callable[[], Router]) -> None:
        """`router`: that of the present generation."""
        self._mongo, self._router = mongo, router
        self._asked, self._fine = -1.0, False
        self._lock = asyncio.Lock()
        self.draining = False

    async def __call__(self) -> None:
        """Raises Unavailable while nothing can be served."""
        if self.draining or not self._router().can_route():
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
