from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tornadogw.auto import MIDDLING, Known, best_first, is_settled, score
from tornadogw.settings.tables import Auto

share = st.floats(0, 1)
seconds = st.none() | st.floats(0, 1000)
known = st.builds(Known, st.integers(-9, 9), st.integers(0, 10**6), share, seconds, share)
weight = st.floats(0, 1000)
weights = st.builds(Auto, rank=weight, price=weight, health=weight, latency=weight, need=weight)


def test_the_formula_is_the_documented_one():
    told = Auto(rank=2, price=3, health=5, latency=7, need=11)
    one = Known(rank=4, price=25, errors=0.5, first_event=MIDDLING, spare=0.75)
    assert score(told, one, 100) == 2 * 4 + 3 * 0.25 + 5 * 0.5 + 7 * 0.5 + 11 * 0.75


@given(st.lists(st.builds(Known, st.integers(0, 9), st.integers(0, 10**6)), max_size=8))
def test_by_default_rank_decides_as_long_as_nothing_else_is_known(models):
    assert best_first(Auto(), models) == sorted(range(len(models)), key=lambda at: models[at].rank)


@given(st.integers(0, 5), seconds, seconds, st.integers(0, 9), st.integers(0, 9))
def test_by_default_latency_alone_never_overrules_a_rank(rank, fast, slow, price, other):
    better, worse = Known(rank, price, first_event=slow), Known(rank + 1, other, first_event=fast)
    assert best_first(Auto(), [worse, better]) == [1, 0]


@given(weights, st.lists(known, max_size=8))
def test_the_same_state_gives_the_same_order(told, models):
    found = best_first(told, models)
    assert sorted(found) == list(range(len(models)))
    assert best_first(told, models) == found


@given(weights, known, share, st.floats(0, 1000), share)
def test_nothing_gets_better_by_being_worse(told, one, errors, slower, spare):
    worse = Known(
        one.rank + 1,
        one.price + 1,
        max(one.errors, errors),
        None if one.first_event is None else one.first_event + slower,
        max(one.spare, spare),
    )
    assert score(told, worse, 10**6) >= score(told, one, 10**6) - 1e-9


@given(weights, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10**6), seconds, share), max_size=6))
def test_a_settled_order_stands_whatever_is_known_but_failures(told, models):
    ranked = sorted((Known(rank, price, 0.0, wait, spare) for rank, price, wait, spare in models), key=lambda x: x.rank)
    for weights in (told, Auto(), Auto(rank=told.rank, latency=told.latency)):
        if is_settled(weights, [each.rank for each in ranked]):
            assert best_first(weights, ranked) == list(range(len(ranked)))


def test_what_is_settled():
    assert is_settled(Auto(), [1, 2, 9])
    assert is_settled(Auto(), [])
    assert not is_settled(Auto(), [1, 1])
    for weights in (Auto(price=0.1), Auto(need=0.1), Auto(latency=1), Auto(rank=0)):
        assert not is_settled(weights, [1, 2])


def test_free_models_have_no_dearest():
    assert best_first(Auto(price=1), [Known(1), Known(0)]) == [1, 0]
    assert best_first(Auto(rank=0, price=1), [Known(0, price=5), Known(1, price=4)]) == [1, 0]
