"""What the database has of upstreams and models takes effect while requests run: a generation of parts after the other.

A generation is frozen. Who has begun keeps that of its beginning, who begins takes the present one. What is known of
upstreams - marks, figures, queues - is one for all generations, and goes only with what it was known of.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from tornadogw.catalogue import Catalogue
from tornadogw.entries import Entries, Offer
from tornadogw.handlers.base import Current
from tornadogw.listeners import labels
from tornadogw.probing import Probing
from tornadogw.queues import Limit
from tornadogw.router import Router
from tornadogw.settings import Settings
from tornadogw.sharing import Sharing, spots
from tornadogw.standing import Place
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_supply import Supplied, SupplyStore
from tornadogw.types import Price, Value

if TYPE_CHECKING:  # its library takes a tenth of a second: only who wants figures waits for it
    from tornadogw.metrics import Metrics

__all__ = ["Live", "Source", "Touched", "hedged", "limits", "places", "upstream_names"]

log = logging.getLogger(__name__)

AGAIN = 0.5
"""Seconds before the next try when MongoDB did not answer."""
_WHERE = ("vendor", "base_url", "proxy", "options")
"""Fields of an upstream with which it is another one: what was known of it says nothing any more."""


def places(catalogue: Catalogue) -> Iterator[Place]:
    """Where calls may go."""
    return (route.place for model in catalogue.models for route in model.routes)


def hedged(catalogue: Catalogue) -> Iterator[str]:
    """Models whose slow calls are begun twice."""
    return (model.name for model in catalogue.models if model.hedge)


def limits(settings: Settings) -> Mapping[str, Limit]:
    """Of the upstreams that have one."""
    limited = [each for each in settings.upstreams if each.max_in_flight]
    return {each.name: Limit(each.max_in_flight, each.queue, each.queue_seconds) for each in limited}


def upstream_names(settings: Settings) -> Sequence[str]:
    """What an upstream's error must not tell a client."""
    return tuple({name for upstream in settings.upstreams for name in (upstream.name, upstream.vendor)})


class Touched(Value, frozen=True):
    """What lives longer than a generation and has to hear of a new one."""

    sharing: Sharing
    probing: Probing
    metrics: Metrics | None
    rng: random.Random
    fingerprint_key: bytes
    """What fingerprints of upstreams' keys are made with."""
    note_prices: Callable[[Mapping[str, Price]], Awaitable[object]]
    """Told of those in force when they are others. Raises StoreUnavailable."""


class Source(Value, frozen=True):
    """What generations are made of."""

    store: SupplyStore
    entries: Entries
    news: asyncio.Event
    """Set when the database may have something else."""


class Live:
    """Owns the task that makes generations. `start` it, `close` it."""

    def __init__(self, source: Source, began: Offer, current: Current, touched: Touched) -> None:
        """`began`: what `current` was made of."""
        self._source, self._current, self._touched = source, current, touched
        self._offer = began
        self._supplied = Supplied(began.revision, tuple(each.stored for each in began.found if each.stored is not None))
        self._noted: Mapping[str, Price] = began.prices
        self._told: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._tell_faults(self._offer)
        self._task = asyncio.create_task(self._run(), name="live catalogue")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            await self._source.news.wait()
            self._source.news.clear()
            try:
                await self._renew()
            except StoreUnavailable:
                self._source.news.set()
                await asyncio.sleep(AGAIN)
            except Exception:  # whatever it is, what is in force goes on
                log.exception("the upstreams and models of the database cannot be used: the former ones stay in force")

    async def _renew(self) -> None:
        """Raises StoreUnavailable."""
        supplied = await self._source.store.read()
        if supplied != self._supplied:
            self._supplied = supplied
            offer = self._source.entries.of(supplied)
            self._tell_faults(offer)
            self._put(offer)
            await self._touched.probing.change(offer.catalogue)
            log.info("upstreams and models of revision %d are in force", offer.revision)
        if (prices := self._offer.prices) != self._noted:
            await self._touched.note_prices(prices)
            self._noted = prices

    def _put(self, offer: Offer) -> None:
        """Without a pause: nobody sees half of it."""
        touched, parts, before = self._touched, self._current.parts, self._offer
        gate, settings, catalogue = parts.gate, offer.settings, offer.catalogue
        known, anew = spots(catalogue, touched.fingerprint_key), _others(before.settings, settings)
        new = msgspec.structs.replace(
            gate,
            router=Router(
                catalogue,
                gate.health,
                gate.standing,
                gate.queues,
                max_tokens=settings.defaults.max_tokens,
                rng=touched.rng,
                auto=settings.auto,
            ),
            hedging=gate.hedging.following(hedged(catalogue)),
            upstream_names=upstream_names(settings),
        )
        gate.standing.change(places(catalogue), anew)
        gate.queues.change(limits(settings))
        gate.health.forget(lambda place: place not in known or place[0] in anew)
        gate.tokens.forget(_stale(before.catalogue, catalogue, anew))
        touched.sharing.change(known)
        if touched.metrics is not None:
            touched.metrics.change(*labels(catalogue))
        self._current.parts = msgspec.structs.replace(parts, catalogue=catalogue, gate=new, revision=offer.revision)
        self._offer = offer

    def _tell_faults(self, offer: Offer) -> None:
        """Each once, for as long as it is there."""
        faults: set[str] = set()
        for found in offer.found:
            if found.faults:
                what, why = (
                    "used in part" if found.counts else "left out",
                    "; ".join(each.text for each in found.faults),
                )
                faults.add(f"{found.kind} {found.name} of the database is {what}: {why}")
        for line in sorted(faults - self._told):
            log.warning("%s", line)
        self._told = frozenset(faults)


def _others(before: Settings, now: Settings) -> frozenset[str]:
    """Names of upstreams that are gone or are others now."""
    known = {each.name: each for each in now.upstreams}
    return frozenset(
        each.name
        for each in before.upstreams
        if each.name not in known or any(getattr(each, what) != getattr(known[each.name], what) for what in _WHERE)
    )


def _stale(before: Catalogue, now: Catalogue, anew: frozenset[str]) -> list[str]:
    """Names of keys that are gone, have another secret, or belong to upstreams that are others now."""
    kept = {(key.name, key.secret) for model in now.models for route in model.routes for key in route.credentials}
    return [
        key.name
        for model in before.models
        for route in model.routes
        for key in route.credentials
        if route.upstream in anew or (key.name, key.secret) not in kept
    ]
