from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.store.events import day_name, days_ago, entries, stored
from tornadogw.day_writer import DayWriter
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_money import Entry

CALLS = entries(*[stored(days_ago(0), number) for number in range(6)])


class Book:
    """A `DayBook` that notes what it is given, and fails as it is told."""

    def __init__(self) -> None:
        self.added: list[list[Entry]] = []
        self.marked: list[list[Entry]] = []
        self.error: Exception | None = None
        self.asked = asyncio.Event()

    async def add(self, entries: Sequence[Entry]) -> None:
        self._note(self.added, entries)

    async def mark(self, entries: Sequence[Entry]) -> None:
        self._note(self.marked, entries)

    def _note(self, notes: list[list[Entry]], entries: Sequence[Entry]) -> None:
        self.asked.set()
        if self.error is not None:
            raise self.error
        notes.append(list(entries))


async def test_calls_are_added_once_and_many_at_a_time() -> None:
    book = Book()
    writer = DayWriter(book, every=60.0)
    writer.start()
    writer.add(CALLS[:1])
    await book.asked.wait()
    writer.add(CALLS[1:3])
    writer.add(CALLS[3:4])
    writer.mark(CALLS[4:])
    await asyncio.sleep(0)
    assert book.added == [CALLS[:1]]  # the rest waits for its second to be over
    await writer.close()
    assert (book.added, book.marked) == ([CALLS[:1], CALLS[1:4]], [CALLS[4:]])
    await writer.close()
    assert len(book.added) == 2


async def test_nothing_costs_nothing() -> None:
    book = Book()
    writer = DayWriter(book, every=0.0)
    writer.start()
    writer.add([])
    writer.mark([])
    await asyncio.sleep(0.01)
    await writer.close()
    assert not book.asked.is_set()


@pytest.mark.parametrize("error", [StoreUnavailable("x"), ValueError("x")])
async def test_what_failed_is_not_added_again(error: Exception, claim_log) -> None:
    """Nobody knows how much of it was done."""
    if not isinstance(error, StoreUnavailable):
        claim_log("tornadogw.day_writer", "when its day is closed")
    book = Book()
    book.error = error
    writer = DayWriter(book, every=0.0)
    writer.start()
    writer.add(CALLS[:1])
    await book.asked.wait()
    book.error = None
    book.asked.clear()
    writer.add(CALLS[1:])
    await book.asked.wait()
    await writer.close()
    assert book.added == [CALLS[1:]]


async def test_a_mark_is_tried_until_it_is_there() -> None:
    book = Book()
    book.error = StoreUnavailable("x")
    writer = DayWriter(book, every=0.01)
    writer.start()
    writer.mark(CALLS)
    await book.asked.wait()
    book.error = None
    while not book.marked:
        await asyncio.sleep(0.001)
    await writer.close()
    assert book.marked == [CALLS]


async def test_closing_while_the_database_is_away_ends() -> None:
    book = Book()
    book.error = StoreUnavailable("x")
    writer = DayWriter(book)
    writer.add(CALLS)
    await writer.close()
    assert book.added == []


async def test_a_gateways_calls_are_in_their_day(start) -> None:
    async with start() as gateway:
        for _ in range(3):
            assert (await gateway.ask())[0] == 200
        account, days = await gateway.account(), MongoDays(gateway.mongo, "Asia/Shanghai")
        async with asyncio.timeout(20):
            while sum(each.requests for day in await page(days, account.id) for each in day.models.values()) < 3:
                await asyncio.sleep(0.01)
        assert await page(days, account.id) == await days.days(account.id, day_name(2), day_name(-1))


async def page(days: MongoDays, account_id: str):
    return await days.page(account_id, day_name(2), day_name(-1))
