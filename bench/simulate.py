"""An hour of made-up traffic through the real router, plan, breakers and figures; no sockets, no waiting.

    python bench/simulate.py            # the table of docs/routing.md
    python bench/simulate.py --minutes 5 --rate 5

Four models behind `auto`, each at a vendor of its own. Vendor `a`, the best, is out for ten minutes: half of its calls
fail at once, the other half fall silent. Later it is twelve times as slow for ten minutes. All fail now and then, and
two calls in a hundred take ten times as long as they should.
Each row is the same hour with the same draws, and one thing changed.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tornadogw.catalogue import Catalogue, Deadlines, ModelEntry, RouteEntry
from tornadogw.health import Health, Visit
from tornadogw.hedging import Hedging
from tornadogw.plan import Step
from tornadogw.queues import Queues
from tornadogw.router import AUTO, Router
from tornadogw.settings.tables import Auto, Timeouts
from tornadogw.standing import Standing, Stay
from tornadogw.types import Caller, Credential, Draft, Failure, Price, Traits
from tornadogw.vendor import Vendor

__all__ = ["ROWS", "Result", "Row", "main", "simulate"]

FIRST_EVENT, IDLE, TOTAL = 12.0, 25.0, 600.0
"""Seconds; the defaults."""
OUTAGE, SLOW = (1 / 6, 1 / 3), (1 / 2, 2 / 3)
"""When, as shares of the whole time."""
VENDORS: Mapping[str, float] = {"a": 0.4, "b": 0.5, "c": 0.7, "d": 1.2}
"""Name and median seconds to the first event."""
SLOWER = 12.0
STRAGGLES, STRAGGLER = 0.02, 10.0
FAILS = 0.005
REFUSED = 0.05
"""Seconds after which a failing call fails."""
ANSWER = 4.0
"""Seconds from the first event to the last."""
CALLER = Caller("account", "key")
ASKED = Draft("chat", AUTO, messages=[{"role": "user", "content": "x"}], stream=True, prompt_bytes=100)


@dataclass(frozen=True)
class Row:
    """What is changed."""

    name: str
    auto: Auto = field(default_factory=Auto)
    breakers: bool = True
    tries: int = 6
    hedged: bool = False


ROWS: Sequence[Row] = (
    Row("all on"),
    Row("`auto` by rank alone", auto=Auto(health=0, latency=0)),
    Row("`auto` by latency first", auto=Auto(rank=0.2, latency=2)),
    Row("hedged", hedged=True),
    Row("`auto` by latency first, hedged", auto=Auto(rank=0.2, latency=2), hedged=True),
    Row("no breakers", breakers=False),
    Row("no breakers, by rank alone", auto=Auto(health=0, latency=0), breakers=False),
    Row("one try", tries=1),
    Row("one try, no breakers, by rank alone", auto=Auto(health=0, latency=0), breakers=False, tries=1),
)


@dataclass(frozen=True)
class Result:
    """What came of it."""

    requests: int
    answered: int
    first_events: Sequence[float]
    """Seconds, of those that were answered, sorted."""
    calls: int
    in_vain: int
    """Calls that fell silent."""

    @property
    def availability(self) -> float:
        return self.answered / self.requests

    def percentile(self, share: float) -> float:
        return self.first_events[min(len(self.first_events) - 1, int(share * len(self.first_events)))]


class NoBreakers(Health):
    """Forgets failures that are nobody's key's and nobody's rate limit's."""

    def failed(self, failure: Failure, place: tuple[str, str], began: float, credential: str) -> None:
        if failure.kind != "elsewhere":
            super().failed(failure, place, began, credential)


@dataclass(frozen=True)
class Try:
    """One call: when it began, when it is known how it went, and whether it failed."""

    step: Step
    visit: Visit
    stay: Stay
    began: float
    known: float
    failure: Failure | None


class World:
    """The clock, and what vendors do at each moment."""

    def __init__(self, seconds: float, seed: int) -> None:
        self.now = 0.0
        self.seconds = seconds
        self._seed = seed

    def call(self, vendor: str, number: int, attempt: int) -> tuple[bool, float]:
        """Whether a call is answered, and after how many seconds it is known. The same draws in every row."""
        rng = random.Random(f"{self._seed} {number} {attempt} {vendor}")
        share = self.now / self.seconds
        if vendor == "a" and OUTAGE[0] <= share < OUTAGE[1]:
            return False, REFUSED if rng.random() < 1 / 2 else TOTAL
        if rng.random() < FAILS:
            return False, REFUSED
        slow = SLOWER if vendor == "a" and SLOW[0] <= share < SLOW[1] else 1.0
        slow *= STRAGGLER if rng.random() < STRAGGLES else 1.0
        return True, VENDORS[vendor] * slow * rng.lognormvariate(0, 0.4)


def models() -> list[ModelEntry]:
    price = Price(1_000_000, 1_000_000)
    return [
        ModelEntry(
            name=vendor,
            aliases=(),
            auto=rank,
            fallbacks=(),
            modes=frozenset({"chat"}),
            context=None,
            capabilities=None,
            price=price,
            routes=(
                RouteEntry(
                    upstream=vendor,
                    vendor=Vendor(),
                    base_url="",
                    options={},
                    proxy="",
                    credentials=(Credential(vendor),),
                    model=vendor,
                    priority=0,
                    weight=1,
                    public_name="",
                    price=price,
                    cost=None,
                    deadlines=Deadlines(5, FIRST_EVENT, IDLE, TOTAL),
                    traits=Traits(),
                    model_name=vendor,
                ),
            ),
            timeouts=Timeouts(),
        )
        for rank, vendor in enumerate(VENDORS, 1)
    ]


class Simulation:
    """One row."""

    def __init__(self, row: Row, world: World, seed: int) -> None:
        def clock() -> float:
            return world.now

        rng = random.Random(seed)
        self._row, self._world = row, world
        self._health = (Health if row.breakers else NoBreakers)(clock, rng)
        self._standing = Standing(((each, each) for each in VENDORS), clock)
        self._router = Router(
            Catalogue(models()), self._health, self._standing, Queues({}), max_tokens=1000, rng=rng, auto=row.auto
        )
        self._hedging = Hedging(VENDORS)
        self.told: list[float | None] = []
        """Seconds to the first event of each request; None: nobody answered."""
        self.calls = self.in_vain = 0

    def request(self, number: int) -> Iterator[float]:
        """Yields the seconds that pass."""
        began = self._world.now
        shortlist = self._router.candidates(CALLER, ASKED)
        plan = self._router.plan(ASKED, shortlist, bool)
        for attempt, step in enumerate(itertools.islice(plan, self._row.tries)):
            if step.pause:
                yield step.pause
            tries = [self._begin(number, attempt, step, last=plan.is_last)]
            patience = self._hedging.begun(step.candidate.model.name) if self._row.hedged else None
            if patience is not None and self._world.now + patience < tries[0].known:
                yield patience
                if (other := plan.beside(step)) is not None:
                    self._hedging.doubled(step.candidate.model.name)
                    tries.append(self._begin(number, -1, other, last=plan.is_last))
            for each in sorted(tries, key=lambda each: each.known):
                yield max(0.0, each.known - self._world.now)
                if each.failure is None:
                    self._hear(each, tries)
                    self.told.append(self._world.now - began)
                    yield ANSWER
                    each.visit.well()
                    each.stay.ended(failed=False)
                    each.stay.left()
                    return
                each.visit.failed(each.failure)
                each.stay.ended(failed=True)
                each.stay.left()
                plan.failed(each.step, each.failure)
        self.told.append(None)

    def _begin(self, number: int, attempt: int, step: Step, *, last: bool) -> Try:
        route = step.candidate.route
        good, after = self._world.call(route.upstream, number, attempt)
        self.calls += 1
        self.in_vain += after == TOTAL
        limit = max(FIRST_EVENT, IDLE) if last else FIRST_EVENT
        code = "timeout" if after > limit else "" if good else "reset"
        failure = Failure("elsewhere", code=code) if code else None
        return Try(
            step,
            self._health.enter(upstream=route.upstream, credential=step.credential.name, model=route.model),
            self._standing.enter(route.place),
            self._world.now,
            self._world.now + min(after, limit),
            failure,
        )

    def _hear(self, winner: Try, tries: Sequence[Try]) -> None:
        """It is the first to say something; who is still silent ends."""
        winner.visit.left()
        winner.stay.heard()
        for each in tries:
            if each is winner or each.known > winner.known:
                self._hedging.heard(each.step.candidate.model.name, self._world.now - each.began)
            if each.known > winner.known:
                each.visit.left()
                each.stay.left()


def simulate(row: Row, *, seconds: float, rate: float, seed: int = 1) -> Result:
    """One row: `rate` requests a second for so many seconds."""
    world, arrivals = World(seconds, seed), random.Random(seed)
    simulation = Simulation(row, world, seed)
    queue: list[tuple[float, int, Iterator[float]]] = []
    moment = 0.0
    while (moment := moment + arrivals.expovariate(rate)) < seconds:
        queue.append((moment, len(queue), simulation.request(len(queue))))
    requests = len(queue)
    while queue:
        world.now, number, story = heapq.heappop(queue)
        if (wait := next(story, None)) is not None:
            heapq.heappush(queue, (world.now + wait, number, story))
    first_events = sorted(each for each in simulation.told if each is not None)
    return Result(requests, len(first_events), first_events, simulation.calls, simulation.in_vain)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    print("| | answered | p50 | p99 | calls a request | silences waited through |")
    print("|---|---|---|---|---|---|")
    for row in ROWS:
        result = simulate(row, seconds=options.minutes * 60, rate=options.rate, seed=options.seed)
        print(
            f"| {row.name} | {result.availability:.3%} | {result.percentile(0.5):.2f} s | "
            f"{result.percentile(0.99):.2f} s | {result.calls / result.requests:.3f} | {result.in_vain} |"
        )


if __name__ == "__main__":
    main()
