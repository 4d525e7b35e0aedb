from __future__ import annotations

import re

from tests.portal.browser import Visitor
from tests.portal.staff import staff
from tornadogw.accounts.admin_tokens import PREFIX

AT = "/admin/tokens"


async def test_an_owner_makes_a_token_sees_it_once_and_revokes_it(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator", "owner") as people:
        owner, tokens = people.visitors["owner"], people.office.admin_tokens
        assert "No tokens yet." in await owner.get(AT)
        await owner.send(AT, "create", label="billing", scopes=["plans:read", "money:write"], expires="never")
        assert owner.status == 200
        [text] = re.findall(rf"{PREFIX}[A-Za-z0-9_-]+", owner.text)
        bearer = await tokens.find(text)
        assert bearer is not None
        assert bearer.scopes == {"plans:read", "money:write"}
        assert (bearer.token.label, bearer.token.expires) == ("billing", None)
        assert bearer.account.email == "owner@example.com"
        await owner.get(AT)
        assert (text in owner.text, "billing" in owner.text) == (False, True)
        for wrong, words in (
            ({}, "There is no scope"),
            ({"scopes": ["plans:read"], "expires": "soon"}, "not a duration"),
            ({"scopes": ["plans:read"], "label": "x" * 101}, "at most 100"),
        ):
            await owner.send(AT, "create", **wrong)
            assert (owner.status, words in owner.wrong) == (422, True), wrong
        await owner.send(AT, "revoke", id=bearer.token.id)
        assert owner.notice == "The token was revoked."
        assert await tokens.find(text) is None
        assert "Revoked" in await owner.get(AT)
        await owner.send(AT, "revoke", id="gone")
        assert owner.status == 422
        assert [act for act, _, _ in await people.acts()][:2] == ["token.revoke", "token.create"]
        for role in ("user", "reader", "operator"):
            visitor: Visitor = people.visitors[role]
            await visitor.get(AT)
            assert visitor.status == 403, role
