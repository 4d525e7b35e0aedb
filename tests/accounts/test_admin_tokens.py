"""What a token may do: what its scopes say, and never more than who made it."""

from __future__ import annotations

import pytest

from tornadogw.accounts.admin_tokens import PREFIX, SCOPES, AdminTokens, of_role
from tornadogw.accounts.office import Office, office
from tornadogw.errors import NotAllowed, UsageError
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_admin_tokens import MongoAdminTokens

OLGA = "olga@example.com"


@pytest.fixture
def shared(mongo: Mongo) -> Office:
    return office(mongo, Secret("s" * 32), Settings())


async def test_a_token_has_the_rights_of_its_maker_at_most_and_dies_with_them(shared: Office) -> None:
    tokens, accounts = shared.admin_tokens, shared.accounts
    await accounts.create(OLGA, role="owner")
    await accounts.create("boss@example.com", role="owner")
    new = await tokens.create(OLGA, [*SCOPES], label="all", by="boss")
    assert new.text.startswith(PREFIX)
    assert new.text not in repr(new)
    bearer = await tokens.find(new.text)
    assert bearer is not None
    assert (bearer.scopes, bearer.actor.role, OLGA in bearer.actor.by) == (frozenset(SCOPES), "owner", True)
    await accounts.set_role(OLGA, "reader")
    bearer = await tokens.find(new.text)
    assert bearer is not None
    assert bearer.actor.role == "reader"
    assert {scope.partition(":")[2] for scope in bearer.scopes} == {"read"}
    await accounts.disable(OLGA)
    assert await tokens.find(new.text) is None
    await accounts.enable(OLGA)
    assert await tokens.find(new.text) is not None
    await tokens.revoke(new.token.id, by="boss")
    assert await tokens.find(new.text) is None
    acts = [(each.by, each.act) for each in await shared.audit.entries(OLGA) if each.act.startswith("token")]
    assert acts == [("boss", "token.create"), ("boss", "token.revoke")]


async def test_an_owner_without_the_scope_for_roles_acts_as_an_operator(shared: Office) -> None:
    await shared.accounts.create(OLGA, role="owner")
    new = await shared.admin_tokens.create(OLGA, ["accounts:write"])
    bearer = await shared.admin_tokens.find(new.text)
    assert bearer is not None
    with pytest.raises(NotAllowed, match="as many rights"):
        await shared.desk.reset_password(bearer.actor, bearer.account.id)


async def test_what_nobody_may_give(shared: Office) -> None:
    ann = await shared.accounts.create("ann@example.com")
    assert of_role(ann) == []
    olga = await shared.accounts.create(OLGA, role="operator")
    assert "tokens:write" not in of_role(olga)
    create = shared.admin_tokens.create
    for email, scopes, within in (
        ("ann@example.com", ["usage:read"], None),
        (OLGA, ["tokens:write"], None),
        (OLGA, ["usage:read"], frozenset({"keys:read"})),
    ):
        with pytest.raises(NotAllowed):
            await create(email, scopes, within=within)
    for scopes in ([], ["nothing"]):
        with pytest.raises(UsageError, match="there is no scope"):
            await create(OLGA, scopes)


async def test_one_that_is_over_and_what_is_none(mongo: Mongo, shared: Office) -> None:
    await shared.accounts.create(OLGA, role="operator")
    new = await shared.admin_tokens.create(OLGA, ["usage:read"], expires="1h")
    assert new.token.expires is not None
    later = AdminTokens(MongoAdminTokens(mongo), shared.accounts, now=lambda: new.token.expires or 0.0)
    assert await later.find(new.text) is None
    for text in ("", PREFIX, new.text[:-1], f"{new.text}x", new.text.upper(), f"{PREFIX}{'x' * 43}"):
        assert await shared.admin_tokens.find(text) is None
