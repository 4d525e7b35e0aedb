"""What is sold and given away: plans, codes, invitations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from typing_extensions import override

from tornadogw.accounts.checks import format_factor
from tornadogw.accounts.plans import mark
from tornadogw.errors import UsageError
from tornadogw.portal.admin import AdminPage

__all__ = ["CodesPage", "InvitationsPage", "PlansPage"]


class PlansPage(AdminPage):
    template: ClassVar[str] = "admin_plans.html"
    acts: ClassVar[Mapping[str, str]] = {"create": "create", "change": "alter", "archive": "archive", "offer": "offer"}

    @override
    async def values(self) -> dict[str, Any]:
        plans = await self.parts.office.plans.list()
        edited = next((each for each in plans if each.name == self.asked("plan")), None)
        seen = self.form.text("seen") or ("" if edited is None else mark(edited))
        return {"plans": plans, "edited": edited, "seen": seen, "factor": format_factor}

    def _fields(self) -> dict[str, Any]:
        form = self.form
        models = form.list("models")
        return {
            "daily": form.text("daily"),
            "models": models or None,
            "rpm": form.whole("rpm"),
            "factor": form.text("factor") or "1",
            "days": form.whole("days") or 30,
            "prepaid_after": form.flag("prepaid_after"),
            "prepaid_outside": form.flag("prepaid_outside"),
        }

    async def create(self) -> None:
        await self.parts.office.plans.create(self.form.text("name"), **self._fields(), by=self.visit.by)
        self.go("/admin/plans", self.say("The plan was created."))

    async def alter(self) -> None:
        fields, seen = self._fields(), self.form.text("seen")
        fields |= {"all_models": fields["models"] is None, "no_rpm": fields["rpm"] is None}
        await self.parts.office.plans.change(self.form.text("name"), **fields, seen=seen, by=self.visit.by)
        self.go("/admin/plans", self.say("The plan was changed, for existing subscribers too."))

    async def archive(self) -> None:
        await self.parts.office.plans.archive(self.form.text("name"), by=self.visit.by)
        self.go("/admin/plans", self.say("The plan is archived: it is no longer offered."))

    async def offer(self) -> None:
        await self.parts.office.plans.offer(self.form.text("name"), by=self.visit.by)
        self.go("/admin/plans", self.say("The plan is offered again."))


class CodesPage(AdminPage):
    template: ClassVar[str] = "admin_codes.html"
    acts: ClassVar[Mapping[str, str]] = {"create": "create", "void": "void"}

    @override
    async def values(self) -> dict[str, Any]:
        office = self.parts.office
        batches, following = await office.codes.page(self.before)
        plans = [each for each in await office.plans.list() if each.active]
        return {"batches": batches, "following": following, "plans": plans}

    async def create(self) -> None:
        form = self.form
        new = await self.parts.office.codes.create(
            count=form.whole("count") or 0,
            amount=form.maybe("amount"),
            plan=form.maybe("plan"),
            expires=form.maybe("expires"),
            label=form.text("label"),
            by=self.visit.by,
        )
        worth = new.batch.plan or form.text("amount")
        expires = "" if new.batch.expires is None else self.when(new.batch.expires)
        rows = [("code", "worth", "expires", "batch"), *((code, worth, expires, new.batch.id) for code in new.codes)]
        self.download(f"codes-{new.batch.id}", rows)

    async def void(self) -> None:
        await self.parts.office.codes.void(self.form.text("id"), by=self.visit.by)
        self.go("/admin/codes", self.say("The unused codes of the batch are void now."))


class InvitationsPage(AdminPage):
    template: ClassVar[str] = "admin_invitations.html"
    acts: ClassVar[Mapping[str, str]] = {"create": "create", "withdraw": "withdraw"}

    @override
    async def values(self) -> dict[str, Any]:
        registration = self.parts.office.registration
        return {"invitations": await registration.invitations(), "mode": registration.mode, "new": None, "link": ""}

    async def create(self) -> None:
        form = self.form
        try:
            uses = form.whole("uses")
            new = await self.parts.office.registration.invite(
                uses=1 if uses is None else uses, expires=form.text("expires") or "30d", by=self.visit.by
            )
        except UsageError as error:
            raise UsageError(str(error), zh=error.message("zh"), field=error.field or "uses") from None
        link = f"{self.base_url}/register?invitation={quote(new.code)}"
        self.show(self.template, **{**await self.values(), "new": new, "link": link})

    async def withdraw(self) -> None:
        await self.parts.office.registration.withdraw(self.form.text("id"), by=self.visit.by)
        self.go("/admin/invitations", self.say("The invitation was withdrawn."))
