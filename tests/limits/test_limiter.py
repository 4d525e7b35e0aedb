from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.limits.counts import Clock, Counts
from tornadogw.errors import RateLimited
from tornadogw.limits import peers
from tornadogw.limits.limiter import Limiter
from tornadogw.settings.tables import Limits
from tornadogw.types import Caller, Record, Terms, Usage

CALLER = Caller("a1", "k1")


def limiter(store=None, processes=1, **settings) -> Limiter:
    return Limiter(Limits(**settings), store, lambda: processes, clock=Clock(), now=lambda: 1000.0)


def terms(rpm, since=0.0, until=2000.0) -> Terms:
    return Terms("pro", 0, since, until, rpm=rpm)


@pytest.mark.parametrize(
    ("caller", "limit"),
    [
        (CALLER, 7),
        (Caller("a1", "k1", rpm=3), 3),
        (Caller("a1", "k1", terms=(terms(5),)), 5),
        (Caller("a1", "k1", rpm=3, terms=(terms(5),)), 3),
        (Caller("a1", "k1", terms=(terms(None),)), 7),
        (Caller("a1", "k1", terms=(terms(5, until=900.0), terms(9, since=900.0))), 9),
        (Caller("a1", "k1", terms=(terms(5, since=1500.0),)), 7),
    ],
)
def test_the_key_s_own_limit_beats_the_plan_s_which_beats_the_setting(caller, limit):
    verdict = limiter(key_per_minute=7).key(caller)
    assert verdict is not None
    assert verdict.limit == limit


def test_addresses_and_keys_are_counted_apart():
    limits = limiter(key_per_minute=1, ip_per_minute=2)
    for _ in range(2):
        assert limits.address("k1").allowed
    assert not limits.address("k1").allowed
    assert limits.key(CALLER).allowed
    assert not limits.key(CALLER).allowed


def test_nothing_limits_tokens_or_calls_at_once_unless_it_is_set():
    limits = limiter()
    leaves = [limits.enter(CALLER) for _ in range(500)]
    assert None not in leaves
    limits.spent(CALLER, lambda: pytest.fail("nobody needs the record"))
    assert len(limits._running) == 0
    for leave in leaves:
        leave()


@pytest.mark.parametrize("own", [True, False])
def test_calls_at_once(own):
    caller = Caller("a1", "k1", concurrent=2) if own else CALLER
    limits = limiter(key_concurrent=9 if own else 2)
    first, second = limits.enter(caller), limits.enter(caller)
    with pytest.raises(RateLimited) as refused:
        limits.enter(caller)
    assert refused.value.retry_after == 1
    for _ in range(3):  # a call ends once, however often that is said
        first()
    assert limits.enter(caller) is not None
    with pytest.raises(RateLimited):
        limits.enter(caller)
    assert limits.enter(Caller("a1", "k2", concurrent=1)) is not None
    second()


@pytest.mark.parametrize("own", [True, False])
def test_tokens(own):
    caller = Caller("a1", "k1", tokens_per_minute=100) if own else CALLER
    limits = limiter(key_tokens_per_minute=900 if own else 100)
    record = Record("r1", "a1", "k1", "chat", "m", usage=Usage(prompt=60, completion=40))
    assert limits.enter(caller) is not None
    limits.spent(caller, lambda: record)
    with pytest.raises(RateLimited) as refused:
        limits.enter(caller)
    assert 59 <= (refused.value.retry_after or 0) <= 61
    limits._tokens._clock.now += 61
    assert limits.enter(caller) is not None


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def test_a_process_that_joins_one_that_was_alone_never_doubles_the_limit(monkeypatch):
    """The worst case: one has given all of it, the other comes before the first knows."""
    monkeypatch.setattr(peers, "STEP", 0.001)
    monkeypatch.setattr(peers, "NOTICE", 0.001)
    clock = Clock()
    store, known = Counts(clock), {"first": 1, "second": 2}
    first, second = (Limiter(Limits(), store, partial(known.get, name), clock=clock) for name in known)

    for limits in (first, second):
        limits.open()

    async def passed(limits: Limiter) -> int:
        return [(limits.key(CALLER) or await limits.ask_key(CALLER)).allowed for _ in range(150)].count(True)

    assert await passed(first) == 100
    assert await passed(second) == 50, "its part, and not more"
    assert await passed(first) == 0
    known["first"] = 2  # and nobody asks the first for anything
    await until(lambda: second.settled)
    assert await passed(first) + await passed(second) <= 2, "what both gave is known now, but for what may be owed"
    clock.now += 62
    assert await passed(second) in (100, 101, 102)
    assert await passed(first) <= 2
    for limits in (first, second):
        await limits.close()


async def test_several_processes_count_in_common():
    clock = Clock()
    store = Counts(clock)
    each = [Limiter(Limits(key_concurrent=3), store, lambda: 2, clock=clock) for _ in range(2)]
    caller = Caller("a1", "k1", tokens_per_minute=100, rpm=10)
    for limits in each:
        limits._peers.alone()
    for limits in each:
        limits._peers.settled = True
    leaves = [each[n % 2].enter(caller) or await each[n % 2].ask_enter(caller) for n in range(3)]
    for limits in each:
        with pytest.raises(RateLimited):
            limits.enter(caller) or await limits.ask_enter(caller)
    for leave in leaves:
        leave()
    each[0].spent(caller, lambda: Record("r1", "a1", "k1", "chat", "m", usage=Usage(prompt=100)))
    with pytest.raises(RateLimited):
        each[0].enter(caller) or await each[0].ask_enter(caller)
    clock.now += 1
    with pytest.raises(RateLimited):
        each[1].enter(caller) or await each[1].ask_enter(caller)
    allowed = [(each[n % 2].key(caller) or await each[n % 2].ask_key(caller)).allowed for n in range(12)]
    assert allowed.count(True) == 10
    assert (each[0].address("203.0.113.1") or await each[0].ask_address("203.0.113.1")).allowed
    for limits in each:
        await limits.close()
    assert set(store.held["c:k1"].values()) == {0}
