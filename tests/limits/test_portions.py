from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tornadogw.limits.portions import Owed, grace, is_near, part, wait
from tornadogw.store.ports_limits import SLOTS

LIMITS, PROCESSES = st.integers(1, 10**6), st.integers(1, 64)


@given(LIMITS, PROCESSES)
def test_all_may_owe_four_percent_at_most(limit, processes):
    assert 0 <= grace(limit, processes) * processes * 25 <= limit


@given(LIMITS, PROCESSES)
def test_parts_make_no_more_than_the_limit_unless_each_has_but_one(limit, processes):
    mine = part(limit, processes)
    assert mine == 1 or mine * processes <= limit
    assert (mine + 1) * processes > limit


@given(LIMITS, PROCESSES)
def test_who_is_not_near_leaves_room_for_all_that_is_owed(limit, processes):
    used = 3 * limit // 4
    assert not is_near(used, limit)
    assert is_near(used + 1, limit)
    assert used + grace(limit, processes) * processes <= limit


def test_figures_of_four_processes():
    assert [grace(limit, 4) for limit in (99, 100, 500, 1000)] == [0, 1, 5, 10]
    assert [part(limit, 4) for limit in (3, 100, 500)] == [1, 25, 125]


@given(st.lists(st.tuples(st.floats(0, 60), st.integers(1, 50)), max_size=20).map(sorted), st.integers(1, 200))
def test_wait_ends_when_the_count_is_below_the_limit(leaving, limit):
    used = sum(amount for _, amount in leaving)
    after = wait(leaving, used, limit)
    assert sum(amount for seconds, amount in leaving if seconds > after) < limit
    if after > 0:
        assert sum(amount for seconds, amount in leaving if seconds >= after) >= limit


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 9), st.booleans(), st.booleans()), max_size=60),
)
def test_what_is_owed_is_told_once_and_forgotten_after_a_window(steps):
    slot, owed, model = 1000, Owed(), {}
    for ahead, amount, tell, fail in steps:
        slot += ahead
        owed.add(slot, amount)
        model[slot] = model.get(slot, 0) + amount
        model = {then: amount for then, amount in model.items() if then >= slot - SLOTS}
        owed.forget(slot)
        assert owed.total == sum(model.values())
        told = owed.told(slot)
        assert len({ago for ago, _ in told}) == len(told)
        assert sum(amount for _, amount in told) == owed.total
        for then, sure in model.items():  # never dated too early, nor more than a slot too late
            assert sum(each for ago, each in told if ago in (slot - then, slot - then - 1)) >= sure or then == slot
        if tell:
            earlier, owed = owed, Owed()
            if fail:
                owed.add(slot, 1)
                model[slot] += 1
                owed.put_back(earlier)
            else:
                model = {}
