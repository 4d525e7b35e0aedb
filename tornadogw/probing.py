"""Active probes: who has not been called for a while is asked for one token.

So what is down is known before a client meets it, and what is well again is used again. One process of all does it, and
what it finds is shared as any failure is.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from tornadogw.catalogue import Catalogue, ModelEntry, RouteEntry
from tornadogw.errors import Cannot
from tornadogw.health import Health
from tornadogw.probe import Prober
from tornadogw.standing import Standing
from tornadogw.store.ports import StoreUnavailable
from tornadogw.transport import TransportError
from tornadogw.types import Credential, Failure, Value

__all__ = ["Probing", "Watched", "watched"]

log = logging.getLogger(__name__)

AGAIN = 1.0
"""Seconds after which an upstream that did not answer is probed again, until it answers or is left alone."""
_APART = 0.9, 1.1
"""Shares of the time between two looks, so that processes do not look at the same moment."""
_CLAIMED = 0.8
"""Share of that time for which nobody else probes the same."""

Claim = Callable[[tuple[str, str, str], float], Awaitable[bool]]


class Watched(Value, frozen=True):
    """One model of one upstream, probed once nobody has called it for `every` seconds."""

    model: ModelEntry
    route: RouteEntry
    every: float


def watched(catalogue: Catalogue) -> Sequence[Watched]:
    """What the settings want to be probed, each upstream's model once."""
    routes = ((model, route) for model in catalogue.models for route in model.routes if route.probe)
    return list({route.place: Watched(model, route, route.probe) for model, route in routes}.values())


class Probing:
    """A task for each that is watched."""

    def __init__(self, prober: Prober, health: Health, standing: Standing, claim: Claim, rng: random.Random) -> None:
        """`claim` says whether this process is to do, for so many seconds, what one of all does."""
        self._prober, self._health, self._standing = prober, health, standing
        self._claim, self._rng = claim, rng
        self._tasks: dict[tuple[str, str], tuple[Watched, asyncio.Task[None]]] = {}

    @asynccontextmanager
    async def of(self, catalogue: Catalogue) -> AsyncIterator[None]:
        """Look at what the settings want to be watched, until the block is left."""
        try:
            await self.change(catalogue)
            yield
        finally:
            await self._end(list(self._tasks))

    async def change(self, catalogue: Catalogue) -> None:
        """This is looked at from now on; what is as it was goes on."""
        wanted = {spot.route.place: spot for spot in watched(catalogue)}
        await self._end([place for place, (spot, _) in self._tasks.items() if wanted.get(place) != spot])
        for place in wanted.keys() - self._tasks.keys():
            self._tasks[place] = wanted[place], asyncio.create_task(self._run(wanted[place]), name="probing")

    async def _end(self, places: list[tuple[str, str]]) -> None:
        tasks = [self._tasks.pop(place)[1] for place in places]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def look(self, spot: Watched) -> None:
        """Probe it if nobody has called it lately and it is not left alone. Raises StoreUnavailable."""
        route = spot.route
        if self._standing.quiet(route.place) < spot.every or self._usable(route) is None:
            return
        if await self._claim((route.upstream, "", route.model), spot.every * _CLAIMED):
            while (key := self._usable(route)) is not None:
                if await self._answers(spot, key):
                    break
                await asyncio.sleep(AGAIN)

    async def _run(self, spot: Watched) -> None:
        while True:
            await asyncio.sleep(spot.every * self._rng.uniform(*_APART))
            try:
                await self.look(spot)
            except StoreUnavailable:
                log.info("upstream %s is not probed: the database is away", spot.route.upstream)
            except Exception:  # whatever it is, the next look may do better
                log.exception("upstream %s cannot be probed", spot.route.upstream)

    def _usable(self, route: RouteEntry) -> Credential | None:
        """A key that may be used now."""
        wait, upstream, model = self._health.wait, route.upstream, route.model
        usable = (key for key in route.credentials if wait(upstream=upstream, credential=key.name, model=model) == 0)
        return next(usable, None)

    async def _answers(self, spot: Watched, key: Credential) -> bool:
        """Whether it does, or need not be asked again at once."""
        route, secrets = spot.route, [key.secret]
        visit = self._health.enter(upstream=route.upstream, credential=key.name, model=route.model)
        try:
            failure = await self._failure(spot, key, secrets)
        finally:
            visit.left()
        if failure is None:
            visit.well()
            return True
        visit.failed(failure, secrets)
        return failure.kind != "elsewhere"

    async def _failure(self, spot: Watched, key: Credential, secrets: list[str]) -> Failure | None:
        limits = spot.route.deadlines
        try:
            async with asyncio.timeout(min(limits.first_event, limits.total)):
                failure, _ = await self._prober.ask(spot.model, spot.route, key, secrets)
        except TimeoutError:
            return Failure("elsewhere", code="timeout", message="the upstream fell silent")
        except TransportError as error:
            return Failure("elsewhere", code=error.kind, message=str(error))
        except Cannot as error:
            return Failure("cannot", code="unsupported", message=str(error))
        return failure
