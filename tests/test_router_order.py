"""Whom the router lists and in which order: contexts, strategies, the score of `auto`."""

from __future__ import annotations

import random

import pytest

from tests.test_plan import walk
from tests.test_router import CALLER, CHAT, Clock, draft, model, route, router, upstreams
from tornadogw.errors import ContextTooLong, ModelMismatch
from tornadogw.health import Health
from tornadogw.settings.tables import Auto
from tornadogw.standing import Standing
from tornadogw.types import Caller, Failure, Price

LONG = draft(messages=[{"role": "user", "content": "x" * 80_000}], prompt_bytes=80_050)
"""10 000 tokens at least."""


def test_a_context_that_is_surely_too_small_is_dropped_and_said():
    models = [
        model("m", route("small", context=9_999), route("fits", priority=1, context=10_000), fallbacks=("n",)),
        model("n", route("unknown")),
    ]
    found = router(*models).candidates(CALLER, LONG)
    assert upstreams(found) == ["fits", "unknown"]
    steps, plan = walk(found)
    assert steps == ["fits#1", "unknown#1"]
    assert [(each.upstream, each.outcome, each.reason) for each in plan.attempts] == [("small", "skipped", "context")]
    assert "context" in plan.exhausted().message("en")


def test_a_prompt_that_may_fit_is_let_through():
    [only] = router(model("m", route("small", context=9_999))).candidates(CALLER, CHAT)
    assert only.route.context == 9_999
    letters = draft(messages=[{"role": "user", "content": "你" * 20_000}], prompt_bytes=60_050)
    assert router(model("m", route("small", context=10_000))).candidates(CALLER, letters)[0]


def test_a_prompt_that_fits_nowhere_is_1002_as_the_contract_says():
    with pytest.raises(ContextTooLong) as caught:
        router(model("m", route("a", context=100), route("b", context=9_999))).candidates(CALLER, LONG)
    error = caught.value
    assert (error.status, error.code, error.slug) == (400, 1002, "context_length_exceeded")


def test_of_several_prompts_the_longest_counts():
    many = draft(mode="completion", messages=(), prompts=["x" * 8_000] * 10, prompt_bytes=80_050)
    assert router(model("m", route(context=1_000))).candidates(CALLER, many)[0]
    tokens = draft(mode="completion", messages=(), prompts=[[1] * 1_001], prompt_bytes=2_050)
    with pytest.raises(ContextTooLong):
        router(model("m", route(context=1_000, token_prompts=True))).candidates(CALLER, tokens)


def stood(*routes, clock=None, **seen):
    """What was seen of upstreams: seconds to the first event, or `None` for a call that failed."""
    clock = clock or Clock()
    standing = Standing([each.place for each in routes], clock)
    for each in routes:
        for seconds in seen.get(each.upstream, ()):
            stay = standing.enter(each.place)
            clock.now += seconds or 0.0
            if seconds is not None:
                stay.heard()
            stay.ended(failed=seconds is None)
            stay.left()
    return standing


def test_each_strategy_orders_the_routes_of_its_model():
    routes = route("a", cost=5, weight=100), route("b", cost=2, weight=100), route("c", priority=1)
    standing = stood(*routes, a=[0.4], b=[0.2])
    expected = {"latency": "b", "cheapest": "b", "least_busy": "a"}
    standing.enter(routes[1].place)
    for strategy, first in expected.items():
        for seed in range(8):
            entry = model("m", *routes, strategy=strategy)
            found = upstreams(router(entry, standing=standing, seed=seed).candidates(CALLER, draft()))
            assert (found[0], found[2]) == (first, "c"), strategy


def test_sticky_is_the_same_in_every_process_and_differs_between_accounts():
    entry = model("m", *(route(f"u{at}") for at in range(4)), strategy="sticky")

    def order(account, seed):
        return upstreams(router(entry, seed=seed).candidates(Caller(account, "key"), draft()))

    assert all(order("one", seed) == order("one", 0) for seed in range(20))
    assert len({order(f"account {at}", 0)[0] for at in range(40)}) == 4


@pytest.mark.parametrize("strategy", ["weight", "latency", "least_busy", "cheapest", "sticky"])
def test_no_strategy_widens_what_may_be_used(strategy):
    entry = model("m", route("a"), route("b"), strategy=strategy, capabilities=frozenset(), modes=frozenset({"chat"}))
    other = model("n", route("c"), route("d"), strategy=strategy, fallbacks=("m",))
    narrow = Caller("account", "key", models=frozenset({"n"}))
    for asked in ("n", "auto"):
        assert sorted(upstreams(router(entry, other).candidates(narrow, draft(model=asked)))) == ["c", "d"]
        tools = draft(model=asked, needs=frozenset({"tools"}))
        assert sorted(upstreams(router(entry, other).candidates(CALLER, tools))) == ["c", "d"]
        prompt = draft(model=asked, mode="completion", messages=(), prompts=["x"])
        assert sorted(upstreams(router(entry, other).candidates(CALLER, prompt))) == ["c", "d"]
    with pytest.raises(ModelMismatch):
        router(entry, other).candidates(narrow, draft(model="m"))


def ranked(standing=None, auto=None, health=None, **fields):
    entries = [model("a", route("a"), auto=1), model("b", route("b"), auto=2, capabilities=frozenset(), **fields)]
    made = router(*entries, standing=standing, auto=auto, health=health)
    return upstreams(made.candidates(CALLER, draft(model="auto")))


def test_auto_leaves_the_rank_for_what_it_knows_and_weighs():
    assert ranked() == ["a", "b"]
    assert ranked(stood(route("a"), a=[None] * 3)) == ["a", "b"], "three failures are no verdict"
    assert ranked(stood(route("a"), a=[None] * 12)) == ["b", "a"]
    slow = stood(route("a"), route("b"), a=[9.0], b=[0.1])
    assert ranked(slow) == ["a", "b"]
    assert ranked(slow, Auto(latency=3)) == ["b", "a"]
    assert ranked(auto=Auto(price=2)) == ["a", "b"], "equal prices decide nothing"
    assert ranked(auto=Auto(price=9), price=Price()) == ["a", "b"]
    assert ranked(auto=Auto(need=2)) == ["b", "a"], "the request needs nothing that only a can"


def test_auto_puts_a_model_last_whose_routes_are_all_left_alone():
    health = Health(Clock(), random.Random(1))
    health.enter(upstream="a", credential="a#1", model="m").failed(Failure("cool", scope="key", seconds=7))
    assert ranked(stood(route("a"), a=[None]), health=health) == ["b", "a"]


def test_auto_looks_at_the_routes_that_would_be_asked_first():
    routes = route("a"), route("spare", priority=1), route("b")
    standing = stood(*routes, a=[None] * 20)
    entries = [model("one", *routes[:2], auto=1), model("two", routes[2], auto=2)]
    assert upstreams(router(*entries, standing=standing).candidates(CALLER, draft(model="auto")))[0] == "b"
