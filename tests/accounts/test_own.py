from __future__ import annotations

import pytest

from tornadogw.accounts.office import office
from tornadogw.accounts.tries import TooMany
from tornadogw.errors import UsageError
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo


async def test_a_new_password_takes_the_old_one_and_ends_other_logins(mongo: Mongo) -> None:
    shared = office(mongo, Secret("s" * 32), Settings())
    ann = await shared.accounts.create("ann@example.com", password="password")
    here, there = await shared.logins.begin(ann), await shared.logins.begin(ann)
    with pytest.raises(UsageError, match="not your password") as caught:
        await shared.own.change_password(ann, "wrong", "another one", login_id=here.login.id)
    assert caught.value.field == "old_password"
    assert await shared.logins.find(there.token) is not None
    await shared.own.change_password(ann, "password", "another one", login_id=here.login.id, by=ann.email)
    assert await shared.accounts.log_in(ann.email, "another one") is not None
    assert (await shared.logins.find(there.token), await shared.logins.find(here.token) is None) == (None, False)
    for _ in range(10):
        await shared.tries.allow("login", ann.email, "a")
    with pytest.raises(TooMany):
        await shared.own.prove(ann, "another one", address="a")


async def test_logins_end_one_by_one_or_but_for_one(mongo: Mongo) -> None:
    shared = office(mongo, Secret("s" * 32), Settings())
    ann, bob = [await shared.accounts.create(f"{name}@example.com") for name in ("ann", "bob")]
    logins = [await shared.logins.begin(ann) for _ in range(4)]
    with pytest.raises(UsageError, match="ended already"):
        await shared.own.end_login(bob, logins[0].login.id)
    await shared.own.end_login(ann, logins[0].login.id, by=ann.email)
    assert len(await shared.logins.of(ann)) == 3
    await shared.own.end_others(ann, logins[1].login.id, by=ann.email)
    assert [each.id for each in await shared.logins.of(ann)] == [logins[1].login.id]
    lines = await shared.audit.entries(ann.email)
    assert [(each.act, each.by) for each in lines[-2:]] == [("account.log_out", ann.email)] * 2
