from __future__ import annotations

import pytest

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.logins import AS_ANOTHER, Logins, NewLogin, may
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_logins import MongoLogins
from tornadogw.store.ports import Account

ANN = Account("a", "ann@example.com")


def test_each_role_may_what_those_before_it_may() -> None:
    operator = Account("o", "o@example.com", role="operator")
    assert [may(operator, role) for role in ("user", "reader", "operator", "owner")] == [True, True, True, False]
    assert [may(ANN, role) for role in ("user", "reader")] == [True, False]


async def test_a_login_is_found_by_its_token_until_it_ends(mongo: Mongo) -> None:
    accounts, logins = Accounts(MongoAccounts(mongo)), Logins(MongoLogins(mongo), days=1)
    ann = await accounts.create("ann@example.com")
    new = await logins.begin(ann, address="192.0.2.1", agent="x" * 1000)
    assert new.token not in repr(new)
    found = await logins.find(new.token)
    assert found is not None
    assert (found[1].email, found[0].address, len(found[0].agent)) == (ann.email, "192.0.2.1", 200)
    assert found[0].ends - found[0].created == pytest.approx(86400)
    assert await logins.find(new.login.id) is None, "who reads the database cannot log in"
    assert await logins.find("") is None
    other = await logins.begin(ann)
    assert [each.id for each in await logins.of(ann)] == [other.login.id, new.login.id]
    bob = await accounts.create("bob@example.com")
    assert not await logins.end(bob, new.login.id), "another's"
    await logins.end_all(ann, but=other.login.id)
    assert await logins.find(new.token) is None
    assert await logins.end(ann, other.login.id)
    assert await logins.find(other.token) is None
    past = Logins(MongoLogins(mongo), days=1, now=lambda: 1_700_000_000.0)
    assert await logins.find((await past.begin(ann)).token) is None, "it has ended"
    last = await logins.begin(ann)
    await accounts.disable(ann.email)
    assert await logins.find(last.token) is None


async def test_an_operator_as_somebody_else_is_noted_and_has_bounds(mongo: Mongo) -> None:
    accounts, logins = Accounts(MongoAccounts(mongo)), Logins(MongoLogins(mongo))
    ann = await accounts.create("ann@example.com")
    olga = await accounts.create("olga@example.com", role="operator")
    own = (await logins.begin(olga)).login
    new = await logins.begin_as(ann, olga, own)
    assert (new.login.by, new.login.ends - new.login.created) == (olga.email, AS_ANOTHER)
    entry = (await Audit(MongoAudit(mongo), accounts).entries(ann.email))[-1]
    assert (entry.by, entry.act) == (olga.email, "account.login_as")
    for target, who in ((olga, olga), (ann, ann)):
        with pytest.raises(UsageError):
            await logins.begin_as(target, who, own)
    with pytest.raises(UsageError, match="as many rights"):
        await logins.begin_as(await accounts.create("x@example.com", role="owner"), olga, own)


async def test_as_somebody_else_nobody_logs_in_as_a_third(mongo: Mongo) -> None:
    """Else what an owner does as an operator as a user would stand in the audit log under the operator's name."""
    accounts, logins = Accounts(MongoAccounts(mongo)), Logins(MongoLogins(mongo))
    ann = await accounts.create("ann@example.com")
    olga = await accounts.create("olga@example.com", role="operator")
    otto = await accounts.create("otto@example.com", role="owner")
    as_olga = await logins.begin_as(olga, otto, (await logins.begin(otto)).login)
    with pytest.raises(UsageError, match="nobody else"):
        await logins.begin_as(ann, olga, as_olga.login)
    entries = await Audit(MongoAudit(mongo), accounts).entries(ann.email)
    assert [entry.act for entry in entries] == ["account.create"]


async def test_an_operator_is_somebody_else_no_longer_than_an_operator(mongo: Mongo) -> None:
    accounts, logins = Accounts(MongoAccounts(mongo)), Logins(MongoLogins(mongo))
    ann = await accounts.create("ann@example.com")
    olga = await accounts.create("olga@example.com", role="operator")
    await accounts.create("otto@example.com", role="owner")

    async def lasts(new: NewLogin) -> bool:
        return await logins.find(new.token) is not None

    new = await logins.begin_as(ann, olga, (await logins.begin(olga)).login)
    assert await lasts(new)
    for change, back in (
        (accounts.disable(olga.email), accounts.enable(olga.email)),
        (accounts.set_role(olga.email, "reader"), accounts.set_role(olga.email, "operator")),
        (accounts.set_role(ann.email, "owner"), accounts.set_role(ann.email, "user")),
    ):
        await change
        assert not await lasts(new)
        await back
        assert await lasts(new)
    await logins.end_all(olga)
    assert not await lasts(new), "who is logged out everywhere is so as somebody else, too"
