from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.identities import Identities
from tornadogw.errors import UsageError
from tornadogw.settings.tables import Mail, Oidc, Portal, Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_identities import MongoIdentities
from tornadogw.store.ports_people import Identity

ISSUER = "https://login.example"
ANN = Identity(ISSUER, "s-1", "Ann@example.com", verified=True)


def accounts(mongo: Mongo) -> Accounts:
    return Accounts(MongoAccounts(mongo))


def desk(mongo: Mongo, mode: str = "open", *, mail: str = "", **oidc: Any) -> Identities:
    table = Oidc(issuer=ISSUER, client_id="gw", **oidc)
    settings = Settings(oidc=table, mail=Mail(host=mail), portal=Portal(registration=mode))  # type: ignore[arg-type]
    return Identities(MongoIdentities(mongo), accounts(mongo), settings)


def other(**fields: Any) -> Identity:
    return msgspec.structs.replace(ANN, **fields)


async def test_a_new_account_which_the_subject_finds_from_then_on(mongo: Mongo) -> None:
    here = desk(mongo)
    made = await here.account(ANN, language="zh")
    assert (made.email, made.language, made.role, made.has_password) == ("ann@example.com", "zh", "user", False)
    assert await here.linked(made)
    moved = await here.account(other(email="ann@elsewhere.example", verified=False))
    assert moved.id == made.id
    with pytest.raises(UsageError, match="somebody else"):
        await here.account(other(subject="s-2"))
    entries = await Audit(MongoAudit(mongo), accounts(mongo)).entries()
    assert [(each.act, each.by) for each in entries] == [
        ("account.create", "registration"),
        ("account.link", "ann@example.com"),
    ]
    assert entries[1].subject == ISSUER
    await accounts(mongo).disable(made.email)
    with pytest.raises(UsageError, match="disabled"):
        await here.account(ANN)


async def test_an_address_links_only_where_it_is_its_owner_s(mongo: Mongo) -> None:
    ann = await accounts(mongo).create("ann@example.com", password="password")
    for unproven in (other(verified=False), other(email="")):
        with pytest.raises(UsageError, match="does not say"):
            await desk(mongo, "closed").account(unproven)
    with pytest.raises(UsageError, match="log in with its password"):
        await desk(mongo).account(ANN)
    assert not await desk(mongo).linked(ann)
    assert (await desk(mongo, "closed").account(ANN)).id == ann.id
    bob = await accounts(mongo).create("bob@example.com", password="password")
    assert (await desk(mongo, mail="smtp.example").account(other(subject="b", email=bob.email))).id == bob.id
    eve = await accounts(mongo).create("eve@example.com")
    assert (await desk(mongo).account(other(subject="e", email=eve.email))).id == eve.id, "nobody has a password of it"
    dan = await accounts(mongo).create("dan@example.com", password="password")
    await accounts(mongo).disable(dan.email)
    with pytest.raises(UsageError, match="disabled"):
        await desk(mongo, "closed").account(other(subject="d", email=dan.email))


@pytest.mark.parametrize("role", ["reader", "operator", "owner"])
async def test_who_operates_links_by_hand(mongo: Mongo, role: str) -> None:
    olga = await accounts(mongo).create("ann@example.com", role=role)
    here, stranger = desk(mongo, "closed"), await accounts(mongo).create("x@example.com")
    for mine in (None, stranger):
        with pytest.raises(UsageError, match="/console/account"):
            await here.account(ANN, mine=mine)
    assert (await here.account(ANN, mine=olga)).id == olga.id
    assert (await here.account(ANN)).id == olga.id


@pytest.mark.parametrize(
    ("mode", "create", "words"),
    [("closed", True, "ask the operator"), ("open", False, "ask the operator"), ("invitation", True, "an invitation")],
)
async def test_nobody_new_where_nobody_registers(mongo: Mongo, mode: str, create: bool, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        await desk(mongo, mode, create=create).account(ANN)
    assert await accounts(mongo).list() == []


async def test_addresses_of_some_domains_only(mongo: Mongo) -> None:
    here = desk(mongo, allow=["Example.com"])
    await here.account(ANN)
    for email, verified in (("ann@evil.example.com", True), ("ann@example.com", False), ("", True)):
        with pytest.raises(UsageError, match="domain") as caught:
            await here.account(other(email=email, verified=verified))
        assert "域名" in caught.value.message("zh")


async def test_who_has_a_password_ends_the_link_and_the_address_makes_no_new_one(mongo: Mongo) -> None:
    here = desk(mongo, "closed")
    ann = await accounts(mongo).create("ann@example.com")
    await here.account(ANN)
    with pytest.raises(UsageError, match="no password"):
        await here.unlink(ann, by=ann.email)
    ann = await accounts(mongo).set_password(ann.email, "password")
    with pytest.raises(UsageError, match="not linked"):
        await here.unlink(await accounts(mongo).create("x@example.com", password="password"))
    await here.unlink(ann, by=ann.email)
    assert not await here.linked(ann)
    with pytest.raises(UsageError, match="not linked"):
        await here.unlink(ann)
    for identity in (ANN, other(subject="s-2")):
        with pytest.raises(UsageError, match="log in with its password"):
            await here.account(identity)
    assert (await here.account(other(subject="s-2"), mine=ann)).id == ann.id, "by hand, to whom it likes"
    assert (await here.account(other(subject="s-2"))).id == ann.id
    with pytest.raises(UsageError, match="somebody else"):
        await here.account(ANN)
    await here.unlink(ann, by=ann.email)
    await here.account(ANN, mine=ann)
    acts = [each.act for each in await Audit(MongoAudit(mongo), accounts(mongo)).entries(ann.email)]
    assert acts[-4:] == ["account.unlink", "account.link", "account.unlink", "account.link"]
