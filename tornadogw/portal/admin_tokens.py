"""Tokens of the admin API: owners make and revoke them, and see each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.accounts.admin_tokens import SCOPES
from tornadogw.errors import UsageError
from tornadogw.handlers.base import Access
from tornadogw.portal.admin import AdminPage

__all__ = ["TokensPage"]

NEVER = "never"


class TokensPage(AdminPage):
    access: ClassVar[Access] = "owner"
    change: ClassVar[Access] = "owner"
    template: ClassVar[str] = "admin_tokens.html"
    acts: ClassVar[Mapping[str, str]] = {"create": "create", "revoke": "revoke"}

    @override
    async def values(self) -> dict[str, Any]:
        found = await self.parts.office.admin_tokens.list()
        emails = await self.emails(each.account_id for each in found)
        ticked = self.form.all("scopes")
        return {"tokens": found, "emails": emails, "scopes": SCOPES, "ticked": ticked, "new": None}

    async def create(self) -> None:
        expires = self.form.text("expires") or "90d"
        if self.visit.login.by:
            raise UsageError("who is logged in as somebody else makes no tokens", zh="代登录时不能建立令牌")
        new = await self.parts.office.admin_tokens.create(
            self.visit.account.email,
            self.form.all("scopes"),
            label=self.form.text("label"),
            expires=None if expires == NEVER else expires,
            by=self.visit.by,
        )
        self.show(self.template, **{**await self.values(), "new": new})

    async def revoke(self) -> None:
        await self.parts.office.admin_tokens.revoke(self.form.text("id"), by=self.visit.by)
        self.go("/admin/tokens", self.say("The token was revoked."))
