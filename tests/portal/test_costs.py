"""What pages read does not grow with what there is: the small size of `tests/million`."""

from __future__ import annotations

import pytest

from tests.million.pages import check_pages, fill, reader
from tests.portal.browser import Visitor
from tornadogw.store.mongo_pages import LOOK


@pytest.mark.gen_test(timeout=120)
async def test_pages_among_some_accounts_and_calls(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        await reader(gateway, visitor)
        await fill(gateway, accounts=600, calls=LOOK + 1000)
        await check_pages(gateway, visitor)
