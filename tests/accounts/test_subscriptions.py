from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.keys import Keys
from tornadogw.accounts.plans import Plans
from tornadogw.accounts.subscriptions import DAY, Subscriptions, insert
from tornadogw.auth import Auth, KeyHasher
from tornadogw.errors import Conflict, UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.store.trade import Subscription as Sub
from tornadogw.types import Terms

ANN = "ann@example.com"
NOON = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC, 15 November in Shanghai."""
SECRET = b"k" * 32


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plans(mongo: Mongo, run, clock: Clock) -> Plans:
    plans = Plans(MongoPlans(mongo), now=clock)
    run(plans.create("basic", daily="1"))
    run(plans.create("pro", daily="5", models=["a", "b"], rpm=9, factor="0.8", days=7, prepaid_outside=False))
    return plans


@pytest.fixture
def accounts(mongo: Mongo, run, clock: Clock) -> Accounts:
    accounts = Accounts(MongoAccounts(mongo), now=clock)
    run(accounts.create(ANN))
    return accounts


@pytest.fixture
def subscriptions(mongo: Mongo, accounts: Accounts, plans: Plans, clock: Clock) -> Subscriptions:
    return Subscriptions(MongoSubscriptions(mongo), accounts, plans, time_zone="Asia/Shanghai", now=clock)


# --- the order of subscriptions ------------------------------------------------------------------------------------


def test_the_same_plan_again_begins_when_the_first_ends() -> None:
    first = insert((), "a", 100, now=50)
    assert first == (Sub("a", 50, 150),)
    assert insert(first, "a", 100, now=60) == (Sub("a", 50, 150), Sub("a", 150, 250))
    assert insert(first, "a", 100, now=150) == (Sub("a", 50, 150), Sub("a", 150, 250))
    assert insert(first, "a", 100, now=170) == (Sub("a", 50, 150), Sub("a", 170, 270))


def test_another_plan_begins_at_once_and_the_rest_of_the_first_comes_after_it() -> None:
    assert insert((Sub("a", 50, 150),), "b", 1000, now=60) == (
        Sub("a", 50, 60),
        Sub("b", 60, 1060),
        Sub("a", 1060, 1150),
    )


def test_a_later_beginning_pushes_only_what_stands_in_its_way() -> None:
    there = (Sub("a", 0, 100), Sub("b", 200, 300), Sub("c", 1000, 1100))
    assert insert(there, "d", 150, now=10, at=120) == (
        Sub("a", 0, 100),
        Sub("d", 120, 270),
        Sub("b", 270, 370),
        Sub("c", 1000, 1100),
    )


def test_what_is_long_over_is_forgotten() -> None:
    assert insert((Sub("a", 0, 100),), "b", 10, now=100 + 91 * DAY)[0].plan == "b"
    assert insert((Sub("a", 0, 100),), "b", 10, now=100 + 89 * DAY)[0].plan == "a"


STEP = st.tuples(st.sampled_from("abc"), st.integers(1, 40), st.integers(0, 30), st.none() | st.integers(0, 60))


@given(st.lists(STEP, max_size=12))
def test_no_time_is_lost_and_nothing_overlaps(steps) -> None:
    there, now, given_days = (), 0, dict.fromkeys("abc", 0)
    for plan, length, passed, ahead in steps:
        now += passed
        there = insert(there, plan, length, now, None if ahead is None else now + ahead, f"of {plan}")
        given_days[plan] += length
        assert all(one.until <= two.since for one, two in pairwise(there))
        assert all(each.since < each.until for each in there)
        assert all(each.ref == f"of {each.plan}" for each in there)
    have = dict.fromkeys("abc", 0)
    for each in there:
        have[each.plan] += each.until - each.since
    assert have == given_days


# --- on a database -------------------------------------------------------------------------------------------------


async def test_an_account_gets_a_plan_and_keeps_it_for_its_days(subscriptions: Subscriptions) -> None:
    standing = await subscriptions.subscribe(ANN, "pro", by="tester")
    assert standing.subscriptions == (Sub("pro", NOON, NOON + 7 * DAY),)
    standing = await subscriptions.subscribe(ANN, "pro", days=1)
    assert standing.subscriptions[1] == Sub("pro", NOON + 7 * DAY, NOON + 8 * DAY)


async def test_a_plan_is_given_once_a_reference(subscriptions: Subscriptions, clock: Clock) -> None:
    given = await asyncio.gather(*(subscriptions.subscribe(ANN, "pro", ref="order-1") for _ in range(4)))
    assert {each.subscriptions for each in given} == {(Sub("pro", NOON, NOON + 7 * DAY, "order-1"),)}
    clock.now += DAY
    standing = await subscriptions.subscribe(ANN, "basic", days=1, ref="order-2")
    assert [each.ref for each in standing.subscriptions] == ["order-1", "order-2", "order-1"], "in two parts"
    assert await subscriptions.subscribe(ANN, "pro", days=3, ref="order-1") == standing
    with pytest.raises(Conflict, match="another subscription"):
        await subscriptions.subscribe(ANN, "basic", ref="order-1")
    for wrong in ("", "two words", "x" * 129):
        with pytest.raises(UsageError, match="reference"):
            await subscriptions.subscribe(ANN, "pro", ref=wrong)
    clock.now += 90 * DAY
    assert await subscriptions.subscribe(ANN, "pro", ref="order-1") == standing
    standing = await subscriptions.subscribe(ANN, "pro")
    assert [each.ref for each in standing.subscriptions] == ["order-2", "order-1", ""]


async def test_a_first_day_is_one_of_the_accounts_own(subscriptions: Subscriptions) -> None:
    [sub] = (await subscriptions.subscribe(ANN, "basic", since="2023-11-16")).subscriptions
    assert sub.since == 1_700_064_000 + 0.0  # 2023-11-15 16:00 UTC
    await subscriptions.end(ANN)
    await subscriptions.set_zone(ANN, "America/New_York")
    [sub] = (await subscriptions.subscribe(ANN, "basic", since="2023-11-16")).subscriptions
    assert sub.since == 1_700_110_800  # 2023-11-16 05:00 UTC
    with pytest.raises(UsageError, match="2023-11-14 at the earliest"):
        await subscriptions.subscribe(ANN, "basic", since="2023-11-13")


async def test_today_begins_now(subscriptions: Subscriptions) -> None:
    [sub] = (await subscriptions.subscribe(ANN, "basic", since="2023-11-15")).subscriptions
    assert sub.since == NOON


async def test_the_end_is_now_and_of_everything(subscriptions: Subscriptions, clock: Clock) -> None:
    await subscriptions.subscribe(ANN, "pro")
    await subscriptions.subscribe(ANN, "basic", since="2024-01-01")
    clock.now = NOON + 5
    assert (await subscriptions.end(ANN)).subscriptions == (Sub("pro", NOON, NOON + 5),)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"plan": "gone"}, "no plan gone"),
        ({"plan": "pro", "days": 0}, "days are 1 to"),
        ({"plan": "pro", "since": "tomorrow"}, "YYYY-MM-DD"),
        ({"plan": "pro", "since": "2023-02-30"}, "YYYY-MM-DD"),
        ({"plan": "pro", "since": "2099-01-01"}, "too far"),
        ({"plan": "pro", "email": "bob@example.com"}, "bob@example.com"),
    ],
)
async def test_wrong_arguments_change_nothing(subscriptions: Subscriptions, accounts, words, named) -> None:
    with pytest.raises(UsageError, match=named):
        await subscriptions.subscribe(**{"email": ANN} | words)
    assert (await subscriptions.of(await accounts.show(ANN))).subscriptions == ()


async def test_an_archived_plan_is_for_nobody_new(subscriptions: Subscriptions, plans: Plans) -> None:
    await subscriptions.subscribe(ANN, "pro")
    await plans.archive("pro")
    with pytest.raises(UsageError, match="archived"):
        await subscriptions.subscribe(ANN, "pro")


async def test_a_zone_that_is_none_is_refused_with_the_nearest(subscriptions: Subscriptions) -> None:
    with pytest.raises(UsageError, match="Asia/Shanghai"):
        await subscriptions.set_zone(ANN, "Asia/Shanghi")
    assert (await subscriptions.set_zone(ANN, "Europe/Berlin")).time_zone == "Europe/Berlin"
    assert (await subscriptions.set_zone(ANN, "")).time_zone == ""


async def test_many_at_the_same_time_lose_none(subscriptions: Subscriptions) -> None:
    await asyncio.gather(*(subscriptions.subscribe(ANN, "pro", days=1) for _ in range(10)))
    standing = await subscriptions.subscribe(ANN, "pro", days=1)
    assert [each.since for each in standing.subscriptions] == [NOON + n * DAY for n in range(11)]


async def test_each_change_is_in_the_audit_log(subscriptions: Subscriptions, mongo: Mongo, accounts) -> None:
    await subscriptions.subscribe(ANN, "pro", by="tester")
    await subscriptions.set_zone(ANN, "Europe/Berlin", by="tester")
    await subscriptions.set_zone(ANN, "Europe/Berlin", by="tester")  # changes nothing
    await subscriptions.end(ANN, by="tester")
    ann = await accounts.show(ANN)
    found = await MongoAudit(mongo).entries(ann.id, 0, 100)
    assert [(each.act, each.subject, each.by) for each in found if each.act != "account.create"] == [
        ("account.plan", "pro", "tester"),
        ("account.zone", "", "tester"),
        ("account.plan_end", "", "tester"),
    ]
    assert found[-2].before["time_zone"] == ""
    assert found[-2].after["time_zone"] == "Europe/Berlin"


async def test_a_caller_knows_its_terms(subscriptions: Subscriptions, plans: Plans, mongo: Mongo, clock) -> None:
    new = await Keys(MongoKeys(mongo), MongoAccounts(mongo), SECRET).create(ANN)
    await subscriptions.subscribe(ANN, "pro")
    await subscriptions.set_zone(ANN, "Europe/Berlin")
    clock.now = NOON + DAY
    await subscriptions.subscribe(ANN, "basic", days=2)
    clock.now = NOON + 2 * DAY
    await plans.change("basic", daily="2.5")
    auth = Auth(MongoKeys(mongo), KeyHasher(SECRET), now=clock)
    caller = await auth.caller(new.text, "127.0.0.1")
    assert caller.time_zone == "Europe/Berlin"
    assert caller.terms == (
        Terms(plan="basic", daily=2_500_000, since=NOON + DAY, until=NOON + 3 * DAY),
        Terms(
            plan="pro",
            daily=5_000_000,
            since=NOON + 3 * DAY,
            until=NOON + 9 * DAY,
            models=frozenset("ab"),
            rpm=9,
            factor=800_000,
            prepaid_outside=False,
        ),
    )
    assert caller.terms_at(clock.now).plan == "basic"
    assert caller.terms_at(NOON + 9 * DAY) is None
