"""What an operator sees first: calls, money, accounts, and how the upstreams are."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from typing_extensions import override

from tornadogw.portal.admin import AdminPage
from tornadogw.portal.public import health_of
from tornadogw.store.ports_usage import Sum, Total

__all__ = ["AdminOverviewPage", "summed"]

DAYS = 30
MOST_FAILURES = 1000
"""Of the last day that are counted."""


def summed(sums: Iterable[Sum]) -> Sum:
    """All of them in one."""
    return Sum(*(sum(column) for column in zip(*(_row(each) for each in sums), strict=True))) if sums else Sum()


def _row(each: Sum) -> tuple[int, ...]:
    return (each.requests, each.cost, each.prompt, each.completion, each.failed, each.paid, each.unknown)


class AdminOverviewPage(AdminPage):
    template: ClassVar[str] = "admin_overview.html"

    @override
    async def values(self) -> dict[str, Any]:
        office, gate = self.parts.office, self.parts.gate
        today = datetime.now(ZoneInfo(self.zone))
        first, last = f"{today - timedelta(days=DAYS - 1):%Y%m%d}", f"{today:%Y%m%d}"
        totals = await office.totals.totals(first, last)
        return {
            "today": _all(each for each in totals if each.day == last),
            "month": _all(totals),
            "days": DAYS,
            "accounts": await office.accounts.count(),
            "disabled": await office.accounts.count(disabled=True),
            "failures": await office.calls.failures(time.time() - 86_400, MOST_FAILURES),
            "most_failures": MOST_FAILURES,
            "models": [health_of(model, gate) for model in self.parts.catalogue.models],
            "marks": [each for each in await office.marks.all() if each.openings or each.cool > 0],
        }


def _all(totals: Iterable[Total]) -> Sum:
    return summed([each for day in totals for each in day.sums.values()])
