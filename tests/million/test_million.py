"""A million events: `tox -e million`, or `python -m pytest -s tests/million`. Takes some minutes."""

from __future__ import annotations

import pytest

from tests.million.month import check_month
from tornadogw.store.mongo import Mongo

COUNT = 1_000_000


@pytest.mark.gen_test(timeout=1800)
async def test_a_month_among_a_million_events(mongo: Mongo, capsys) -> None:
    took = await check_month(mongo, COUNT)
    with capsys.disabled():
        print(f"\n{COUNT} events")
        for name, figure in took.items():
            print(f"  {name:28} {figure:10.2f}")
