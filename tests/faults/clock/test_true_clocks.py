"""Some cells on the clocks that the gateway comes with: no setting is changed. A minute and a half."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import pytest

from tests.faults.matrix import Fault, good, silences, statuses, wholes
from tests.faults.oracle import Placement
from tests.faults.stage import Cell, heard, staged
from tests.faults.upstreams import Asked, Script
from tests.faults.voices import DIALECTS, TEXT, Chat, Messages, Voice
from tests.journeys.wire import check_books
from tornadogw.breaker import FIRST, SPREAD
from tornadogw.relay.pump import QUIET, TAIL

FIRST_EVENT, IDLE = 12.0, 25.0
"""Seconds, as docs/settings.md has them."""
SLACK = 5.0


class Timed(NamedTuple):
    """A fault by its name, and between which seconds what comes of it."""

    fault: str
    placement: Placement
    outcome: str
    least: float
    most: float


FAULTS = {
    each.name: each
    for each in (*silences(), *wholes(Chat), *(fault for status in (429, 500, 503) for fault in statuses(status)))
}
CASES = [
    Timed("before headers", "route", "whole", FIRST_EVENT, FIRST_EVENT),
    Timed("before headers", "fallback", "whole", FIRST_EVENT, FIRST_EVENT),
    Timed("before headers", "alone", "nobody", IDLE, IDLE),
    Timed("after the opening", "route", "whole", FIRST_EVENT, FIRST_EVENT),
    Timed("but comments", "alone", "nobody", 12.0, IDLE),
    Timed("after 2 events", "route", "whole", IDLE, IDLE),
    Timed("after 2 events", "alone", "in-band", IDLE, IDLE),
    Timed("silence in place of the terminator", "alone", "whole", 0, TAIL),
    Timed("silence after the end", "alone", "whole", 0, 0.2),
    Timed("500 bare", "route", "whole", 0, 0),
    Timed("500 bare", "alone", "nobody", 0.1, 0.5),
    Timed("500 bare", "recovers", "whole", 0.1, 0.5),
    Timed("503 bare", "fallback", "whole", 0.1, 0.5),
    Timed("429 seconds", "route", "whole", 0, 0),
    Timed("429 seconds", "recovers", "whole", 1, 1),
    Timed("429 bare", "alone", "nobody", 0, 0),
    Timed("429 long", "fallback", "whole", 0, 0),
]


@pytest.mark.gen_test(timeout=120)
async def test_faults_on_true_clocks(mongod, tmp_path):
    cells = [Cell(f"c{at}", FAULTS[case.fault], "stream", case.placement) for at, case in enumerate(CASES)]
    async with staged(mongod.url, tmp_path, "openai", cells, timeouts={}) as stage:
        answers = await asyncio.gather(*map(stage.ask, cells))
        for case, cell, told in zip(CASES, cells, answers, strict=True):
            assert heard(cell, told)[0] == case.outcome, (case, told)
            assert 0.95 * case.least <= told.seconds <= case.most + SLACK, (case, told)
        await check_books(stage.gateway)


@pytest.mark.gen_test(timeout=120)
async def test_an_upstream_that_pings_is_waited_for_twice_as_long(mongod, tmp_path):
    def pinging(voice: Voice, asked: Asked) -> Script:
        said = [voice.opening, *voice.texts[:2], *[1.0, Messages.comment] * 200]
        return Script(said, headers={"content-type": voice.content_type}, ending="hang")

    cell = Cell("c", Fault("pings", "stalled", pinging), "stream", "route")
    async with staged(mongod.url, tmp_path, "anthropic", [cell], timeouts={}) as stage:
        told = await stage.ask(cell)
        assert heard(cell, told) == ("whole", TEXT)
        assert IDLE < told.seconds < QUIET * IDLE + SLACK


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_upstream_that_is_away_for_a_while_answers_again_soon_after(mongod, tmp_path, dialect):
    """And is asked a few times in between, by a client that does not give up."""
    away, back = 12.0, time.monotonic() + 12.0

    def flapping(voice: Voice, asked: Asked) -> Script:
        return Script([voice.error(500)], 500, framing="length") if time.monotonic() < back else good(voice, asked)

    cell = Cell("c", Fault("away", "elsewhere", flapping), "stream", "alone")
    async with staged(mongod.url, tmp_path, dialect, [cell], timeouts={}) as stage:
        while heard(cell, await stage.ask(cell))[0] != "whole":
            assert time.monotonic() < back + FIRST * 2 * (1 + SPREAD) + SLACK
            await asyncio.sleep(0.25)
        assert len(stage.upstreams.asked["cb"]) < away
        await check_books(stage.gateway)
