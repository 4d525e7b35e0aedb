from __future__ import annotations

import pytest

from tornadogw.accounts.plans import Plans
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_plans import MongoPlans

NOW = 1_700_000_000.0


@pytest.fixture
def plans(mongo: Mongo) -> Plans:
    return Plans(MongoPlans(mongo), now=lambda: NOW)


async def test_a_plan_is_made_with_all_it_can_have(plans: Plans) -> None:
    made = await plans.create(
        "月卡",
        daily="1.5",
        models=["a", "b"],
        rpm=5,
        factor="0.85",
        days=31,
        prepaid_after=False,
        prepaid_outside=False,
    )
    assert (made.daily, made.models, made.rpm, made.factor) == (1_500_000, ("a", "b"), 5, 850_000)
    assert (made.days, made.prepaid_after, made.prepaid_outside, made.active, made.created) == (
        31,
        False,
        False,
        True,
        NOW,
    )
    assert await plans.list() == [made]
    assert await plans.show("月卡") == made


async def test_what_is_not_given_stays(plans: Plans) -> None:
    made = await plans.create("pro", daily="1", models=["a"], rpm=5)
    changed = await plans.change("pro", daily="2", prepaid_after=False)
    assert (changed.daily, changed.prepaid_after) == (2_000_000, False)
    assert (changed.models, changed.rpm, changed.days) == (made.models, 5, 30)
    assert (await plans.change("pro", all_models=True)).models is None
    assert (await plans.change("pro", daily="2")).rpm == 5
    assert (await plans.change("pro", no_rpm=True)).rpm is None
    assert (await plans.show("pro")).models is None


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"name": ""}, "no name"),
        ({"name": "a b"}, "no name"),
        ({"name": "x" * 65}, "no name"),
        ({"name": "a\u202eb"}, "no name"),
        ({"daily": "0"}, "out of range"),
        ({"daily": "-1"}, "not an amount"),
        ({"rpm": 0}, "per minute"),
        ({"factor": "0"}, "price factor"),
        ({"factor": "x"}, "price factor"),
        ({"factor": "0.0000001"}, "price factor"),
        ({"days": 0}, "days are"),
        ({"models": [""]}, "models"),
    ],
)
async def test_wrong_arguments_make_no_plan(plans: Plans, words, named) -> None:
    with pytest.raises(UsageError, match=named):
        await plans.create(**{"name": "p", "daily": "1"} | words)
    assert await plans.list() == []


async def test_a_name_is_unique_and_has_to_be_known(plans: Plans) -> None:
    await plans.create("pro", daily="1")
    with pytest.raises(UsageError, match="already"):
        await plans.create("pro", daily="2")
    for work in (plans.change("gone", daily="1"), plans.archive("gone"), plans.offer("gone"), plans.show("gone")):
        with pytest.raises(UsageError, match="no plan gone"):
            await work
    assert (await plans.show("pro")).daily == 1_000_000


async def test_an_archived_plan_is_offered_no_more(plans: Plans) -> None:
    await plans.create("pro", daily="1")
    assert (await plans.offered("pro")).active
    assert not (await plans.archive("pro")).active
    with pytest.raises(UsageError, match="archived"):
        await plans.offered("pro")
    assert (await plans.offer("pro")).active
    assert (await plans.offered("pro")).active, "and offered again"


async def test_each_change_is_in_the_audit_log_and_none_that_failed(plans: Plans, mongo: Mongo) -> None:
    await plans.create("pro", daily="1", by="ann")
    with pytest.raises(UsageError):
        await plans.create("pro", daily="2", by="bob")
    await plans.change("pro", daily="1", by="bob")  # changes nothing
    await plans.change("pro", daily="3", by="bob")
    await plans.archive("pro", by="bob")
    await plans.offer("pro", by="eve")
    await plans.offer("pro", by="eve")  # changes nothing
    found = await MongoAudit(mongo).entries(None, 0, 10)
    assert [(each.by, each.act, each.subject, each.account_id) for each in found] == [
        ("ann", "plan.create", "pro", ""),
        ("bob", "plan.change", "pro", ""),
        ("bob", "plan.archive", "pro", ""),
        ("eve", "plan.offer", "pro", ""),
    ]
    assert (found[1].before["daily"], found[1].after["daily"]) == (1_000_000, 3_000_000)
