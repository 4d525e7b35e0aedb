"""Keys of all accounts: find one by what is known of it, stop it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.portal.admin import AdminPage

__all__ = ["KeysPage"]

ROWS = 50


class KeysPage(AdminPage):
    """What is sought is sent as a form: it may be a key, which has no business in an address."""

    template: ClassVar[str] = "admin_keys.html"
    change: ClassVar[Any] = "login"  # to look is no change; the service asks what else somebody may
    acts: ClassVar[Mapping[str, str]] = {"find": "find", "disable": "disable", "enable": "enable"}

    @override
    async def values(self) -> dict[str, Any]:
        may_change = self.actor.role in ("operator", "owner")
        return {"keys": None, "emails": {}, "used": {}, "most": ROWS, "may_change": may_change}

    async def find(self) -> None:
        found = await self.parts.office.keys.search(self.form.text("sought_key"), limit=ROWS)
        emails = await self.emails(each.account_id for each in found)
        used = await self.parts.office.uses.last([each.id for each in found])
        self.show(self.template, **{**await self.values(), "keys": found, "emails": emails, "used": used})

    async def disable(self) -> None:
        form = self.form
        await self.parts.office.desk.disable_key(self.actor, form.text("account"), form.text("id"))
        self.go("/admin/keys", self.say("The key is disabled."))

    async def enable(self) -> None:
        form = self.form
        await self.parts.office.desk.enable_key(self.actor, form.text("account"), form.text("id"))
        self.go("/admin/keys", self.say("The key is enabled."))
