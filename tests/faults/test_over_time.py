"""Faults that come and go: what one request met is nothing that the next one suffers from, and nobody is hammered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import product

import pytest

from tests.faults.matrix import BOTH, Fault, good, statuses
from tests.faults.oracle import PLACEMENTS, Placement
from tests.faults.stage import Cell, heard, staged
from tests.faults.upstreams import Asked, Script
from tests.faults.voices import DIALECTS, TEXT, Voice
from tests.journeys.wire import check_books
from tornadogw.breaker import FAILURES

MANY = 12
"""Requests, one after the other."""

Play = Callable[[Voice, Asked], Script]


def bare(status: int) -> Play:
    """The status and nothing with it."""
    return next(statuses(status)).play


def reset(voice: Voice, asked: Asked) -> Script:
    return Script(head=False, ending="reset")


def cut(voice: Voice, asked: Asked) -> Script:
    return Script([voice.opening, *voice.texts[:2]], headers={"content-type": voice.content_type}, ending="close")


def broken(voice: Voice, asked: Asked) -> Script:
    return Script([voice.opening, voice.in_band(500)], headers={"content-type": voice.content_type})


FAULTS: dict[str, Play] = {"500": bare(500), "503": bare(503), "reset": reset, "cut": cut, "error": broken}


def everywhere(*plays: Play, placements: Sequence[Placement] = PLACEMENTS[:3]) -> list[Cell]:
    """A cell for each of them, each client, each place."""
    faults = [Fault(f"now and then {at}", "elsewhere", play) for at, play in enumerate(plays)]
    return [Cell(f"c{at}", *each) for at, each in enumerate(product(faults, BOTH, placements))]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_upstream_that_fails_every_other_time_is_never_noticed(mongod, tmp_path, dialect):
    def flapping(fault: Play) -> Play:
        return lambda voice, asked: (fault if asked.number % 2 else good)(voice, asked)

    asked = everywhere(*map(flapping, FAULTS.values()))
    async with staged(mongod.url, tmp_path, dialect, asked) as stage:

        async def ask(cell: Cell) -> None:
            for _ in range(4):
                told = await stage.ask(cell)
                assert heard(cell, told) == ("whole", TEXT), (cell, told)
                assert int(told.headers["X-Gateway-Attempts"]) <= 2, (cell, told)

        await asyncio.gather(*map(ask, asked))
        await check_books(stage.gateway)


async def test_requests_that_are_at_fault_blame_nobody(mongod, tmp_path):
    """However many there are, the upstream stays the first that is asked."""

    def picky(status: int) -> Play:
        refuse = bare(status)
        return lambda voice, asked: (refuse if asked.number <= MANY else good)(voice, asked)

    asked = everywhere(*map(picky, (400, 413, 422)), placements=["route"])
    async with staged(mongod.url, tmp_path, "openai", asked) as stage:
        for cell in asked:
            for _ in range(MANY):
                assert heard(cell, await stage.ask(cell))[0] == "client"
            told = await stage.ask(cell)
            assert (heard(cell, told), told.headers["X-Gateway-Attempts"]) == (("whole", TEXT), "1")
            assert stage.upstreams.asked[f"{cell.id}g"] == []


async def test_an_upstream_that_stays_broken_is_left_alone(mongod, tmp_path):
    asked = everywhere(*FAULTS.values())
    async with staged(mongod.url, tmp_path, "openai", asked) as stage:

        async def ask(cell: Cell) -> None:
            for _ in range(MANY):
                outcome, _ = heard(cell, told := await stage.ask(cell))
                alone = {"in-band", "nobody"} if cell.fault.play is cut and cell.client == "stream" else {"nobody"}
                assert outcome in (alone if cell.placement == "alone" else {"whole"}), (cell, told)
            assert len(stage.upstreams.asked[f"{cell.id}b"]) <= FAILURES + 1, "one request may meet two failures"
            if cell.placement == "alone":
                assert int(told.headers["Retry-After"]) >= 1

        await asyncio.gather(*map(ask, asked))
        await check_books(stage.gateway)


async def test_a_key_that_is_refused_is_not_asked_with_again(mongod, tmp_path, claim_log):
    claim_log("tornadogw.health", "is disabled")
    asked = everywhere(*map(bare, (401, 402, 403)), placements=["route", "fallback"])
    async with staged(mongod.url, tmp_path, "openai", asked) as stage:
        for cell in asked:
            for _ in range(4):
                assert heard(cell, await stage.ask(cell)) == ("whole", TEXT)
            assert len(stage.upstreams.asked[f"{cell.id}b"]) == 1
