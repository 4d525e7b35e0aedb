"""Accounts: find one, make one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.portal.admin import AdminPage
from tornadogw.store.ports import ROLES, STATUSES

__all__ = ["UsersPage"]

ROWS = 50


class UsersPage(AdminPage):
    template: ClassVar[str] = "admin_users.html"
    acts: ClassVar[Mapping[str, str]] = {"create": "create"}

    @override
    async def values(self) -> dict[str, Any]:
        role, status = self.asked("role"), self.asked("status")
        role, status = role if role in ROLES else "", status if status in STATUSES else ""
        found = await self.parts.office.accounts.search(
            self.asked("q"), role=role, status=status, after=self.asked("after"), limit=ROWS + 1
        )
        return {
            "users": found[:ROWS],
            "following": found[ROWS - 1].email if len(found) > ROWS else "",
            "role": role,
            "status": status,
            "new": None,
        }

    async def create(self) -> None:
        form = self.form
        new = await self.parts.office.desk.create(
            self.actor,
            form.text("email"),
            role=form.text("role") or "user",
            password=form.flag("with_one"),
            language=form.maybe("language"),
        )
        if new.password:
            self.show(self.template, **{**await self.values(), "new": new})
        else:
            self.go(f"/admin/users/{new.account.id}", self.say("The account was created."))
