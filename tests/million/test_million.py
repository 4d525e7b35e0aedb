"""A million events: `tox -e million`, or `python -m pytest -s tests/million`. Takes some minutes."""

from __future__ import annotations

import pytest

from tests.million.month import check_month
from tests.million.pages import check_pages, fill, reader
from tests.portal.browser import Visitor
from tornadogw.store.mongo import Mongo

COUNT = 1_000_000
ACCOUNTS = 10_000


@pytest.mark.gen_test(timeout=1800)
async def test_a_month_among_a_million_events(mongo: Mongo, capsys) -> None:
    took = await check_month(mongo, COUNT)
    with capsys.disabled():
        print(f"\n{COUNT} events")
        for name, figure in took.items():
            print(f"  {name:28} {figure:10.2f}")


@pytest.mark.gen_test(timeout=3600)
async def test_the_operators_pages_among_ten_thousand_accounts(start, capsys) -> None:
    async with start(timeout_ms=600_000) as gateway, Visitor(gateway) as visitor:
        await reader(gateway, visitor)
        await fill(gateway, ACCOUNTS, COUNT)
        costs = await check_pages(gateway, visitor, repeats=9)
        with capsys.disabled():
            print(f"\n{ACCOUNTS} accounts, {COUNT} events: documents and keys examined, median ms")
            for path, cost in costs.items():
                print(f"  {path:60} {cost.documents:7} {cost.keys:7} {cost.ms:8.1f}")
        await gateway.mongo.database.drop_collection("events")  # to remove them one by one would take too long
