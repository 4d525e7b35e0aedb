from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from tornadogw.catalogue import Catalogue, Deadlines, ModelEntry, RouteEntry
from tornadogw.errors import InvalidRequest, ModelMismatch, NoUpstream
from tornadogw.health import Health
from tornadogw.router import AUTO, BACK_OFF, MAX_ATTEMPTS, NOT_ALLOWED, WAIT, Router, Shortlist
from tornadogw.settings import Timeouts
from tornadogw.settings.tables import Auto
from tornadogw.standing import Standing
from tornadogw.types import Attempt, Caller, Credential, Draft, Failure, Price, Traits
from tornadogw.vendor import Vendor

CALLER = Caller("account", "key")
CHAT = Draft(mode="chat", model="m", messages=[{"role": "user", "content": "x"}], prompt_bytes=100, message_count=1)


def route(
    upstream="up", *, keys=1, price=1, cost=None, priority=0, weight=1, context=None, **traits: Any
) -> RouteEntry:
    return RouteEntry(
        upstream=upstream,
        vendor=Vendor(),
        base_url="",
        options={},
        proxy="",
        credentials=tuple(Credential(f"{upstream}#{n + 1}") for n in range(keys)),
        model="m",
        priority=priority,
        weight=weight,
        public_name="",
        price=Price(price * 1_000_000, price * 1_000_000),
        cost=None if cost is None else Price(cost * 1_000_000, cost * 1_000_000),
        deadlines=Deadlines(1, 1, 1, 1),
        traits=Traits(**traits),
        model_name="m",
        context=context,
    )


def model(name="m", *routes: RouteEntry, **fields: Any) -> ModelEntry:
    values: dict[str, Any] = {
        "aliases": (),
        "auto": None,
        "fallbacks": (),
        "modes": frozenset({"chat", "completion"}),
        "context": None,
        "capabilities": None,
        "price": Price(),
        "timeouts": Timeouts(),
    }
    return ModelEntry(name=name, routes=routes or (route(),), **(values | fields))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def router(*models: ModelEntry, health=None, standing=None, seed=1, auto=None) -> Router:
    standing = standing or Standing((route.place for model in models for route in model.routes), Clock())
    return Router(
        Catalogue(models),
        health or Health(Clock(), random.Random(1)),
        standing,
        max_tokens=1000,
        rng=random.Random(seed),
        auto=auto or Auto(),
    )


def draft(**fields: Any) -> Draft:
    values = {name: getattr(CHAT, name) for name in CHAT.__struct_fields__}
    return Draft(**(values | fields))


def upstreams(found):
    return [candidate.route.upstream for candidate in found]


def test_unknown_and_forbidden_models_are_told_alike():
    narrow = Caller("a", "k", models=frozenset({"other"}))
    for caller, name in ((CALLER, "nothing"), (narrow, "m")):
        with pytest.raises(ModelMismatch) as caught:
            router(model()).candidates(caller, draft(model=name))
        assert caught.value.code == 1003


def test_aliases_find_their_model_and_count_for_the_allow_list():
    entry = model("m", aliases=("nick",))
    for allowed in ({"m"}, {"nick"}):
        caller = Caller("a", "k", models=frozenset(allowed))
        assert router(entry).candidates(caller, draft(model="nick"))[0].model is entry


def test_a_mode_that_the_operator_excluded_is_1003():
    with pytest.raises(ModelMismatch):
        router(model(modes=frozenset({"chat"}))).candidates(
            CALLER, draft(mode="completion", messages=(), prompts=["x"])
        )


def test_what_a_model_cannot_do_is_1003_and_named():
    with pytest.raises(ModelMismatch) as caught:
        router(model(capabilities=frozenset())).candidates(CALLER, draft(needs=frozenset({"tools"})))
    assert "tools" in caught.value.message("en")


def test_auto_goes_by_rank_among_those_that_can():
    models = [
        model("a", route("a"), auto=3),
        model("b", route("b"), auto=1, capabilities=frozenset()),
        model("c", route("c"), auto=2),
    ]
    assert upstreams(router(*models).candidates(CALLER, draft(model="auto"))) == ["b", "c", "a"]
    tools = draft(model="auto", needs=frozenset({"tools"}))
    assert upstreams(router(*models).candidates(CALLER, tools)) == ["c", "a"]


def test_fallbacks_come_after_the_routes_of_the_asked_model():
    models = [model("m", route("a"), route("b", priority=1), fallbacks=("n",)), model("n", route("c"))]
    assert upstreams(router(*models).candidates(CALLER, draft())) == ["a", "b", "c"]


def test_priority_comes_before_weight_and_weight_is_a_share():
    routes = route("cheap", weight=3), route("dear", weight=1), route("last", priority=1, weight=100)
    first = Counter()
    for seed in range(800):
        order = upstreams(router(model("m", *routes), seed=seed).candidates(CALLER, draft()))
        assert order[2] == "last"
        first[order[0]] += 1
    assert 520 < first["cheap"] < 680


def test_token_arrays_go_only_where_they_are_taken():
    tokens = draft(mode="completion", messages=(), prompts=[[1, 2]])
    routes = route("text"), route("tokens", token_prompts=True)
    assert upstreams(router(model("m", *routes)).candidates(CALLER, tokens)) == ["tokens"]
    with pytest.raises(InvalidRequest):
        router(model("m", route("text"))).candidates(CALLER, tokens)


def test_whoever_is_no_candidate_is_passed_over_and_why():
    """Together they are all routes of the models that were meant."""
    routes = router(
        model("m", route("plain"), route("takes", token_prompts=True), fallbacks=("tool-less", "chat", "mine", "gone")),
        model("tool-less", route("a"), capabilities=("images",)),
        model("chat", route("b"), modes=frozenset({"chat"})),
        model("mine", route("c")),
        model("another", route("d")),
    )
    caller = Caller("account", "key", models=frozenset({"m", "tool-less", "chat"}))
    asked = draft(mode="completion", prompts=((1, 2),), messages=(), needs=frozenset({"tools"}))
    assert upstreams(routes.candidates(caller, asked)) == ["takes"]
    assert {each.upstream: each.reason for each in routes.passed_over(caller, asked)} == {
        "plain": "token arrays",
        "a": "cannot: tools",
        "b": "mode",
        "c": NOT_ALLOWED,
    }
    small = router(model("m", route("small", context=10)))
    [why] = small.passed_over(CALLER, draft(messages=[{"role": "user", "content": "x" * 9000}], prompt_bytes=9000))
    assert (why.upstream, why.reason) == ("small", "context")
    assert routes.passed_over(CALLER, draft(model="nobody knows")) == []
    assert routes.passed_over(CALLER, draft(model=AUTO)) == []


def test_the_bound_covers_prompt_and_every_choice():
    [candidate] = router(model()).candidates(CALLER, draft(choices=2, max_tokens=10))
    assert candidate.bound == 50 + 16 + 20


def walk(found, affordable=10**9, health=None, fail=None, asked=None):
    steps = []
    shortlist = found if isinstance(found, Shortlist) else Shortlist(found)
    plan = router(model(), health=health).plan(asked or draft(), shortlist, lambda offer: offer.bound <= affordable)
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
    health.enter(upstream="a", model="m").failed(Failure("cool", scope="key", seconds=7.2), "a#1")
    found = router(model("m", route("a"))).candidates(CALLER, draft())
    steps, plan = walk(found, health=health)
    error = plan.exhausted()
    assert steps == []
    assert isinstance(error, NoUpstream)
    assert error.retry_after == 8
    assert "cooling down" in error.message("en")


def test_a_disabled_key_has_no_retry_after():
    health = Health(Clock(), random.Random(1))
    health.enter(upstream="a", model="m").failed(Failure("disable", scope="key"), "a#1")
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


@pytest.mark.parametrize(("seconds", "again"), [(2.0, True), (WAIT + 1, False)])
@pytest.mark.parametrize("scope", ["key", "key+model", "upstream+model"])
def test_a_short_wait_is_waited_out_before_another_model(seconds, again, scope):
    pauses = []
    busy = Failure("cool", scope=scope, seconds=seconds)
    steps, _ = walk(two_models()[1:], fail=fails(busy, seen=pauses))
    assert steps == (["b#1", "b#1", "c#1", "c#1"] if again else ["b#1", "c#1"])
    assert pauses == ([0, seconds, 0, seconds] if again else [0, 0])


def test_what_cools_down_for_a_short_time_is_waited_for():
    health = Health(Clock(), random.Random(1))
    health.enter(upstream="a", model="m").failed(Failure("cool", scope="key", seconds=1.5), "a#1")
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
