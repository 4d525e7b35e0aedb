from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_router import route
from tornadogw.settings.schema import fields
from tornadogw.settings.tables import Model
from tornadogw.standing import Figures
from tornadogw.strategies import STRATEGIES, Asked, Choice, by_strategy, conversation
from tornadogw.types import Draft


def names(strategy, choices, asked=None):
    return [route.upstream for route in by_strategy(strategy, choices, asked or Asked())]


def choice(name, figures=Figures(), luck=0.5, **of_route):  # noqa: B008 -- frozen
    return Choice(route(name, **of_route), figures, luck)


figures = st.builds(Figures, st.integers(0, 50), st.none() | st.floats(0.001, 100), st.floats(0, 0.9))
routes = st.builds(
    lambda priority, weight, figures, luck, cost: (priority, weight, figures, luck, cost),
    st.integers(0, 3),
    st.integers(1, 9),
    figures,
    st.floats(0, 1),
    st.none() | st.integers(0, 9),
)


def test_the_settings_know_every_strategy():
    assert set(STRATEGIES) == set(fields(Model)["strategy"].type.values)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
@given(drawn=st.lists(routes, max_size=7), order=st.randoms(use_true_random=False))
def test_priority_comes_first_none_is_lost_and_the_settings_order_does_not_matter(strategy, drawn, order):
    choices = [
        Choice(route(f"u{at}", priority=priority, weight=weight, cost=cost), figures, (luck / 2 + at) / 10)
        for at, (priority, weight, figures, luck, cost) in enumerate(drawn)
    ]
    asked = Asked(10, 10, b"talk")
    found = by_strategy(strategy, choices, asked)
    assert [each.priority for each in found] == sorted(each.route.priority for each in choices)
    shuffled = order.sample(choices, len(choices))
    assert names(strategy, shuffled, asked) == [each.upstream for each in found]
    assert sorted(each.upstream for each in found) == sorted(each.route.upstream for each in choices)


def test_weight_is_the_draw():
    assert names("weight", [choice("a", luck=0.1), choice("b", luck=0.9)]) == ["b", "a"]


def test_latency_takes_the_fastest_and_tries_what_is_unknown_once_at_a_time():
    fast, slow = choice("fast", Figures(9, 0.2)), choice("slow", Figures(0, 0.9))
    assert names("latency", [slow, fast, choice("new")]) == ["new", "fast", "slow"]
    assert names("latency", [slow, choice("new", Figures(1)), fast]) == ["fast", "slow", "new"]
    assert names("latency", [choice("busy", Figures(2)), choice("new", Figures(1))]) == ["new", "busy"]


def test_latency_is_not_won_by_failing_fast():
    failing, never = choice("failing", Figures(0, 0.001, 0.8)), choice("never", Figures(0, None, 0.8))
    assert names("latency", [failing, choice("good", Figures(0, 0.5)), never])[0] == "good"


@given(st.lists(st.integers(0, 99), min_size=1, max_size=8))
def test_least_busy_goes_up(busy):
    found = names("least_busy", [choice(str(each), Figures(each)) for each in busy])
    assert [int(each) for each in found] == sorted(busy)


def test_least_busy_counts_weights():
    assert names("least_busy", [choice("small", Figures(2)), choice("big", Figures(6), weight=4)]) == ["big", "small"]


def test_cheapest_takes_the_operators_cost_else_the_price():
    choices = [choice("dear", price=9), choice("cost", price=9, cost=2), choice("price", price=3), choice("0", cost=0)]
    assert names("cheapest", choices, Asked(100, 100)) == ["0", "cost", "price", "dear"]


@given(st.lists(st.binary(min_size=1, max_size=16), min_size=1, max_size=40), st.integers(2, 7), st.data())
def test_sticky_moves_only_what_the_lost_route_had(talks, count, data):
    choices = [choice(f"u{at}", luck=random.random()) for at in range(count)]
    lost = data.draw(st.integers(0, count - 1))
    rest = choices[:lost] + choices[lost + 1 :]
    for talk in talks:
        asked = Asked(conversation=talk)
        before = names("sticky", choices, asked)
        before.remove(f"u{lost}")
        assert names("sticky", rest, asked) == before


def test_sticky_shares_by_weight():
    choices = [choice("three", weight=3), choice("one"), choice("last", priority=1, weight=99)]
    first = Counter(names("sticky", choices, Asked(conversation=str(at).encode()))[0] for at in range(800))
    assert first.keys() == {"three", "one"}
    assert 540 < first["three"] < 660


def talk(*messages, **fields):
    said = [{"role": role, "content": content} for role, content in messages]
    return Draft(mode="chat", model="m", messages=said, **fields)


def test_a_conversation_is_the_same_in_every_turn():
    start = [("system", "be kind"), ("user", "hello")]
    first = conversation("account", talk(*start))
    assert conversation("account", talk(*start, ("assistant", "hi"), ("user", "and?"))) == first
    assert first.hex() == "7212755d2916037c35ed613a69779282", "the same on every machine"


def test_other_beginnings_and_accounts_are_other_conversations():
    parts = [{"type": "text", "text": "hello"}]
    found = {
        conversation("account", talk(("system", "be kind"), ("user", "hello"))),
        conversation("other", talk(("system", "be kind"), ("user", "hello"))),
        conversation("account", talk(("system", "be rude"), ("user", "hello"))),
        conversation("account", talk(("system", "be kind"), ("user", "hello there"))),
        conversation("account", talk(("user", parts))),
        conversation("account", Draft(mode="completion", model="m", prompts=["hello"])),
        conversation("account", Draft(mode="completion", model="m", prompts=[[1, 2]])),
    }
    assert len(found) == 7


def test_a_completion_that_grows_stays():
    head = "x" * 2000
    one, two = (Draft(mode="completion", model="m", prompts=[text]) for text in (head, head + "more"))
    assert conversation("a", one) == conversation("a", two)
