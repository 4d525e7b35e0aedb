from __future__ import annotations

import random

import pytest

from tests.test_router import CALLER, Clock, draft, model, route, router
from tornadogw.breaker import FAILURES
from tornadogw.errors import InvalidRequest, NoUpstream
from tornadogw.health import Health
from tornadogw.plan import BACK_OFF, FULL, LOOK, MAX_ATTEMPTS, OVERLOADED, WAIT, Shortlist
from tornadogw.queues import Limit, Queues
from tornadogw.types import Attempt, Failure


def walk(found, affordable=10**9, health=None, queues=None, fail=None, asked=None):
    steps = []
    shortlist = found if isinstance(found, Shortlist) else Shortlist(found)
    routes = router(model(), health=health, queues=queues)
    plan = routes.plan(asked or draft(), shortlist, lambda offer: offer.bound <= affordable)
    for step in plan:
        steps.append(step.credential.name)
        if fail is not None:
            fail(plan, step)
    return steps, plan


def test_each_key_of_a_route_is_tried_once():
    found = router(model("m", route("a", keys=3))).candidates(CALLER, draft())
    assert sorted(walk(found)[0]) == ["a#1", "a#2", "a#3"]


def test_a_route_that_was_given_up_is_not_asked_with_another_key():
    found = router(model("m", route("a", keys=3), route("b", priority=1))).candidates(CALLER, draft())
    steps, _ = walk(found, fail=lambda plan, step: plan.failed(step, Failure("cannot")))
    assert [step[0] for step in steps] == ["a", "b"]


def test_there_is_a_cap_on_attempts():
    found = router(model("m", route("a", keys=50))).candidates(CALLER, draft())
    assert len(walk(found)[0]) == MAX_ATTEMPTS


def test_what_the_balance_does_not_cover_is_left_out_and_said():
    found = router(model("m", route("cheap"), route("dear", price=50, priority=-1))).candidates(CALLER, draft())
    steps, plan = walk(found, affordable=found[1].bound)
    assert steps == ["cheap#1"]
    assert [(attempt.upstream, attempt.reason) for attempt in plan.attempts] == [("dear", "balance")]


def test_what_cools_down_is_skipped_and_the_error_says_until_when():
    health = Health(Clock(), random.Random(1))
    health.enter(upstream="a", credential="a#1", model="m").failed(Failure("cool", scope="key", seconds=7.2))
    found = router(model("m", route("a"))).candidates(CALLER, draft())
    steps, plan = walk(found, health=health)
    error = plan.exhausted()
    assert steps == []
    assert isinstance(error, NoUpstream)
    assert error.retry_after == 8
    assert "cooling down" in error.message("en")


def test_what_failed_for_others_while_it_was_waited_for_does_not_stand():
    clock = Clock()
    health = Health(clock, random.Random(1))
    found = router(model("m", route("a"))).candidates(CALLER, draft())
    plan = router(model(), health=health).plan(draft(), Shortlist(found), lambda _: True)
    steps = iter(plan)
    step = next(steps)
    assert (plan.rest(step), plan.stands(step)) == (0, True)
    here = {"upstream": "a", "credential": "a#1", "model": "m"}
    for _ in range(FAILURES):
        health.enter(**here).failed(Failure("elsewhere", code="reset"))
    assert plan.rest(step) == health.wait(**here) > WAIT
    assert not plan.stands(step)
    assert [(attempt.outcome, attempt.reason) for attempt in plan.attempts] == [("skipped", "cooling down")]
    assert next(steps, None) is None, "that is not waited for"
    assert plan.exhausted().retry_after > WAIT

    clock.now += health.wait(**here)
    probe = health.enter(**here)
    assert plan.rest(step) == LOOK
    probe.well()
    assert (plan.rest(step), plan.stands(step)) == (0, True)


def test_what_is_busy_for_a_moment_more_is_waited_for():
    health = Health(Clock(), random.Random(1))
    found = router(model("m", route("a"))).candidates(CALLER, draft())
    plan = router(model(), health=health).plan(draft(), Shortlist(found), lambda _: True)
    steps = iter(plan)
    step = next(steps)
    health.enter(upstream="a", credential="a#1", model="m").failed(Failure("cool", scope="key", seconds=2))
    assert plan.rest(step) == 2
    assert not plan.stands(step)
    assert next(steps).pause == 2


def test_a_disabled_key_has_no_retry_after(claim_log):
    claim_log("tornadogw.health", "a#1 is disabled")
    health = Health(Clock(), random.Random(1))
    health.enter(upstream="a", credential="a#1", model="m").failed(Failure("disable", scope="key"))
    _, plan = walk(router(model("m", route("a"))).candidates(CALLER, draft()), health=health)
    assert plan.exhausted().retry_after is None


def test_a_clients_error_says_what_happened_and_nothing_of_the_operators_keys():
    found = router(model("m", route("a"))).candidates(CALLER, draft())
    for outcome, reason, told in (
        ("disable", "invalid_api_key", "m: unavailable"),
        ("cool", "rate_limit_exceeded", "m: busy"),
        ("elsewhere", "timeout", "m: timeout"),
        ("elsewhere", "whatever the vendor said", "m: failed"),
    ):
        _, plan = walk(found)
        plan.attempts.append(Attempt("a", "m", outcome, reason))
        message = plan.exhausted().message("en")
        assert message.endswith(told)


def test_last_is_the_last_that_can_be_asked():
    found = router(model("m", route("a"), route("b", priority=1))).candidates(CALLER, draft())
    seen = []
    walk(found, fail=lambda plan, step: seen.append(plan.is_last))
    assert seen == [False, True]


def test_what_every_route_says_of_the_request_is_told():
    found = router(model("m", route("a"), route("b", priority=1))).candidates(CALLER, draft())
    told = InvalidRequest(en="too long")
    _, plan = walk(found, fail=lambda plan, step: plan.says(told))
    assert plan.exhausted() is told
    _, plan = walk(found, fail=lambda plan, step: plan.says(told if step.credential.name == "a#1" else None))
    assert isinstance(plan.exhausted(), NoUpstream)


# --- once more -------------------------------------------------------------------------------------------------------


RESET = Failure("elsewhere", code="reset")
TOO_LONG = Failure("cannot", code="context_length_exceeded")


def fails(*failures: Failure, seen=None):
    """Each step fails like this, the last like all that follow."""
    left = list(failures)

    def fail(plan, step):
        if seen is not None:
            seen.append(step.pause)
        plan.failed(step, left.pop(0) if len(left) > 1 else left[0])

    return fail


def two_models():
    return [
        *router(model("m", route("a"), route("b", priority=1))).candidates(CALLER, draft()),
        *router(model("n", route("c"))).candidates(CALLER, draft(model="n")),
    ]


def test_other_routes_at_once_then_one_more_try_then_other_models():
    pauses = []
    steps, _ = walk(two_models(), fail=fails(RESET, seen=pauses))
    assert steps[:2] + steps[3:4] == ["a#1", "b#1", "c#1"]
    assert steps[2] in ("a#1", "b#1")
    assert steps[4:] == ["c#1"]
    assert pauses[:2] + pauses[3:4] == [0, 0, 0]
    assert all(BACK_OFF[0] <= each <= BACK_OFF[1] for each in (pauses[2], pauses[4]))


def test_behind_auto_another_model_is_as_good_as_another_route():
    steps, _ = walk(two_models(), fail=fails(RESET), asked=draft(model="auto"))
    assert steps[:3] == ["a#1", "b#1", "c#1"]
    assert len(steps) == 4


@pytest.mark.parametrize("failure", [Failure("elsewhere", code="timeout"), Failure("cannot"), Failure("disable")])
def test_who_let_us_wait_in_vain_or_cannot_is_not_asked_again(failure):
    assert walk(two_models(), fail=fails(failure))[0] == ["a#1", "b#1", "c#1"]


@pytest.mark.parametrize(("seconds", "again"), [(2.0, True), (OVERLOADED + 1, False)])
@pytest.mark.parametrize("scope", ["key", "key+model", "upstream+model"])
def test_a_short_wait_is_waited_out_before_another_model(seconds, again, scope):
    pauses = []
    busy = Failure("cool", scope=scope, seconds=seconds)
    steps, _ = walk(two_models()[1:], fail=fails(busy, seen=pauses))
    assert steps == (["b#1", "b#1", "c#1", "c#1"] if again else ["b#1", "c#1"])
    assert pauses == ([0, seconds, 0, seconds] if again else [0, 0])


def test_who_may_be_asked_again_at_once_is_asked_again():
    """`Retry-After: 0`, or a date that is over."""
    steps, _ = walk(two_models()[1:], fail=fails(Failure("cool", scope="key+model", seconds=0.0)))
    assert steps == ["b#1", "b#1", "c#1", "c#1"]


def test_an_overloaded_upstream_is_asked_once_more_although_it_is_left_alone():
    """Nobody knows for how long it is: the next moment may be better."""
    health, pauses = Health(Clock(), random.Random(1)), []
    overloaded = Failure("cool", scope="upstream+model", seconds=OVERLOADED)
    told = fails(overloaded, seen=pauses)

    def fail(plan, step):
        assert (plan.rest(step), plan.stands(step)) == (0, True)
        route = step.candidate.route
        health.enter(upstream=route.upstream, credential=step.credential.name, model=route.model).failed(overloaded)
        told(plan, step)

    steps, _ = walk(two_models()[1:], health=health, fail=fail)
    assert steps == ["b#1", "b#1", "c#1", "c#1"]
    assert all(BACK_OFF[0] <= each <= BACK_OFF[1] for each in pauses[1::2])


def test_what_cools_down_for_a_short_time_is_waited_for():
    health = Health(Clock(), random.Random(1))
    health.enter(upstream="a", credential="a#1", model="m").failed(Failure("cool", scope="key", seconds=1.5))
    pauses = []
    steps, _ = walk(two_models()[:1], health=health, fail=fails(Failure("cannot"), seen=pauses))
    assert (steps, pauses) == (["a#1"], [1.5])


def test_what_is_too_long_goes_only_where_there_is_more_room():
    sizes = {"m": 1000, "small": 500, "same": 1000, "large": 2000, "unknown": None}
    found = [
        candidate
        for name, size in sizes.items()
        for candidate in router(model(name, route(name, context=size), route(f"{name}2", context=size))).candidates(
            CALLER, draft(model=name)
        )
    ]
    steps, plan = walk(found, fail=fails(TOO_LONG))
    assert [step.removesuffix("#1").removesuffix("2") for step in steps] == ["m", "large", "unknown", "unknown"]
    assert {each.reason for each in plan.attempts} == {"context"}


async def full(*upstreams: str, waiting=1) -> Queues:
    queues = Queues({name: Limit(1, waiting, 1.0) for name in upstreams})
    for name in upstreams:
        assert await queues.enter(name)
    return queues


async def test_who_has_a_place_free_is_asked_before_who_has_none():
    assert walk(two_models()[:2], queues=await full("a"))[0] == ["b#1", "a#1"]


async def test_a_place_is_waited_for_before_another_model_is_asked():
    assert walk(two_models(), queues=await full("a"))[0] == ["b#1", "a#1", "c#1"]
    assert walk(two_models(), queues=await full("a", "b"))[0] == ["a#1", "b#1", "c#1"]
    asked = draft(model="auto")
    assert walk(two_models(), queues=await full("a", "b"), asked=asked)[0] == ["c#1", "a#1", "b#1"]


async def test_where_nobody_may_wait_nobody_is_sent():
    steps, plan = walk(two_models()[:1], queues=await full("a", waiting=0))
    assert steps == []
    assert [(each.upstream, each.outcome, each.reason) for each in plan.attempts] == [("a", "skipped", "full")]
    error = plan.exhausted()
    assert error.retry_after == FULL
    assert "full" in error.en


async def test_who_found_no_place_in_time_is_not_sent_again():
    steps, plan = walk(two_models()[:2], queues=await full("a", "b"), fail=lambda plan, step: plan.turned_away(step))
    assert steps == ["a#1", "b#1"]
    assert [each.reason for each in plan.attempts] == ["full", "full"]


def beside(plan, count=9):
    """Who is asked at the same time as the first."""
    step = next(iter(plan))
    found = []
    while len(found) < count and (other := plan.beside(step)) is not None:
        found.append(other.credential.name)
    return found


def planned(*models, health=None, queues=None, asked=None):
    routes = router(*models, health=health, queues=queues)
    asked = asked or draft()
    return routes.plan(asked, routes.candidates(CALLER, asked), lambda _: True)


def test_beside_a_route_another_upstream_of_the_model_may_be_asked():
    assert beside(planned(model("m", route("a", keys=2), route("b", priority=1)))) == ["b#1"]
    assert beside(planned(model("m", route("a", keys=2)))) == []


def test_a_fallback_is_not_asked_beside_its_model_but_any_model_of_auto_is():
    models = model("m", route("a"), fallbacks=("n",)), model("n", route("b"))
    assert beside(planned(*models)) == []
    assert beside(planned(*models, asked=draft(model="auto"))) == ["b#1"]


def test_nobody_is_asked_beside_who_is_left_alone_or_has_no_place():
    health = Health(Clock(), random.Random(1))
    health.enter(upstream="b", credential="b#1", model="m").failed(Failure("cool", scope="key", seconds=7))
    routes = model("m", route("a"), route("b", priority=1))
    assert beside(planned(routes, health=health)) == []
    queues = Queues({"b": Limit(0, 9, 1.0)})
    assert beside(planned(routes, queues=queues)) == []


def test_who_was_outrun_may_be_asked_later():
    plan = planned(model("m", route("a"), route("b", priority=1)))
    first = next(iter(plan))
    second = plan.beside(first)
    plan.outrun(first)
    plan.failed(second, Failure("elsewhere", code="reset"))
    assert next(iter(plan)).credential.name == "a#1"


def test_who_is_asked_beside_counts_as_asked_and_among_the_six():
    names = [route(name, priority=at) for at, name in enumerate("abcdefgh")]
    plan = planned(model("m", *names))
    assert len(beside(plan)) == MAX_ATTEMPTS - 1
    assert list(plan) == []
    plan = planned(model("m", *names[:3]))
    assert beside(plan, count=1) == ["b#1"]
    assert [step.credential.name for step in plan] == ["c#1"]
