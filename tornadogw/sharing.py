"""Tells other processes what this one has found out about upstreams and keys, and hears what they did.

Only marks travel: a cool-down, a breaker that opened or was closed, a disabled key; never anything per request. While
MongoDB is away each process goes by what it knows, and tells the rest when MongoDB is back.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec

from tornadogw.catalogue import Catalogue
from tornadogw.health import Health, Marks, Place, State
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_health import HealthStore, Heard, Spot, Told

__all__ = ["Sharing", "spots"]

log = logging.getLogger(__name__)

EVERY = 0.25
"""Seconds between two exchanges: what happens meanwhile is told in one."""
PAUSE = 1.0
"""Seconds before the next try when MongoDB did not answer."""
CLOSING = 1.0
"""Seconds that the last word may take."""


def spots(catalogue: Catalogue, key: bytes) -> Mapping[Place, Spot]:
    """Every place that may have marks, and what it is called in the database: by a fingerprint of its key's secret.

    So another secret in the settings has no marks, wherever it stands. `key`: what fingerprints are made with.
    """
    found: dict[Place, Spot] = {}
    for route in (route for model in catalogue.models for route in model.routes):
        found[route.upstream, "", route.model] = route.upstream, "", route.model
        for credential in route.credentials:
            secret = f"{route.upstream}\0{credential.secret}".encode(errors="surrogateescape")
            fingerprint = hmac.digest(key, secret, "sha256")[:16].hex()
            for model in ("", route.model):
                found[route.upstream, credential.name, model] = route.upstream, fingerprint, model
    return found


class Sharing:
    """Owns the task that tells and hears. `start` it, `close` it."""

    def __init__(self, store: HealthStore, health: Health, known: Mapping[Place, Spot]) -> None:
        """`known`: what `spots` found. Other places are neither told nor heard of."""
        self._store, self._health = store, health
        self._spots, self._places = known, _by_spot(known)
        self._changed: dict[Place, _Change] = {}
        self._versions: dict[Spot, int] = {}
        self._stamps: dict[Spot, str] = {}
        self._lifts: dict[Spot, int] = {}
        self._since = 0
        self._look, self._away = True, False
        self._news, self._rest = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Hear what is known, if MongoDB answers, and go on from there."""
        self._health.listen(self._note)
        if not await self._exchanged():
            self._news.set()
        self._task = asyncio.create_task(self._run(), name="sharing of health")

    def change(self, known: Mapping[Place, Spot]) -> None:
        """These are the places from now on. What others have told of new ones is heard."""
        news = known.items() - self._spots.items()
        self._spots, self._places = known, _by_spot(known)
        self._changed = {place: change for place, change in self._changed.items() if place in known}
        self._versions = {spot: version for spot, version in self._versions.items() if spot in self._places}
        self._stamps = {spot: stamp for spot, stamp in self._stamps.items() if spot in self._places}
        self._lifts = {spot: lifts for spot, lifts in self._lifts.items() if spot in self._places}
        if news:
            self._since = 0
            self.look()

    def look(self) -> None:
        """Somebody may have told something."""
        self._look = True
        self._wake()

    async def rest(self) -> None:
        """Wait until everything is told, and heard as far as was seen."""
        await self._rest.wait()

    async def close(self) -> None:
        """Tell what is left, then stop."""
        self._health.listen(lambda _place, _state: None)
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        self._task = None
        if self._changed and not self._away:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING):
                    await self._exchanged()

    def _note(self, place: Place, state: bool) -> None:
        """Health made a mark."""
        if place not in self._spots:
            return
        before = self._changed.get(place)
        moment = self._health.now() if state else before.moment if before is not None else None
        self._changed[place] = _Change(moment)
        self._wake()

    def _wake(self) -> None:
        self._rest.clear()
        self._news.set()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if await self._exchanged():
                if not self._news.is_set():
                    self._rest.set()
                await asyncio.sleep(EVERY)
            else:
                self._news.set()
                await asyncio.sleep(PAUSE)

    async def _exchanged(self) -> bool:
        """Tell what is new here, hear what is new elsewhere. False: not now."""
        try:
            if self._changed:
                await self._tell()
            if self._look:
                self._look = False
                await self._hear()
        except StoreUnavailable:
            self._look = True
            if not self._away:
                self._away = True
                log.warning("the database is away: processes do not hear of each other's upstreams until it is back")
            return False
        except Exception:  # whatever it is, to stop here would leave this process alone for ever
            log.exception("what is known of upstreams cannot be shared")
            self._changed.clear()
            return True
        if self._away:
            self._away = False
            log.info("processes hear of each other's upstreams again")
        return True

    async def _tell(self) -> None:
        telling = dict(self._changed)
        told = {self._spots[place]: self._told(place, change) for place, change in telling.items()}
        at = self._health.now()
        found = await self._store.tell(list(told.values()))
        for place, change in telling.items():
            if self._changed.get(place) is change:
                del self._changed[place]
        self._take(found, at)

    def _told(self, place: Place, change: _Change) -> Told:
        marks, spot = self._health.marks(place, change.moment), self._spots[place]
        told = Told(spot, place[1], marks.cool, self._lifts.get(spot, 0))
        if (state := marks.state) is None:
            return told
        return msgspec.structs.replace(
            told, age=max(0.0, state.age), openings=state.openings, wait=state.wait, disabled=state.disabled
        )

    async def _hear(self) -> None:
        at = self._health.now()
        found = await self._store.since(self._since)
        self._take(found, at)
        self._since = max((each.version for each in found), default=self._since)

    def _take(self, found: Iterable[Heard], at: float) -> None:
        for heard in found:
            spot = heard.told.spot
            places = self._places.get(spot, ())
            # Of a place that has news of its own the answer to them will say how it is.
            if not places or heard.version <= self._versions.get(spot, -1) or any(p in self._changed for p in places):
                continue
            self._versions[spot] = heard.version
            marks = _marks(heard, self._stamps.get(spot), self._lifts.get(spot, 0))
            self._stamps[spot], self._lifts[spot] = heard.stamp, heard.told.lifts
            for place in places:
                self._health.hear(place, marks, at)


def _by_spot(known: Mapping[Place, Spot]) -> dict[Spot, list[Place]]:
    places: dict[Spot, list[Place]] = {}
    for place, spot in known.items():
        places.setdefault(spot, []).append(place)
    return places


class _Change:
    """A place has a mark to be told of; `moment`: when its breaker opened or was closed, if it did."""

    __slots__ = ("moment",)

    def __init__(self, moment: float | None) -> None:
        self.moment = moment


def _marks(heard: Heard, stamp: str | None, lifts: int) -> Marks:
    """What of it this process does not know: its own words, and what it has heard before, say nothing new."""
    told = heard.told
    state = None
    if told.age is not None and not heard.own_state and heard.stamp != stamp:
        state = State(told.age, told.openings, told.wait, told.disabled)
    lifted = told.lifts > lifts
    return Marks(told.cool if lifted or not heard.own_cool else 0.0, state, lifted)
