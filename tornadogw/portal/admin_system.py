"""The gateway itself: audit log, settings in force, plugins, and how its upstreams are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.errors import UsageError
from tornadogw.portal.admin import AdminPage
from tornadogw.settings import Line, mask
from tornadogw.standing import Figures
from tornadogw.store.ports_health import Told
from tornadogw.store.trade import Audited
from tornadogw.types import Value

__all__ = ["AuditPage", "PluginsPage", "SettingsPage", "UpstreamsPage"]

ROWS = 50


class AuditPage(AdminPage):
    template: ClassVar[str] = "admin_audit.html"

    @override
    async def values(self) -> dict[str, Any]:
        office, account, unknown = self.parts.office, self.asked("account"), False
        if "@" in account:
            found = await office.accounts.search(account, limit=1)
            unknown = not found or found[0].email != account.lower()
            account = "" if unknown else found[0].id
        until = self.moment("until", last=True)
        if self.before is not None:
            until = self.before
        wanted = Audited(
            account_id=account,
            act=self.asked("act"),
            by=self.asked("by"),
            since=self.moment("since") or 0.0,
            until=until,
        )
        lines, following = ([], None) if unknown else await office.audit.page(wanted, limit=ROWS)
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


class Shown(Value, frozen=True):
    """An upstream and how it is."""

    name: str
    vendor: str
    base_url: str
    origin: str
    keys: Sequence[str]
    places: Sequence[Place]
    marks: Sequence[Told]


class UpstreamsPage(AdminPage):
    template: ClassVar[str] = "admin_upstreams.html"
    acts: ClassVar[Mapping[str, str]] = {"enable": "enable"}

    @override
    async def values(self) -> dict[str, Any]:
        marks = [each for each in await self.parts.office.marks.all() if each.openings or each.cool > 0]
        return {"upstreams": list(self._shown(marks))}

    def _shown(self, marks: Sequence[Told]) -> Iterator[Shown]:
        origins = {line.key: line for line in self.parts.lines}
        for number, each in enumerate(self.parts.settings.upstreams):
            line: Line | None = origins.get(f"upstreams[{number}].name")
            routes = [
                (model, route)
                for model in self.parts.catalogue.models
                for route in model.routes
                if route.upstream == each.name
            ]
            yield Shown(
                name=each.name,
                vendor=each.vendor,
                base_url=str(mask("base_url", each.base_url or "")),
                origin="" if line is None else line.origin,
                keys=sorted({key.name for _, route in routes for key in route.credentials}),
                places=[self._place(model.name, route) for model, route in routes],
                marks=[mark for mark in marks if mark.spot[0] == each.name],
            )

    def _place(self, model: str, route: Any) -> Place:
        gate = self.parts.gate
        waits = [
            gate.health.wait(upstream=route.upstream, credential=key.name, model=route.model)
            for key in route.credentials
        ]
        return Place(model, route.model, gate.standing.figures(route.place), min(waits, default=0.0))

    async def enable(self) -> None:
        name = self.form.text("name")
        if not await self.parts.office.marks.enable(name, by=self.visit.by):
            raise UsageError(f"nothing of {name} is left alone", zh=f"{name} 没有被停用或搁置")
        self.go("/admin/upstreams", self.say("It is used again."))
