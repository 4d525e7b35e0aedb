"""Who may do what to whom: operators to users, owners to everybody, and each act with its line in the audit log."""

from __future__ import annotations

import asyncio

import pytest

from tornadogw.accounts.desk import Actor, above
from tornadogw.accounts.keys import Wanted
from tornadogw.accounts.office import Office, office
from tornadogw.errors import UsageError
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.ports import Account
from tornadogw.store.trade import Audited

OWNER, OPERATOR, READER = (Actor(f"{role}@example.com", role) for role in ("owner", "operator", "reader"))


@pytest.fixture
def shared(mongo: Mongo) -> Office:
    return office(mongo, Secret("s" * 32), Settings())


async def acts(shared: Office, account: Account) -> list[str]:
    entries, _ = await shared.audit.page(Audited(account_id=account.id))
    return [entry.act for entry in reversed(entries)]


def test_rights() -> None:
    assert above("owner", "owner")
    assert above("operator", "reader")
    assert not above("operator", "operator")
    assert not above("reader", "user")


async def test_what_an_operator_does_to_a_user(shared: Office) -> None:
    desk = shared.desk
    new = await desk.create(OPERATOR, "ann@example.com", password=True, language="zh")
    ann = new.account
    assert new.password not in repr(new)
    assert await shared.accounts.log_in(ann.email, new.password)
    paid = await desk.credit(OPERATOR, ann.id, "5", reason=" a present ", ref="form-1")
    again = await desk.credit(OPERATOR, ann.id, "5", reason="a present", ref="form-1")
    assert (paid.repeated, again.repeated, again.account.balance) == (False, True, 5_000_000)
    assert (await desk.debit(OPERATOR, ann.id, "1", reason="a mistake")).account.balance == 4_000_000
    await shared.plans.create("basic", daily="1")
    assert (await desk.subscribe(OPERATOR, ann.id, "basic", days=2)).subscriptions[0].plan == "basic"
    await desk.end_plan(OPERATOR, ann.id)
    assert (await desk.set_language(OPERATOR, ann.id, "en")).language == "en"
    key = (await shared.keys.create(ann.email, label="first")).key
    assert (await desk.disable_key(OPERATOR, ann.id, key.id)).disabled
    assert not (await desk.enable_key(OPERATOR, ann.id, key.id)).disabled
    assert (await desk.change_key(OPERATOR, ann.id, key.id, Wanted(label="first", rpm=3))).rpm == 3
    rotated = await desk.rotate_key(OPERATOR, ann.id, key.id)
    for text in (key.id, rotated.text, "fir"):
        assert [each.id for each in await shared.keys.search(text)] == [key.id]
    assert list(await shared.keys.search("sk-unknown")) == list(await shared.keys.search(" ")) == []
    login = await shared.logins.begin(ann)
    await desk.log_out(OPERATOR, ann.id)
    assert await shared.logins.find(login.token) is None
    login = await shared.logins.begin(ann)
    reset = await desk.reset_password(OPERATOR, ann.id)
    assert await shared.logins.find(login.token) is None
    assert await shared.accounts.log_in(ann.email, new.password) is None
    assert await shared.accounts.log_in(ann.email, reset.password)
    login = await shared.logins.begin(ann)
    assert not (await desk.disable(OPERATOR, ann.id)).active
    assert (await desk.enable(OPERATOR, ann.id)).active
    assert await shared.logins.find(login.token) is None
    assert await acts(shared, ann) == [
        "account.create",
        "account.credit",
        "account.debit",
        "account.plan",
        "account.plan_end",
        "account.language",
        "key.create",
        "key.disable",
        "key.enable",
        "key.change",
        "key.rotate",
        "account.log_out",
        "account.password",
        "account.disable",
        "account.enable",
    ]
    [entry], _ = await shared.audit.page(Audited(account_id=ann.id, act="account.credit", by=OPERATOR.by))
    assert entry.after["reason"] == "a present"


async def test_who_may_not(shared: Office) -> None:
    desk = shared.desk
    ann = (await desk.create(OWNER, "ann@example.com")).account
    olga = (await desk.create(OWNER, "olga@example.com", role="operator")).account
    for actor, account, words in (
        (READER, ann, "only operators"),
        (OPERATOR, olga, "as many rights"),
        (Actor("ann", "user"), ann, "only operators"),
    ):
        for act in (
            desk.credit(actor, account.id, "1", reason="why"),
            desk.debit(actor, account.id, "1", reason="why"),
            desk.subscribe(actor, account.id, "basic"),
            desk.end_plan(actor, account.id),
            desk.set_language(actor, account.id, "en"),
            desk.disable(actor, account.id),
            desk.enable(actor, account.id),
            desk.reset_password(actor, account.id),
            desk.log_out(actor, account.id),
            desk.disable_key(actor, account.id, "k"),
            desk.enable_key(actor, account.id, "k"),
            desk.rotate_key(actor, account.id, "k"),
            desk.change_key(actor, account.id, "k", Wanted()),
            desk.end_two_factor(actor, account.id),
        ):
            with pytest.raises(UsageError, match=words):
                await act
    own = (await shared.logins.begin(olga)).login
    for wrong in (
        desk.set_role(OPERATOR, ann.id, "operator"),
        desk.create(OPERATOR, "bob@example.com", role="reader"),
        desk.create(READER, "bob@example.com"),
        desk.credit(OPERATOR, ann.id, "1", reason=" "),
        desk.credit(OPERATOR, ann.id, "1", reason="two\nlines"),
        desk.show("nobody"),
        desk.log_in_as(ann, (await shared.logins.begin(ann)).login, olga.id),
        desk.log_in_as(olga, own, olga.id),
    ):
        with pytest.raises(UsageError):
            await wrong
    assert await acts(shared, ann) == ["account.create"]
    login = await desk.log_in_as(olga, own, ann.id)
    assert login.login.by == olga.email
    await desk.disable(OWNER, ann.id)
    with pytest.raises(UsageError, match="disabled"):
        await desk.log_in_as(olga, own, ann.id)
    assert await acts(shared, ann) == ["account.create", "account.login_as", "account.disable"]


async def test_an_owner_is_left_whatever_two_of_them_do(shared: Office) -> None:
    desk = shared.desk
    first, second = [(await desk.create(OWNER, f"o{n}@example.com", role="owner")).account for n in range(2)]
    done = await asyncio.gather(
        desk.set_role(OWNER, first.id, "user"), desk.disable(OWNER, second.id), return_exceptions=True
    )
    wrong = [each for each in done if isinstance(each, UsageError)]
    assert len(wrong) == 1, done
    assert (wrong[0].field, "last active owner" in str(wrong[0])) == ("role", True)
    left = [each for each in await shared.accounts.search(role="owner") if each.active]
    assert len(left) == 1
    with pytest.raises(UsageError):
        await desk.set_role(OWNER, left[0].id, "operator")
    await desk.set_role(OWNER, (second if left[0].id == first.id else first).id, "user")
    assert (await desk.set_role(OWNER, left[0].id, "owner")).role == "owner"
