from __future__ import annotations

import pytest

from tests.accounts.test_letters import Kept
from tests.accounts.test_recovery import token
from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.letters import Post
from tornadogw.accounts.registration import Mode, Registration
from tornadogw.accounts.tries import TooMany, Tries
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_links import MongoLinks
from tornadogw.store.mongo_tries import MongoTries


def registration(mongo: Mongo, mode: Mode) -> Registration:
    return Registration(MongoLinks(mongo), Accounts(MongoAccounts(mongo)), Tries(MongoTries(mongo)), mode)


async def test_anybody_registers_where_it_is_open_but_not_all_day(mongo: Mongo) -> None:
    desk = registration(mongo, "open")
    assert (await desk.register("Ann@Example.com", "password", address="a")).email == "ann@example.com"
    with pytest.raises(UsageError, match="already"):
        await desk.register("ann@example.com", "password", address="a")
    with pytest.raises(TooMany):
        for number in range(20):
            await desk.register(f"u{number}@example.com", "password", address="a")
    await desk.register("x@example.com", "password", address="b")


async def test_nobody_registers_where_it_is_closed(mongo: Mongo) -> None:
    with pytest.raises(UsageError, match="ask the operator"):
        await registration(mongo, "closed").register("ann@example.com", "password")


async def test_an_invitation_is_for_so_many_and_can_be_withdrawn(mongo: Mongo) -> None:
    desk, accounts = registration(mongo, "invitation"), Accounts(MongoAccounts(mongo))
    new = await desk.invite(uses=2, expires="1d", by="olga")
    assert new.code not in repr(new)
    await desk.register("ann@example.com", "password", invitation=f" {new.code} ", address="a")
    with pytest.raises(UsageError, match="already"):
        await desk.register("ann@example.com", "password", invitation=new.code, address="b")
    assert [each.uses for each in await desk.invitations()] == [1], "what made no account is not used up"
    with pytest.raises(UsageError) as caught:
        await desk.register("bob@example.com", "password", invitation=new.link.id, address="c")
    assert (caught.value.field, "邀请码" in caught.value.message("zh")) == ("invitation", True)
    await desk.withdraw(new.link.id, by="olga")
    with pytest.raises(UsageError, match="ask for another"):
        await desk.register("bob@example.com", "password", invitation=new.code, address="d")
    with pytest.raises(UsageError, match="no such invitation"):
        await desk.withdraw(new.link.id)
    acts = [each.act for each in await Audit(MongoAudit(mongo), accounts).entries()]
    assert acts == ["invitation.create", "account.create", "invitation.withdraw"]
    with pytest.raises(UsageError):
        await desk.invite(uses=0)


async def test_with_mail_an_account_is_made_by_who_has_link_and_password(mongo: Mongo) -> None:
    kept, accounts = Kept(), Accounts(MongoAccounts(mongo))
    post = Post(kept, "http://gw.example", "gw")
    desk = Registration(MongoLinks(mongo), accounts, Tries(MongoTries(mongo)), "invitation", post=post)
    assert desk.confirms
    await accounts.create("bob@example.com", password="bob's own")
    code = (await desk.invite(uses=1)).code
    with pytest.raises(UsageError, match="ask for another"):
        await desk.ask("ann@example.com", "password", invitation="x")
    with pytest.raises(UsageError, match="no mail can be sent"):
        await desk.ask("=?a?=@example.com", "password", invitation=code)
    for name in ("ann", "bob", "cyd"):
        await desk.ask(f"{name}@example.com", "password", invitation=code, language="zh", address=name)
    assert ["confirm?token=" in each.text for each in kept.letters] == [True, False, True]
    assert await mongo.database["links"].count_documents({"k": "register"}) == 3, "the same is done for all"
    assert [each.uses for each in await desk.invitations()] == [1], "not used up before there is an account"
    ann, cyd = token(kept, 0), token(kept, 2)
    assert await desk.asked(ann) == "ann@example.com"
    with pytest.raises(UsageError, match="not the password"):
        await desk.confirm(ann, "who opens mails of others")
    made = await desk.confirm(ann, "password")
    assert (made.email, made.language, made.has_password) == ("ann@example.com", "zh", True)
    assert await accounts.log_in("ann@example.com", "password") is not None
    for used in (ann, "x"):
        with pytest.raises(UsageError, match="register again"):
            await desk.confirm(used, "password")
    with pytest.raises(UsageError, match="ask for another"):
        await desk.confirm(cyd, "password")
    assert await accounts.find("cyd@example.com") is None
    again = (await desk.invite(uses=1)).code
    with pytest.raises(TooMany):
        for _ in range(5):
            await desk.ask("ann@example.com", "password", invitation=again, address="x")
    with pytest.raises(UsageError, match="confirmed by mail"):
        await desk.register("dan@example.com", "password", invitation=again)
