from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from tornadogw.catalogue import Catalogue, Deadlines, ModelEntry, RouteEntry
from tornadogw.errors import InvalidRequest, ModelMismatch
from tornadogw.health import Health
from tornadogw.queues import Queues
from tornadogw.router import AUTO, NOT_ALLOWED, Router
from tornadogw.settings import Timeouts
from tornadogw.settings.tables import Auto
from tornadogw.standing import Standing
from tornadogw.types import Caller, Credential, Draft, Price, Traits
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


def router(*models: ModelEntry, health=None, standing=None, queues=None, seed=1, auto=None) -> Router:
    standing = standing or Standing((route.place for model in models for route in model.routes), Clock())
    return Router(
        Catalogue(models),
        health or Health(Clock(), random.Random(1)),
        standing,
        queues or Queues({}),
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
