"""Processes that share what they know, each a Health and a Sharing, over a real MongoDB."""

from __future__ import annotations

import asyncio
import logging
import math
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sharers import BROKEN, FINGERPRINTS, HERE, NEAR, Process, catalogue, learns, near, running
from tests.store.wire import Wire
from tornadogw import breaker
from tornadogw import sharing as room
from tornadogw.accounts.office import office
from tornadogw.breaker import SPREAD
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.sharing import spots
from tornadogw.types import Failure


@pytest.fixture(autouse=True)
def for_long(monkeypatch):
    """What opens stays open for longer than any of these tests takes."""
    monkeypatch.setattr(breaker, "FIRST", 20.0)  # below the cool-downs that are looked at


@pytest.fixture
def two(mongo):
    return Process(mongo, "one"), Process(mongo, "other")


async def test_a_breaker_that_opened_or_was_closed_is_known_everywhere_within_two_seconds(mongo, two):
    one, other = two
    async with running(one, other):
        one.breaks()
        await learns(lambda: other.wait() > 0, mongo)
        assert one.wait() - near(*two) < other.wait() <= one.wait() * 1.1 + near(*two)
        assert other.wait(credential="up#2") > 0
        await asyncio.gather(one.sharing.rest(), other.sharing.rest())
        one.health._failing["up", "", "m"]._until = 0  # its end has come
        one.call()
        await learns(lambda: other.wait() == 0, mongo)
        assert other.health._failing == {}


async def test_a_probe_that_failed_anywhere_shuts_it_for_longer_everywhere(mongo, two):
    one, other = two
    async with running(one, other):
        one.breaks()
        await learns(lambda: other.wait() > 0, mongo)
        theirs, least = other.health._failing["up", "", "m"], breaker.FIRST * 2 * (1 - SPREAD)
        theirs._until = 0
        failed = time.monotonic()
        other.call(BROKEN)
        assert theirs._until > failed + least
        await learns(lambda: one.health._failing["up", "", "m"].openings == 2, mongo)
        assert one.health._failing["up", "", "m"]._until > failed + least - near(*two)


@pytest.mark.parametrize("scope", ["key", "key+model", "upstream+model"])
async def test_a_cool_down_ends_everywhere_when_the_vendor_said(mongo, scope, two):
    one, other = two
    async with running(one, other):
        one.call(Failure("cool", scope, seconds=30))
        await learns(lambda: other.wait() > 0, mongo)
        assert abs(other.wait() - one.wait()) < near(*two)
        assert one.wait() <= 30, "its own word comes back without making it longer"
        assert (other.wait(credential="up#2") > 0) == (scope == "upstream+model")


async def test_a_cool_down_that_somebody_ends_is_over_everywhere_and_later_ones_count(two, mongo):
    one, other = two
    marks = office(mongo, Secret("s" * 32), Settings()).marks
    async with running(one, other):
        for seconds in (900, 30):  # the second one is shorter than what is left of the first
            one.call(Failure("cool", "key+model", seconds=seconds))
            await learns(lambda: other.wait() > 0, mongo)
            assert one.wait() - near(*two) < other.wait() <= seconds + near(*two) - NEAR
            assert len(await marks.enable("up#1")) == 1
            await learns(lambda: one.wait() == other.wait() == 0, mongo)


async def test_a_disabled_key_is_known_by_its_secret_not_by_its_place(mongo, claim_log):
    claim_log("tornadogw.health", "up#1 is disabled")
    one = Process(mongo, "one")
    async with running(one):
        one.call(Failure("disable", "key"))
        await one.sharing.rest()
    restarted, mended, moved = (
        Process(mongo, "restarted"),
        Process(mongo, "mended", ("sk-new", "sk-2")),
        Process(mongo, "moved", ("sk-2", "sk-1")),
    )
    async with running(restarted, mended, moved):
        assert [each.wait() for each in (restarted, mended, moved)] == [math.inf, 0, 0], "known before it serves"
        assert [each.wait(credential="up#2") for each in (restarted, mended, moved)] == [0, 0, math.inf]
    text = str(await mongo.database.health.find().to_list(None))
    assert "sk-1" not in text


async def test_nothing_is_written_for_calls_that_go_well_or_are_the_clients_fault(two, database):
    one, _ = two
    async with running(one):
        for _ in range(20):
            one.call()
            one.call(Failure("client"))
            one.call(Failure("cannot"))
            one.call(BROKEN)
        one.call(Failure("cool", seconds=5, scope="key"), upstream="unknown")
        await one.sharing.rest()
        assert await database.health.count_documents({}) == 0


async def test_what_happens_at_once_is_told_in_one(two, monkeypatch):
    told = []
    one, _ = two
    tell = one.sharing._store.tell

    async def counted(what):
        told.append(len(what))
        return await tell(what)

    monkeypatch.setattr(one.sharing._store, "tell", counted)
    async with running(one):
        for seconds in range(1, 100):
            one.call(Failure("cool", "key", seconds=seconds))
            one.call(Failure("cool", "key+model", seconds=seconds))
        await one.sharing.rest()
        assert told == [2]


async def test_without_the_database_each_goes_by_what_it_knows_and_catches_up(
    mongod, mongo, claim_log, caplog, monkeypatch
):
    monkeypatch.setattr(room, "PAUSE", 0.05)
    caplog.set_level(logging.INFO, "tornadogw.sharing")
    claim_log("tornadogw.sharing", "away")
    claim_log("tornadogw.store.mongo_watch", "lost", needed=False)  # or the driver has resumed it by itself
    with Wire(mongod.socket) as wire:
        cut_off = wire.connect(mongo.database.name, 200)
        one, other = Process(cut_off, "one"), Process(mongo, "other")
        async with running(one, other):
            with wire.cut():
                for _ in range(3):
                    one.call(Failure("cool", "key", seconds=30))
                one.breaks()
                other.call(Failure("cool", "key", seconds=40), credential="up#2")
                await other.sharing.rest()
                await learns(lambda: "away" in caplog.text)
                assert one.wait() > 0
                assert len(one.sharing._changed) == 2
            await learns(lambda: other.wait() > 0)
            await learns(lambda: one.wait(credential="up#2") > 25)
            assert abs(other.wait() - one.wait()) < near(one, other)
            assert [each.levelname for each in caplog.records if each.name == "tornadogw.sharing"] == [
                "WARNING",
                "INFO",
            ]
        await cut_off.close()


async def test_a_start_without_the_database_goes_on_and_learns_later(mongod, mongo, claim_log, monkeypatch):
    monkeypatch.setattr(room, "PAUSE", 0.05)
    claim_log("tornadogw.sharing", "away")
    one = Process(mongo, "one")
    async with running(one):
        one.call(Failure("cool", "key", seconds=30))
        await one.sharing.rest()
    with Wire(mongod.socket) as wire:
        cut_off = wire.connect(mongo.database.name, 200)
        late = Process(cut_off, "late")
        with wire.cut():
            await late.sharing.start()
            assert late.wait() == 0
        await learns(lambda: late.wait() > 0)
        await late.sharing.close()
        await cut_off.close()


async def test_the_last_word_is_told_before_the_end(mongo, two):
    one, other = two
    await one.sharing.start()
    one.breaks()
    await one.sharing.close()
    await other.sharing.start()
    assert other.wait() > 0
    await other.sharing.close()


async def test_an_echo_neither_ends_a_probe_nor_opens_what_was_closed_meanwhile(mongo, two):
    one, other = two
    async with running(one, other):
        one.breaks()
        await learns(lambda: other.wait() > 0, mongo)
        await one.sharing.rest()
        other.health._failing["up", "", "m"]._until = 0
        probe = other.health.enter(**HERE)
        probing = other.wait()
        one.call(Failure("cool", seconds=30))  # another mark at the same place
        await learns(lambda: other.health._until.get(("up", "", "m"), 0) > 0, mongo)
        assert other.health._failing["up", "", "m"].wait(time.monotonic()) > probing - 20
        probe.well()
        other.breaks()
        other.health._failing["up", "", "m"]._until = 0
        other.call()
        await learns(lambda: not one.health._failing, mongo)
        assert not other.health._failing


async def test_what_is_found_while_others_are_heard_is_not_lost(two, monkeypatch):
    one, other = two
    one.health.listen(one.sharing._note)
    await other.sharing.start()
    other.breaks()
    await other.sharing.rest()
    read = one.sharing._store.since

    async def found_meanwhile(version):
        heard = await read(version)
        one.breaks()
        one.health._failing["up", "", "m"]._until = 0
        one.call()
        return heard

    monkeypatch.setattr(one.sharing._store, "since", found_meanwhile)
    await one.sharing._exchanged()
    assert one.wait() == 0, "it has just been answered"
    await one.sharing._exchanged()
    other.sharing.look()
    await learns(lambda: other.wait() == 0)
    await other.sharing.close()


async def test_a_bug_does_not_end_the_sharing(mongo, two, claim_log, monkeypatch):
    claim_log("tornadogw.sharing", "cannot be shared")
    one, other = two
    async with running(one, other):
        with monkeypatch.context() as patch:
            patch.setattr(one.health, "marks", lambda *_: 1 / 0)
            one.call(Failure("cool", "key", seconds=30))
            await one.sharing.rest()
        one.call(Failure("cool", "key", seconds=30))
        await learns(lambda: other.wait() > 0, mongo)


# --- any order -------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["breaks", "well", "cool", "disable", "lift", "tell", "hear"]),
        st.floats(0, 5),
    ),
    max_size=14,
)


async def step(process: Process, what: str, later: float) -> None:
    if what == "breaks":
        process.breaks()
    elif what == "well":
        process.call()
    elif what in ("cool", "disable"):
        process.call(Failure(what, "key", seconds=later))
    else:
        process.sharing._look = what == "hear"
        assert await process.sharing._exchanged()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_when_all_have_told_and_heard_all_know_the_same(steps, mongo, database, run, claim_log):
    """Three processes whose exchanges come at any moment, or late."""
    logging.getLogger("tornadogw.health").disabled = True
    now = 1000.0

    def clock() -> float:
        return now + time.monotonic()

    async def play() -> None:
        nonlocal now
        await database.health.delete_many({})
        three = [Process(mongo, name, clock=clock) for name in ("a", "b", "c")]
        marks = office(mongo, Secret("s" * 32), Settings()).marks
        for each in three:
            each.health.listen(each.sharing._note)
        for which, what, later in steps:
            await (marks.enable("up#1") if what == "lift" else step(three[which], what, later))
        for _ in range(2):
            for each in three:
                each.sharing._look = True
                assert await each.sharing._exchanged()
        seen = [
            {
                place: (breaker.openings, breaker.disabled)
                for place, breaker in each.health._failing.items()
                if breaker.is_open
            }
            for each in three
        ]
        assert seen[0] == seen[1] == seen[2]
        ends = [each.health._until.get(("up", "up#1", ""), 0.0) for each in three]
        assert all(abs(end - ends[0]) < near(*three) or end <= clock() for end in ends)

    try:
        run(play())
    finally:
        logging.getLogger("tornadogw.health").disabled = False


def test_a_fingerprint_tells_upstreams_and_secrets_apart_and_no_secret():
    found = spots(catalogue("sk-1", "sk-2", models=("m", "n")), FINGERPRINTS)
    assert set(found) == {
        ("up", key, model) for key in ("", "up#1", "up#2") for model in ("", "m", "n") if key or model
    }
    fingerprints = {spot[1] for spot in found.values()}
    assert len(fingerprints) == 3
    assert not any("sk-" in each for each in fingerprints)
    other = spots(catalogue("sk-1"), Secret("another gateway's secret").upstream_key)
    assert other["up", "up#1", ""] != found["up", "up#1", ""]


async def test_a_key_that_comes_later_hears_what_others_know_of_it(mongo, claim_log):
    """And what goes is neither told nor heard of, though it was just about to be."""
    claim_log("tornadogw.health", "is disabled")
    one, other = Process(mongo, "one", ("sk-1", "sk-2")), Process(mongo, "other", ("sk-2",))
    async with running(one, other):
        one.call(Failure("disable", "key", code="x"))  # of sk-1, which the other one has not
        await asyncio.gather(one.sharing.rest(), other.sharing.rest())
        assert other.wait() == 0
        other.sharing._since += 2**40  # it was long ago, and much has been heard since
        other.sharing.change(spots(catalogue("sk-2", "sk-1"), FINGERPRINTS))
        await learns(lambda: other.wait(credential="up#2") > 0)
        assert other.wait() == 0
        one.call(Failure("cool", "key", seconds=30), credential="up#2")
        one.sharing.change(spots(catalogue("sk-1"), FINGERPRINTS))
        await asyncio.gather(one.sharing.rest(), other.sharing.rest())
        assert other.wait() == 0
