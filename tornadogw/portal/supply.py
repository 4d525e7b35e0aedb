"""Operators edit upstreams and models of the database, test an upstream, and ask where a request would go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from typing_extensions import override

from tornadogw.accounts.supply_shown import Shown
from tornadogw.dry_run import ask_for, caller_of, dry_run
from tornadogw.errors import UnknownPath, UsageError
from tornadogw.portal.admin import AdminPage
from tornadogw.portal.form import Fields
from tornadogw.portal.supply_fields import (
    PRICES,
    model_fields,
    model_filled,
    rows_filled,
    upstream_fields,
    upstream_filled,
)
from tornadogw.store.ports import ApiKey
from tornadogw.trial import Outcome
from tornadogw.types import Caller

__all__ = ["DryRunPage", "ModelPage", "ModelsAdminPage", "UpstreamPage"]

NEW = "new"
"""In the place of a name: the form of one that is not there yet."""
BLANK = 2
NEEDS = ("tools", "images", "json_schema")


class SupplyPage(AdminPage):
    """What the pages of one upstream and of one model share."""

    where: ClassVar[str]

    @property
    def named(self) -> str:
        """Empty: a new one."""
        name = unquote(self.request.path.removeprefix(f"{self.where}/"))[:200]
        return "" if name == NEW else name

    @property
    def revision(self) -> int:
        """Of what the editor has seen."""
        return self.form.whole("revision") or 0

    def done(self, notice: str, name: str = "") -> None:
        self.go(f"{self.where}/{quote(name, safe='')}" if name else self.where, notice)


class UpstreamPage(SupplyPage):
    template: ClassVar[str] = "admin_upstream.html"
    where: ClassVar[str] = "/admin/upstreams"
    acts: ClassVar[Mapping[str, str]] = {
        "save": "save",
        "remove": "remove",
        "add_key": "add_key",
        "remove_key": "remove_key",
        "test": "test",
    }
    outcomes: Sequence[Outcome] | None = None
    lifted = 0
    """Places that the test has shown to answer, and that are no longer left alone."""

    @override
    async def values(self) -> dict[str, Any]:
        found = await _shown(self.parts.supply.upstream, self.named)
        again = self.form.again() if self.wrong is not None else {}
        return {
            "shown": found,
            "filled": {**upstream_filled(found.fields if found else {}), **again},
            "vendors": sorted(self.vendors()),
            "outcomes": self.outcomes,
            "lifted": self.lifted,
        }

    def vendors(self) -> set[str]:
        """That can be named."""
        return {name for plugin in self.parts.plugins for name in plugin.vendors}

    async def save(self) -> None:
        supply, owner = self.parts.supply, self.visit.account.role == "owner"
        fields = upstream_fields(self.form, owner=owner)
        if self.named:
            await supply.change_upstream(self.actor, self.named, fields, revision=self.revision)
            self.done(self.say("Saved; every process applies it within two seconds."), self.named)
            return
        fields |= {"vendor": self.form.maybe("vendor")}
        given = {name: value for name, value in fields.items() if value is not None}
        name = self.form.text("name")
        await supply.add_upstream(self.actor, name, given, self.form.list("secrets"))
        self.done(self.say("Saved; every process applies it within two seconds."), name)

    async def remove(self) -> None:
        await self.parts.supply.remove_upstream(self.actor, self.named, revision=self.revision)
        self.done(self.say("It was removed."))

    async def add_key(self) -> None:
        text = self.form.raw("secret")
        await self.parts.supply.add_key(self.actor, self.named, text, revision=self.revision)
        self.done(self.say("The key is added; it is not shown again."), self.named)

    async def remove_key(self) -> None:
        number = self.form.whole("number") or 0
        await self.parts.supply.remove_key(self.actor, self.named, number, revision=self.revision)
        self.done(self.say("The key is removed."), self.named)

    async def test(self) -> None:
        """Waits for the upstream, up to a minute; what answers is no longer left alone."""
        self.outcomes = await self.parts.supply.test(self.named, self.form.text("model"))
        self.lifted = len(await self.parts.office.marks.answered(self.named, self.outcomes, by=self.visit.by))
        self.show(self.template, **await self.values())


class ModelsAdminPage(AdminPage):
    template: ClassVar[str] = "admin_models.html"

    @override
    async def values(self) -> dict[str, Any]:
        return {"models": await self.parts.supply.models()}


class ModelPage(SupplyPage):
    template: ClassVar[str] = "admin_model.html"
    where: ClassVar[str] = "/admin/models"
    acts: ClassVar[Mapping[str, str]] = {"save": "save", "remove": "remove"}

    @override
    async def values(self) -> dict[str, Any]:
        found = await _shown(self.parts.supply.model, self.named)
        fields = found.fields if found else {}
        filled = model_filled(fields)
        routes = fields.get("routes") or []
        if self.wrong is not None:
            filled |= _again(self.form)
            routes = [
                {name: self.form.text(f"route{at}_{name}") for name in ("upstream", "model", "priority", "weight")}
                for at in range(len(routes) + BLANK)
                if self.form.text(f"route{at}_upstream")
            ]
        return {
            "shown": found,
            "filled": filled,
            "rows": rows_filled(routes, BLANK),
            "prices": PRICES,
            "upstreams": [each.name for each in await self.parts.supply.upstreams()],
        }

    async def save(self) -> None:
        supply, fields = self.parts.supply, model_fields(self.form)
        if self.named:
            await supply.change_model(self.actor, self.named, fields, revision=self.revision)
            name = self.named
        else:
            name = self.form.text("name")
            given = {field: value for field, value in fields.items() if value is not None}
            await supply.add_model(self.actor, name, given)
        self.done(self.say("Saved; every process applies it within two seconds."), name)

    async def remove(self) -> None:
        await self.parts.supply.remove_model(self.actor, self.named, revision=self.revision)
        self.done(self.say("It was removed."))


class DryRunPage(AdminPage):
    """Nobody is asked, nothing is charged."""

    template: ClassVar[str] = "admin_route.html"
    verbs: ClassVar[tuple[str, ...]] = ("GET", "HEAD")

    @override
    async def values(self) -> dict[str, Any]:
        model, key_id = self.asked("model"), self.asked("key")
        needs = [need for need in NEEDS if self.asked(need)]
        prompt = self.asked("prompt")
        dry = None
        if model:
            caller = Caller("", "")
            if key_id:
                key = await self._key(key_id)
                caller = caller if key is None else caller_of(key)
            draft = ask_for(
                model,
                mode="completion" if self.asked("mode") == "completion" else "chat",
                needs=needs,
                prompt_tokens=int(prompt) if prompt.isascii() and prompt.isdecimal() and len(prompt) < 8 else 100,  # noqa: PLR2004 -- a million at most
            )
            dry = dry_run(self.parts.gate, caller, draft)
        return {
            "dry": dry,
            "asked_for": {name: self.asked(name) for name in ("model", "key", "mode", "prompt", *NEEDS)},
            "models": [*(each.name for each in self.parts.catalogue.models), "auto"],
        }

    async def _key(self, key_id: str) -> ApiKey | None:
        found = await self.parts.office.keys.search(key_id)
        for each in found:
            if each.id == key_id:
                return each
        self.wrong = UsageError(f"there is no key {key_id}", zh=f"没有密钥 {key_id}", field="key")
        return None


def _again(form: Fields) -> dict[str, Any]:
    """What a form is filled with when it is shown once more."""
    again = dict(form.again())
    return again | {"modes": list(form.all("modes")), "capabilities": list(form.all("capabilities"))}


async def _shown(read: Callable[[str], Awaitable[Shown]], name: str) -> Shown | None:
    """None: a new one."""
    if not name:
        return None
    try:
        return await read(name)
    except UsageError:
        raise UnknownPath from None
