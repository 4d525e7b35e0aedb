from __future__ import annotations

import csv

from tests.portal.staff import staff
from tests.store.events import day_name, days_ago, entries, stored
from tornadogw.portal.admin_usage import rows
from tornadogw.store.mongo_totals import MongoTotals
from tornadogw.store.ports_usage import Sum, Total


def test_rows_by_day_model_and_upstream() -> None:
    totals = [
        Total("20260101", {("m", "up"): Sum(1, 10), ("n", "up"): Sum(1, 30)}),
        Total("20260102", {("m", "two"): Sum(1, 25)}),
    ]
    for by, expected in (
        ("day", [("2026-01-01", 40), ("2026-01-02", 25)]),
        ("model", [("m", 35), ("n", 30)]),
        ("upstream", [("up", 40), ("two", 25)]),
    ):
        assert [(row.name, row.sums.cost) for row in rows(totals, by)] == expected


async def test_usage_and_profit(start) -> None:
    async with start() as gateway, staff(gateway, "reader") as people:
        visitor = people.visitors["reader"]
        assert "No charged calls in these days." in await visitor.get("/admin/usage")
        events = [
            stored(days_ago(3), 5_000_000, m="=m", up="up", st="whole", pc=2_000_000),
            stored(days_ago(3), 1_000_000, m="n", up="up", st="cut", pc=4_000_000),
            stored(days_ago(40), 7_000_000, m="old", up="up", st="whole"),
        ]
        await MongoTotals(gateway.mongo, "UTC").add(entries(*events))
        await visitor.get("/admin/usage")
        for text in ("=m", "6.00", "-3.00", "up"):
            assert text in visitor.text, text
        assert "old" not in visitor.text.partition("<main")[2].partition("</main>")[0]
        await visitor.get(f"/admin/usage?since={days_ago(40):%Y-%m-%d}")
        assert "For 7.00 CNY" in visitor.text or "For 7.00 " in visitor.text
        await visitor.get("/admin/usage?csv=model")
        assert visitor.headers["Content-Type"].startswith("text/csv")
        found = {row["model"]: row for row in csv.DictReader(visitor.text.splitlines())}
        assert set(found) == {"'=m", "n"}, "no spreadsheet runs a name"
        assert (found["n"]["profit"], found["n"]["failed"], found["'=m"]["profit"]) == (" -3.00", "1", "3.00")
        await visitor.get(f"/admin/usage?csv=day&since={days_ago(3):%Y-%m-%d}&until={days_ago(3):%Y-%m-%d}")
        [row] = csv.DictReader(visitor.text.splitlines())
        assert row["day"].replace("-", "") == day_name(3)
