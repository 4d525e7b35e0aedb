"""Every change that the services make leaves one line, with old and new, and no secret."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.keys import Keys
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_keys import MongoKeys

ANN, BOB = "ann@example.com", "bob@example.com"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(mongo: Mongo, clock: Clock) -> Accounts:
    return Accounts(MongoAccounts(mongo), hasher=CHEAP, now=clock)


@pytest.fixture
def audit(mongo: Mongo, accounts: Accounts, clock: Clock) -> Audit:
    return Audit(MongoAudit(mongo), accounts, now=clock)


async def test_every_change_of_an_account(accounts: Accounts, audit: Audit) -> None:
    await accounts.create(ANN, password="first secret", by="a")
    await accounts.set_role(ANN, "operator", by="b")
    await accounts.disable(ANN, by="c")
    await accounts.enable(ANN, by="d")
    await accounts.set_language(ANN, "zh", by="e")
    await accounts.set_password(ANN, "second secret", by="f")
    await accounts.set_password(ANN, None, by="g")
    await accounts.credit(ANN, "5", ref="r1", by="h")
    await accounts.credit(ANN, "5", ref="r1", by="h")  # counts once, and is told once
    await accounts.debit(ANN, "7", ref="r2", by="i")
    found = await audit.entries(ANN)
    assert [(each.by, each.act, each.before, each.after) for each in found] == [
        ("a", "account.create", {}, {"email": ANN, "role": "user", "status": "active"}),
        ("b", "account.role", {"role": "user"}, {"role": "operator"}),
        ("c", "account.disable", {"status": "active"}, {"status": "disabled"}),
        ("d", "account.enable", {"status": "disabled"}, {"status": "active"}),
        ("e", "account.language", {"language": None}, {"language": "zh"}),
        ("f", "account.password", {"has_password": True}, {"has_password": True}),
        ("g", "account.password", {"has_password": True}, {"has_password": False}),
        (
            "h",
            "account.credit",
            {"credited": 0, "balance": 0},
            {"credited": 5_000_000, "balance": 5_000_000, "amount": 5_000_000, "ref": "r1"},
        ),
        (
            "i",
            "account.debit",
            {"credited": 5_000_000, "balance": 5_000_000},
            {"credited": -2_000_000, "balance": -2_000_000, "amount": -7_000_000, "ref": "r2"},
        ),
    ]


async def test_every_change_of_a_key(accounts: Accounts, audit: Audit, mongo: Mongo, clock: Clock) -> None:
    account = await accounts.create(ANN)
    keys = Keys(MongoKeys(mongo), MongoAccounts(mongo), b"k" * 32, now=clock)
    new = await keys.create(ANN, label="ci", daily_budget="1", by="a")
    await keys.disable(ANN, new.key.id, by="b")
    await keys.enable(ANN, new.key.id, by="c")
    rotated = await keys.rotate(ANN, new.key.id, by="d")
    await keys.set_budgets(ANN, new.key.id, daily="none", total="9", by="e")
    with pytest.raises(UsageError):
        await keys.disable(ANN, "gone", by="f")
    found = await audit.entries(ANN)
    assert {each.account_id for each in found} == {account.id}
    assert [(each.by, each.act, each.subject, each.before) for each in found[1:]] == [
        ("a", "key.create", new.key.id, {}),
        ("b", "key.disable", new.key.id, {"disabled": False}),
        ("c", "key.enable", new.key.id, {"disabled": True}),
        ("d", "key.rotate", new.key.id, {}),
        ("e", "key.budget", new.key.id, {"budget_daily": 1_000_000, "budget_total": None}),
    ]
    assert found[1].after["label"] == "ci"
    assert found[-1].after == {"budget_daily": None, "budget_total": 9_000_000}
    for each in found:
        assert new.text not in repr(each)
        assert rotated.text not in repr(each)


async def test_a_change_that_fails_is_not_told(accounts: Accounts, audit: Audit) -> None:
    await accounts.create(ANN)
    with pytest.raises(UsageError):
        await accounts.create(ANN, by="b")
    await accounts.create(BOB)
    await accounts.credit(ANN, "5", ref="r1")
    with pytest.raises(UsageError):
        await accounts.credit(BOB, "5", ref="r1")
    assert [each.act for each in await audit.entries()] == ["account.create", "account.create", "account.credit"]


async def test_only_so_many_days(accounts: Accounts, audit: Audit, clock: Clock) -> None:
    await accounts.create(ANN)
    clock.now += 2 * 86_400
    await accounts.disable(ANN)
    assert [each.act for each in await audit.entries(ANN, days=1)] == ["account.disable"]
    assert len(await audit.entries(ANN, days=3)) == 2
    for wrong in (audit.entries(ANN, days=0), audit.entries(BOB)):
        with pytest.raises(UsageError):
            await wrong
