"""Every collection whose documents are looked up has its indexes, and no collection is named twice."""

from __future__ import annotations

from tornadogw.store.mongo_indexes import INDEXES


async def test_they_are_made(database):
    names = [name for rooms in INDEXES for name in rooms]
    assert len(names) == len(set(names))
    for name in names:
        assert len(await database[name].index_information()) > 1
