"""The gateway itself: audit log, settings in force, plugins, and how its upstreams are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.errors import UsageError
from tornadogw.portal.admin import AdminPage
from tornadogw.standing import Figures
from tornadogw.store.trade import Audited
from tornadogw.types import Value

__all__ = ["AuditPage", "PluginsPage", "SettingsPage", "UpstreamsPage"]

ROWS = 50


class AuditPage(AdminPage):
    template: ClassVar[str] = "admin_audit.html"

    @override
    async def values(self) -> dict[str, Any]:
        office, account = self.parts.office, await self.account_asked()
        wanted = Audited(
            account_id=account or "",
            act=self.asked("act"),
            by=self.asked("by"),
            since=self.moment("since", self.zone) or 0.0,
            until=self.until(self.zone),
        )
        lines, following = ([], None) if account is None else await office.audit.page(wanted, limit=ROWS)
        return {"lines": lines, "following": following, "emails": await self.emails(each.account_id for each in lines)}


class SettingsPage(AdminPage):
    template: ClassVar[str] = "admin_settings.html"

    @override
    async def values(self) -> dict[str, Any]:
        lines = [each for each in self.parts.lines if self.asked("all") or each.origin != "default"]
        return {"lines": [(each, json.dumps(each.value_masked, ensure_ascii=False)) for each in lines]}


class PluginsPage(AdminPage):
    template: ClassVar[str] = "admin_plugins.html"

    @override
    async def values(self) -> dict[str, Any]:
        return {"plugins": self.parts.plugins}


class Place(Value, frozen=True):
    """One model at an upstream."""

    model: str
    theirs: str
    """What the upstream calls it."""
    figures: Figures
    wait: float
    """Seconds for which no key of it may be used for the model."""


class UpstreamsPage(AdminPage):
    template: ClassVar[str] = "admin_upstreams.html"
    acts: ClassVar[Mapping[str, str]] = {"enable": "enable"}

    @override
    async def values(self) -> dict[str, Any]:
        marks = [each for each in await self.parts.office.marks.all() if each.openings or each.cool > 0]
        found = await self.parts.supply.upstreams()
        return {
            "upstreams": found,
            "places": {each.name: self._places(each.name) for each in found},
            "marks": {each.name: [mark for mark in marks if mark.spot[0] == each.name] for each in found},
        }

    def _places(self, upstream: str) -> Sequence[Place]:
        gate = self.parts.gate
        return [
            Place(
                model.name,
                route.model,
                gate.standing.figures(route.place),
                min(
                    (
                        gate.health.wait(upstream=upstream, credential=key.name, model=route.model)
                        for key in route.credentials
                    ),
                    default=0.0,
                ),
            )
            for model in self.parts.catalogue.models
            for route in model.routes
            if route.upstream == upstream
        ]

    async def enable(self) -> None:
        name = self.form.text("name")
        if not await self.parts.office.marks.enable(name, by=self.visit.by):
            raise UsageError(f"nothing of {name} is left alone", zh=f"{name} 没有被停用或搁置")
        self.go("/admin/upstreams", self.say("It is back in use."))
