"""What the operators' pages share: who sees and who changes, how amounts and moments are written, pages of lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import format_amount
from tornadogw.accounts.desk import Actor, above
from tornadogw.handlers.base import Access
from tornadogw.portal.listing import ListPage
from tornadogw.portal.sheet import sheet
from tornadogw.store.ports import ROLES, Account

__all__ = ["AdminPage"]

_NAMED = frozenset({"id", "account_id"})
"""Fields of the audit log that stand in columns of their own."""
_MOMENTS = frozenset({"created", "expires", "ends", "since", "until"})
_AMOUNTS = frozenset(
    {"amount", "balance", "credited", "daily", "due", "budget_daily", "budget_total"}
    | {"input", "output", "cached_input", "cache_write", "reasoning"}
)
"""Of them, those in micro-units; prices too are for a million tokens."""


class AdminPage(ListPage):
    """Readers see it, operators send its forms, unless the page says otherwise."""

    access: ClassVar[Access] = "reader"
    change: ClassVar[Access] = "operator"

    @property
    def actor(self) -> Actor:
        """Who acts, for the services that ask what they may."""
        return Actor(by=self.visit.by, role=self.visit.account.role)

    @property
    def zone(self) -> str:
        """In which moments are written."""
        return self.parts.settings.money.time_zone

    def when(self, at: float | None) -> str:
        """A moment, for people."""
        return "–" if at is None else f"{datetime.fromtimestamp(at, ZoneInfo(self.zone)):%Y-%m-%d %H:%M:%S}"

    async def account_asked(self) -> str | None:
        """The id of the account that the address asks for, by id or e-mail address; empty: none; None: nobody's."""
        account = self.asked("account")
        if "@" not in account:
            return account
        found = await self.parts.office.accounts.search(account, limit=1)
        return found[0].id if found and found[0].email == account.lower() else None

    async def emails(self, account_ids: Iterable[str]) -> Mapping[str, str]:
        """The addresses of accounts that a page of a list names."""
        return await self.parts.office.accounts.emails(sorted({each for each in account_ids if each}))

    def changeable(self, account: Account) -> bool:
        """Whether the visitor may change the account."""
        return above(self.visit.account.role, account.role)

    def download(self, name: str, rows: Iterable[Sequence[str | int]]) -> None:
        """Answer with a table as a file."""
        self.fields["Content-Type"] = "text/csv; charset=utf-8"
        self.fields["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        self.fields["Cache-Control"] = "no-store"
        _ = self.finish(sheet(rows))

    def told(self, fields: Mapping[str, Any]) -> str:
        """What stood before or after a change, for people; without what says nothing."""
        said = {name: value for name, value in fields.items() if name not in _NAMED and value not in (None, "", [], {})}
        return ", ".join(f"{name}: {self._told(name, value)}" for name, value in said.items())

    def _told(self, name: str, value: Any) -> str:
        """A field of a line of the audit log: moments and amounts as on every page."""
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if name in _MOMENTS:
                return self.when(value)
            if name in _AMOUNTS:
                return format_amount(int(value))
        return msgspec.json.encode(value).decode()

    @override
    def frame(self) -> dict[str, Any]:
        shown = super().frame()
        return {
            **shown,
            "amount": format_amount,
            "rounded": _rounded,
            "currency": self.parts.settings.money.currency,
            "when": self.when,
            "further": self.further,
            "told": self.told,
            "asked": self.asked,
            "owner": shown["visit"] is not None and self.visit.account.role == "owner",
            "roles": {
                "user": self.say("user"),
                "reader": self.say("reader"),
                "operator": self.say("operator"),
                "owner": self.say("owner"),
            },
            "role_names": ROLES,
        }


def _rounded(micro: int) -> str:
    """An amount at a glance."""
    return f"{micro / 1_000_000:,.2f}"
