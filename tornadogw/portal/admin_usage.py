"""Usage and profit of all accounts, by day, model or upstream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from typing_extensions import override

from tornadogw.accounts.accounts import format_amount
from tornadogw.portal.admin import AdminPage
from tornadogw.portal.admin_overview import summed
from tornadogw.portal.chart import Chart, bars
from tornadogw.store.ports_usage import Sum, Total
from tornadogw.types import Value

__all__ = ["UsagePage", "charts", "filled", "rows"]

MOST_DAYS = 400
BY = ("day", "model", "upstream")
_HEADS = (
    "requests",
    "failed",
    "prompt_tokens",
    "completion_tokens",
    "charged",
    "cost",
    "profit",
    "cost_unknown_of",
)


class Row(Value, frozen=True):
    """What calls of one day, model or upstream came to."""

    name: str
    sums: Sum


def rows(totals: Sequence[Total], by: str) -> Sequence[Row]:
    """Days in their order; models and upstreams by what was charged."""
    groups: dict[str, list[Sum]] = {}
    for total in totals:
        day = date(int(total.day[:4]), int(total.day[4:6]), int(total.day[6:])).isoformat()
        for (model, upstream), each in total.sums.items():
            groups.setdefault({"day": day, "model": model, "upstream": upstream}[by], []).append(each)
    found = [Row(name, summed(sums)) for name, sums in groups.items()]
    return found if by == "day" else sorted(found, key=lambda row: (-row.sums.cost, row.name))


def filled(days: Sequence[Row], first: date, last: date) -> Sequence[Row]:
    """The days with those between them that have no calls."""
    known = {row.name: row for row in days}
    names = ((first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1))
    return [known.get(name, Row(name, Sum())) for name in names]


def charts(days: Sequence[Row], titles: tuple[str, str, str]) -> Sequence[tuple[str, Chart]]:
    """Requests, what was charged, and profit, a bar a day, under these titles."""
    requests, charged, profit = titles
    return [
        (requests, bars([(row.name, row.sums.requests) for row in days], "{:,}".format)),
        (charged, bars([(row.name, row.sums.cost) for row in days], format_amount)),
        (profit, bars([(row.name, row.sums.profit) for row in days], format_amount)),
    ]


class UsagePage(AdminPage):
    template: ClassVar[str] = "admin_usage.html"

    def _span(self) -> tuple[date, date]:
        """First and last day, both counted."""
        today = datetime.now(ZoneInfo(self.zone)).date()
        since, until = self.moment("since", self.zone), self.moment("until", self.zone)
        last = today if until is None else self._date(until)
        first = last - timedelta(days=29) if since is None else self._date(since)
        return max(first, last - timedelta(days=MOST_DAYS - 1)), last

    def _date(self, at: float) -> date:
        return datetime.fromtimestamp(at, ZoneInfo(self.zone)).date()

    async def _totals(self) -> tuple[date, date, Sequence[Total]]:
        first, last = self._span()
        return first, last, await self.parts.office.totals.totals(f"{first:%Y%m%d}", f"{last:%Y%m%d}")

    @override
    async def get(self, *rest: str) -> None:
        by = self.asked("csv")
        if by not in BY:
            await super().get(*rest)
            return
        first, last, totals = await self._totals()
        table = [(by, *_HEADS), *((row.name, *_cells(row.sums)) for row in rows(totals, by))]
        self.download(f"usage-{by}-{first}-{last}", table)

    @override
    async def values(self) -> dict[str, Any]:
        first, last, totals = await self._totals()
        tables: Mapping[str, Sequence[Row]] = {by: rows(totals, by) for by in BY}
        titles = self.say("Requests"), self.say("Charged"), self.say("Profit")
        return {
            "charts": charts(filled(tables["day"], first, last), titles),
            "first": first,
            "last": last,
            "tables": tables,
            "whole": summed(row.sums for row in tables["day"]),
        }


def _cells(sums: Sum) -> Iterable[int | str]:
    amounts = (sums.cost, sums.paid, sums.profit, sums.unknown)
    return (sums.requests, sums.failed, sums.prompt, sums.completion, *(_number(each) for each in amounts))


def _number(amount: int) -> str:
    """As a spreadsheet takes it for a number: what is below zero begins with a blank, which is no formula."""
    return f" {format_amount(amount)}" if amount < 0 else format_amount(amount)
