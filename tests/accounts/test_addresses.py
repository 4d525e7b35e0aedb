"""Another e-mail address: confirmed by who owns it, or changed by an operator; nobody learns who has an account."""

from __future__ import annotations

import re

import pytest

from tests.accounts.test_letters import Kept
from tornadogw.accounts.first import OWNER
from tornadogw.accounts.office import Office, office
from tornadogw.errors import Conflict, UsageError
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.settings.tables import Server
from tornadogw.store.mongo import Mongo

ANN, NEW, PASSWORD = "ann@example.com", "ann@new.example", "correct horse"


def shared(mongo: Mongo, kept: Kept | None) -> Office:
    return office(mongo, Secret("s" * 32), Settings(server=Server(public_url="http://gw.example")), kept)


def token(kept: Kept, number: int = -1) -> str:
    found = re.search(r"http://gw.example/email\?token=(\S+)", kept.letters[number].text)
    assert found is not None
    return found[1]


async def test_the_new_address_is_confirmed_and_the_old_one_told(mongo: Mongo) -> None:
    kept = Kept()
    here = shared(mongo, kept)
    ann = await here.accounts.create(ANN, password=PASSWORD, language="en")
    mine, other = await here.logins.begin(ann), await here.logins.begin(ann)
    with pytest.raises(UsageError, match="not your password") as wrong:
        await here.addresses.ask(ann, "wrong", NEW)
    assert (wrong.value.field, kept.letters) == ("old_password", [])
    with pytest.raises(UsageError, match="already"):
        await here.addresses.ask(ann, PASSWORD, f" {ANN.upper()} ")
    assert await here.addresses.ask(ann, PASSWORD, " Ann@New.Example ") == NEW
    assert [(each.to, "token=" in each.text) for each in kept.letters] == [(NEW, True)]
    await here.recovery.forgot(ANN)
    reset = re.findall(r"token=(\S+)", kept.letters.pop().text)[0]
    link = token(kept)
    assert await mongo.database["links"].find_one({"_id": link}) is None, "only a digest is kept"
    for _ in range(2):
        assert await here.addresses.asked(link) == NEW, "looking uses nothing up"
    with pytest.raises(UsageError, match="not your password"):
        await here.addresses.confirm(link, "wrong")
    assert (await here.accounts.show(ANN)).id == ann.id
    assert await here.recovery.works(reset)

    changed = await here.addresses.confirm(link, PASSWORD, login_id=mine.login.id)
    assert (changed.id, changed.email) == (ann.id, NEW)
    assert await here.accounts.find(ANN) is None
    assert [each.id for each in await here.logins.of(changed)] == [mine.login.id], "the other one has ended"
    assert await here.logins.find(other.token) is None
    assert (kept.letters[-1].to, "was changed" in kept.letters[-1].subject) == (ANN, True)
    assert not await here.recovery.works(reset), "what went to the old address is of no use any more"
    with pytest.raises(UsageError, match="unknown, was used"):
        await here.addresses.confirm(link, PASSWORD)
    line = (await here.audit.entries(NEW))[-1]
    assert (line.act, line.by, line.before, line.after) == ("account.email", ANN, {"email": ANN}, {"email": NEW})


async def test_nobody_learns_whether_an_address_is_anothers(mongo: Mongo) -> None:
    kept = Kept()
    here = shared(mongo, kept)
    ann = await here.accounts.create(ANN, password=PASSWORD)
    await here.accounts.create("bob@example.com")
    assert await here.addresses.ask(ann, PASSWORD, "bob@example.com") == "bob@example.com"
    assert await mongo.database["links"].count_documents({"k": "email"}) == 1, "the same was done"
    [letter] = kept.letters
    assert (letter.to, "token=" in letter.text) == ("bob@example.com", False)


async def test_a_link_is_over_once_what_it_rests_on_has_changed(mongo: Mongo) -> None:
    kept = Kept()
    here = shared(mongo, kept)
    ann = await here.accounts.create(ANN, password=PASSWORD)
    await here.addresses.ask(ann, PASSWORD, NEW)
    first = token(kept)
    await here.accounts.set_password(ANN, "another one")
    with pytest.raises(UsageError, match="unknown, was used"):
        await here.addresses.confirm(first, "another one")
    await here.addresses.ask(ann, "another one", NEW)
    second = token(kept)
    await here.accounts.create(NEW)
    with pytest.raises(Conflict):
        await here.addresses.confirm(second, "another one")
    ann = await here.addresses.change(ann, "third@example.com", by="olga")
    with pytest.raises(UsageError, match="unknown, was used"):
        await here.addresses.confirm(second, "another one")
    assert ann.email == "third@example.com"


async def test_operators_change_it_at_once_with_mail_and_without(mongo: Mongo) -> None:
    kept = Kept()
    silent, here = shared(mongo, None), shared(mongo, kept)
    ann = await silent.accounts.create(ANN, password=PASSWORD)
    with pytest.raises(UsageError, match="ask the operator"):
        await silent.addresses.ask(ann, PASSWORD, NEW)
    login = await silent.logins.begin(ann)
    ann = await silent.addresses.change(ann, NEW, by="olga")
    assert (ann.email, await silent.logins.find(login.token)) == (NEW, None)
    await silent.accounts.create("bob@example.com")
    with pytest.raises(Conflict, match="already"):
        await silent.addresses.change(ann, "bob@example.com", by="olga")
    with pytest.raises(UsageError, match="e-mail"):
        await silent.addresses.change(ann, "nowhere", by="olga")
    assert await here.addresses.change(ann, NEW, by="olga") == ann
    assert kept.letters == [], "nothing was changed"
    await here.addresses.change(ann, ANN, by="olga")
    assert [each.to for each in kept.letters] == [NEW]
    first = await here.accounts.create(OWNER, role="owner")
    await here.addresses.change(first, "boss@example.com", by="olga")
    assert len(kept.letters) == 1, "nobody reads what is sent to the address of the first start"
    assert [each.act for each in await here.audit.entries("boss@example.com")] == ["account.create", "account.email"]
