"""What a user sees first: money, plan, and what the last days came to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.accounts.accounts import format_amount
from tornadogw.handlers.base import Access
from tornadogw.portal.chart import bars, shares
from tornadogw.portal.moments import day_after, shown_day, shown_moment
from tornadogw.portal.private import PrivatePage
from tornadogw.store.ports_decisions import Calls
from tornadogw.store.ports_usage import Count, UsageDay
from tornadogw.store.trade import Standing
from tornadogw.types import Value

__all__ = ["OverviewPage", "Row", "row", "rows_of"]

DAYS = 30
RECENT = 5


class Row(Value, frozen=True):
    """What some calls came to."""

    name: str
    requests: int = 0
    tokens: int = 0
    cost: int = 0


class PlanToday(Value, frozen=True):
    """The plan of now, and what is used of today's amount; micro-units."""

    name: str
    until: str
    daily: int
    used: int

    @property
    def percent(self) -> int:
        return min(100, self.used * 100 // self.daily) if self.daily else 100


class OverviewPage(PrivatePage):
    access: ClassVar[Access] = "login"
    template: ClassVar[str] = "console_overview.html"

    @override
    async def values(self) -> dict[str, Any]:
        office, account, zone = self.parts.office, self.visit.account, await self.own_zone()
        standing = await office.subscriptions.of(account)
        names = [day_after(back, zone, self.now) for back in range(-DAYS + 1, 1)]
        days = {day.day: day for day in await office.days.page(account.id, names[0], names[-1])}
        by_day = [row(shown_day(name), days[name].models.values() if name in days else ()) for name in names]
        by_model = rows_of(days.values())
        recent, _ = await office.calls.calls(Calls(account_id=account.id), RECENT)
        return {
            "amount": format_amount,
            "when": lambda at: shown_moment(at, zone),
            "currency": self.parts.settings.money.currency,
            "plan": await self._plan(standing, days.get(names[-1]), zone),
            "by_day": by_day,
            "by_model": list(zip(by_model, _shares(by_model), strict=True)),
            "total": row("", [count for day in days.values() for count in day.models.values()]),
            "charts": [
                (title, bars([(each.name, getattr(each, name)) for each in by_day], said))
                for title, name, said in (
                    (self.say("Money"), "cost", format_amount),
                    (self.say("Requests"), "requests", "{:,}".format),
                    (self.say("Tokens used"), "tokens", "{:,}".format),
                )
            ],
            "recent": recent,
        }

    async def _plan(self, standing: Standing, today: UsageDay | None, zone: str) -> PlanToday | None:
        now = self.now
        mine = next((each for each in standing.subscriptions if each.since <= now < each.until), None)
        if mine is None:
            return None
        plan = await self.parts.office.plans.show(mine.plan)
        used = today.wallets.get("day", Count()).cost if today is not None else 0
        return PlanToday(plan.name, shown_moment(mine.until, zone), plan.daily, used)


def _shares(rows: Sequence[Row]) -> Sequence[str]:
    """By money, or by requests where nothing costs anything."""
    return shares([each.cost for each in rows] if any(each.cost for each in rows) else [each.requests for each in rows])


def row(name: str, counts: Iterable[Count]) -> Row:
    """The sum of some counts."""
    some = list(counts)
    return Row(
        name,
        sum(each.requests for each in some),
        sum(each.prompt + each.completion for each in some),
        sum(each.cost for each in some),
    )


def rows_of(days: Iterable[UsageDay]) -> Sequence[Row]:
    """By model, the dearest first."""
    models: dict[str, list[Count]] = {}
    for day in days:
        for name, count in day.models.items():
            models.setdefault(name, []).append(count)
    rows = (row(name, counts) for name, counts in models.items())
    return sorted(rows, key=lambda each: (-each.cost, -each.requests, each.name))
