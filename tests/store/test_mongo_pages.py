from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_pages import scan

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


async def walk(mongo: Mongo, rest: dict[str, Any], limit: int, look: int) -> list[list[int]]:
    """All pages."""
    pages, before = [], None
    while True:
        found, before = await scan(mongo.database["audit"], {"a": "x"}, rest, before=before, limit=limit, look=look)
        pages.append([each["_id"] for each in found])
        if before is None:
            return pages


@pytest.mark.parametrize("rest", [{}, {"odd": True}])
@pytest.mark.parametrize("look", [3, 7, 1000])
async def test_pages_have_everything_once(mongo: Mongo, rest: dict[str, Any], look: int) -> None:
    times = [0, 1, 2, 2, 2, 3, 4, 5, 6, 6, 7, 8]
    lines = [
        {"_id": number, "a": "x", "t": BEGIN + timedelta(milliseconds=at), "odd": bool(number % 2)}
        for number, at in enumerate(times)
    ]
    await mongo.database["audit"].insert_many([*lines, {"_id": 99, "a": "y", "t": BEGIN}])
    pages = await walk(mongo, rest, 4, look)
    wanted = [line["_id"] for line in lines if line["odd"] or not rest]
    found = [number for page in pages for number in page]
    assert sorted(found) == wanted
    at = [times[number] for number in found]
    assert at == sorted(at, reverse=True)
    assert all(len(page) <= 4 for page in pages)


async def test_more_of_one_moment_than_a_page_takes_ends(mongo: Mongo) -> None:
    await mongo.database["audit"].insert_many([{"a": "x", "t": BEGIN} for _ in range(5)])
    assert [len(page) for page in await walk(mongo, {}, 2, 1000)] == [2, 0]
