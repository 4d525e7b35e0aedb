"""A user's API keys: make, change, disable, rotate. A key's text is on one answer, and on no page after it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.accounts.accounts import format_amount
from tornadogw.accounts.keys import KEEP, NewKey, Wanted
from tornadogw.errors import UnknownPath
from tornadogw.handlers.base import Access
from tornadogw.jsontext import dumps
from tornadogw.portal.form import Fields
from tornadogw.portal.moments import day_after, shown_moment
from tornadogw.portal.private import PrivatePage
from tornadogw.router import AUTO
from tornadogw.store.ports import ApiKey
from tornadogw.types import Value

__all__ = ["MyKeyPage", "MyKeysPage"]

USED_DAYS = 30
"""Days of which the calls are told."""
_STREAM: Mapping[str, bool | None] = {"": None, "yes": True, "no": False}


class ShownKey(Value, frozen=True):
    """A key as its owner sees it."""

    key: ApiKey
    state: str
    """`active`, `disabled` or `expired`."""
    created: str
    expires: str
    used: str
    """When its last call began, empty: it was never used."""
    requests: int
    """In the last `USED_DAYS` days."""


class OwnKeys(PrivatePage):
    """What the list and the page of one key share."""

    access: ClassVar[Access] = "login"

    @property
    def email(self) -> str:
        return self.visit.account.email

    async def shown_keys(self) -> Sequence[ShownKey]:
        """The account's, oldest first."""
        office, zone = self.parts.office, await self.own_zone()
        first, last = day_after(-USED_DAYS + 1, zone), day_after(0, zone)
        requests: Counter[str] = Counter()
        for day in await office.days.page(self.visit.account.id, first, last):
            requests.update({key_id: count.requests for key_id, count in day.keys.items()})
        keys = await office.keys.list(self.email)
        used = await office.uses.last([key.id for key in keys])
        return [self._shown(key, used.get(key.id), requests[key.id], zone) for key in keys]

    def _shown(self, key: ApiKey, used: float | None, requests: int, zone: str) -> ShownKey:
        expired = key.expires is not None and key.expires <= self.now
        return ShownKey(
            key,
            "disabled" if key.disabled else "expired" if expired else "active",
            shown_moment(key.created, zone),
            "" if key.expires is None else shown_moment(key.expires, zone),
            "" if used is None else shown_moment(used, zone),
            requests,
        )

    def show_text(self, new: NewKey) -> None:
        """The one page that has a key's text."""
        self.show("console_key_new.html", new=new.key, text=new.text, curl=self._curl(new.text, new.key.models))

    def _curl(self, text: str, models: Sequence[str] | None) -> str:
        """A line that works: of a model that the key may use, for what that can do."""
        allowed = [each for each in self.parts.catalogue.models if models is None or each.name in models]
        chats = [each for each in allowed if "chat" in each.modes]
        name = next((each.name for each in (*chats, *allowed)), AUTO)
        chat = {"messages": [{"role": "user", "content": "Hello"}]}
        body = {"model": name, **(chat if chats or not allowed else {"prompt": "Hello"}), "stream": False}
        address = f"{self.base_url}{self.parts.settings.server.prefix}/chat/completions"
        headers = [f"Authorization: Bearer {text}", "Content-Type: application/json"]
        return shlex.join(
            ["curl", address, *(word for each in headers for word in ("-H", each)), "-d", dumps(body).decode()]
        )

    async def shared(self) -> dict[str, Any]:
        """What the fields of a key's form need."""
        return {"models": [model.name for model in self.parts.catalogue.models], "limits": self.parts.settings.limits}


class MyKeysPage(OwnKeys):
    template: ClassVar[str] = "console_keys.html"
    acts: ClassVar[Mapping[str, str]] = {"create": "create"}

    @override
    async def values(self) -> dict[str, Any]:
        return {**await self.shared(), "keys": await self.shown_keys(), "filled": self.form.again()}

    async def create(self) -> None:
        wanted, form = wanted_of(self.form), self.form
        new = await self.parts.office.keys.create(
            self.email,
            label=wanted.label,
            rpm=wanted.rpm,
            models=wanted.models,
            ips=wanted.ips,
            expires=form.maybe("expires"),
            stream_default=wanted.stream_default,
            daily_budget=wanted.daily_budget,
            budget=wanted.budget,
            tpm=wanted.tpm,
            concurrent=wanted.concurrent,
            by=self.visit.by,
        )
        self.show_text(new)


class MyKeyPage(OwnKeys):
    template: ClassVar[str] = "console_key.html"
    acts: ClassVar[Mapping[str, str]] = {
        "change": "save",
        "disable": "disable",
        "enable": "enable",
        "rotate": "rotate",
    }

    @override
    async def check(self) -> None:
        await super().check()
        self._id = self.request.path.rpartition("/")[2]

    @override
    async def values(self) -> dict[str, Any]:
        shown = next((each for each in await self.shown_keys() if each.key.id == self._id), None)
        if shown is None:
            raise UnknownPath
        again = self.form.again()
        return {**await self.shared(), "shown": shown, "filled": again or _filled(shown.key)}

    async def save(self) -> None:
        expires = self.form.text("expires") or KEEP
        await self.parts.office.keys.change(
            self.email, self._id, wanted_of(self.form), expires=expires, by=self.visit.by
        )
        self.go(self.request.path, self.say("The key was changed."))

    async def disable(self) -> None:
        await self.parts.office.keys.disable(self.email, self._id, by=self.visit.by)
        self.go(self.request.path, self.say("The key is disabled."))

    async def enable(self) -> None:
        await self.parts.office.keys.enable(self.email, self._id, by=self.visit.by)
        self.go(self.request.path, self.say("The key is enabled."))

    async def rotate(self) -> None:
        self.show_text(await self.parts.office.keys.rotate(self.email, self._id, by=self.visit.by))


def wanted_of(form: Fields) -> Wanted:
    """What a key's form asks for. Raises UsageError."""
    return Wanted(
        label=form.text("label"),
        rpm=form.whole("rpm"),
        models=form.list("models") or None,
        ips=form.list("ips"),
        stream_default=_STREAM.get(form.text("stream_default")),
        daily_budget=form.maybe("daily_budget"),
        budget=form.maybe("budget"),
        tpm=form.whole("tpm"),
        concurrent=form.whole("concurrent"),
    )


def _filled(key: ApiKey) -> Mapping[str, str]:
    """The form of a key as it is."""
    numbers = {"rpm": key.rpm, "tpm": key.tokens_per_minute, "concurrent": key.concurrent}
    budgets = {"daily_budget": key.budget_daily, "budget": key.budget_total}
    return {
        "label": key.label,
        "models": ", ".join(key.models or ()),
        "ips": ", ".join(key.ips),
        "stream_default": {None: "", True: "yes", False: "no"}[key.stream_default],
        **{name: "" if number is None else str(number) for name, number in numbers.items()},
        **{name: "" if amount is None else format_amount(amount) for name, amount in budgets.items()},
    }
