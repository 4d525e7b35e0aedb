from __future__ import annotations

import re
import time

import pytest

from tests.accounts.test_letters import Kept
from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.letters import Post
from tornadogw.accounts.logins import Logins
from tornadogw.accounts.recovery import BY, Recovery
from tornadogw.accounts.tries import TooMany, Tries
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_links import MongoLinks
from tornadogw.store.mongo_logins import MongoLogins
from tornadogw.store.mongo_tries import MongoTries

ANN = "ann@example.com"


def token(kept: Kept, number: int = -1) -> str:
    found = re.search(r"token=(\S+)", kept.letters[number].text)
    assert found is not None
    return found[1]


async def test_a_link_works_once_and_logs_out_everywhere(mongo: Mongo) -> None:
    kept, accounts, logins = Kept(), Accounts(MongoAccounts(mongo)), Logins(MongoLogins(mongo))
    post = Post(kept, "http://gw.example", "gw")
    recovery = Recovery(MongoLinks(mongo), accounts, logins, Tries(MongoTries(mongo)), post)
    ann = await accounts.create(ANN, password="password")
    login = await logins.begin(ann)
    for email in ("nobody@example.com", " Ann@Example.com ", ANN):
        await recovery.forgot(email, address="a")
    assert [each.to for each in kept.letters] == [ANN, ANN], "who is unknown is not written to"
    assert await mongo.database["links"].count_documents({}) == 3, "and the same was done for them"
    first = token(kept, 0)
    assert await mongo.database["links"].find_one({"_id": first}) is None, "only a digest is kept"
    assert await recovery.works(first)
    assert await recovery.works(first), "looking uses nothing up"
    assert not await recovery.works("x")
    with pytest.raises(UsageError, match="8 to"):
        await recovery.reset(first, "short")
    await recovery.reset(first, "another one")
    assert await accounts.log_in(ANN, "another one") is not None
    assert await logins.find(login.token) is None
    assert (await Audit(MongoAudit(mongo), accounts).entries(ANN))[-1].by == BY
    for used in (first, token(kept, 1)):
        assert not await recovery.works(used), "the password was changed since"
        with pytest.raises(UsageError, match="ask for another"):
            await recovery.reset(used, "a third one")
    with pytest.raises(TooMany):
        for _ in range(5):
            await recovery.forgot(ANN, address="a")


async def test_who_has_no_link_makes_nobody_hash(mongo: Mongo, monkeypatch) -> None:
    accounts, hashed = Accounts(MongoAccounts(mongo)), []
    monkeypatch.setattr(accounts, "hashed", hashed.append)  # which takes a core and 64 MiB, and is not counted here
    post = Post(Kept(), "http://gw.example", "gw")
    recovery = Recovery(MongoLinks(mongo), accounts, Logins(MongoLogins(mongo)), Tries(MongoTries(mongo)), post)
    with pytest.raises(UsageError, match="ask for another"):
        await recovery.reset("x", "a long password")
    assert hashed == []


async def test_who_is_disabled_or_late_gets_nothing(mongo: Mongo) -> None:
    kept, accounts, logins = Kept(), Accounts(MongoAccounts(mongo)), Logins(MongoLogins(mongo))
    links, tries, post = MongoLinks(mongo), Tries(MongoTries(mongo)), Post(kept, "http://gw.example", "gw")
    late = Recovery(links, accounts, logins, tries, post, now=lambda: time.time() - 1801)
    await accounts.create(ANN, password="password")
    await late.forgot(ANN, address="a")
    assert not await late.works(token(kept))
    recovery = Recovery(links, accounts, logins, tries, post)
    await recovery.forgot(ANN, address="b")
    await accounts.disable(ANN)
    assert not await recovery.works(token(kept))
    await recovery.forgot(ANN, address="c")
    assert len(kept.letters) == 2
    without = Recovery(links, accounts, logins, tries, None)
    assert not without.by_mail
    with pytest.raises(UsageError, match="ask the operator"):
        await without.forgot(ANN)
